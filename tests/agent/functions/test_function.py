"""Functions at registration: an invalid program is rejected early."""

from __future__ import annotations

import os
import sys
import time

import pytest

from microfn.agent import Agent, Failed
from microfn.agent.functions.program import handle_name, handle_program
from microfn.agent.functions.texts import LONGEST_TEXT
from microfn.agent.interpreter import interpreter

from .. import handles


def function(agent, argv=("cat",), **options):
    return agent.cold(list(argv), **{"memory": 16, "timeout": 5, **options}).function


def test_a_program_is_found_when_it_is_registered(agent, tmp_path):
    script = tmp_path / "report.sh"
    script.write_text("#!/bin/sh\n", "utf-8")
    script.chmod(0o700)
    assert os.path.isabs(function(agent).program.argv[0])
    assert function(agent, ["cat", "-u", "ä"]).program.argv[1:] == ["-u", "ä"]
    assert function(agent, [str(script)]).program.argv == [str(script)]
    assert function(agent, ["./report.sh"], cwd=tmp_path).program.argv == [str(script)]
    assert function(agent, ["./report.sh"], cwd=str(tmp_path)).program.cwd == str(tmp_path)
    assert function(agent).program.cwd == os.getcwd()


WRONG = {
    "no program": (ValueError, "must name a program, got an empty list", {"argv": []}),
    "one that is not there": (
        ValueError,
        "program that can be run, got 'not-there'",
        {"argv": ["not-there"]},
    ),
    "one that cannot be run": (ValueError, "program that can be run, got '/etc/passwd'", {"argv": ["/etc/passwd"]}),
    "a directory": (ValueError, "program that can be run, got '/'", {"argv": ["/"]}),
    "an empty name": (ValueError, "program that can be run, got ''", {"argv": [""]}),
    "a number": (TypeError, "function must hold strings, got 1", {"argv": ["cat", 1]}),
    "bytes": (TypeError, "function must hold strings, got b'x'", {"argv": ["cat", b"x"]}),
    "a NUL": (ValueError, "function must hold strings without NUL", {"argv": ["cat", "a\0b"]}),
    "an argument that is too long": (
        ValueError,
        "131071 bytes at most, got 131072",
        {"argv": ["cat", "x" * (LONGEST_TEXT + 1)]},
    ),
    "a surrogate": (ValueError, "function must contain strings that a process can have", {"argv": ["cat", "\ud800"]}),
    "arguments that are too long together": (ValueError, "argv and env have", {"argv": ["cat", *["x" * 70000] * 2]}),
    "no memory": (ValueError, "memory must be between 1 and", {"memory": 0}),
    "half of a MiB": (TypeError, "memory must be a number of MiB", {"memory": 0.5}),
    "memory that is no size": (ValueError, "memory must be a number of MiB or a text", {"memory": "much"}),
    "no time": (ValueError, "timeout must be a number of seconds above 0", {"timeout": 0}),
    "more time than a system call can wait": (ValueError, "and at most 1000000, got 1000001", {"timeout": 1_000_001}),
    "time without an end": (ValueError, "timeout must be a number of seconds", {"timeout": float("inf")}),
    "time that is no number": (ValueError, "timeout must be a number of seconds", {"timeout": float("nan")}),
    "a time as text": (TypeError, "timeout must be a number of seconds", {"timeout": "5"}),
    "another protocol": (ValueError, 'protocol must be "plain" or "cgi", got \'http\'', {"protocol": "http"}),
    "a type with a line's end": (
        ValueError,
        "content_type must be a string",
        {"content_type": "text/plain\r\nX: y"},
    ),
    "no type": (ValueError, "content_type must be a string", {"content_type": ""}),
    "a type of another type": (ValueError, "content_type must be a string", {"content_type": 7}),
    "a type of what says its own": (
        ValueError,
        "content_type must be left out for",
        {"content_type": "text/x", "protocol": "cgi"},
    ),
    "an empty name in env": (ValueError, "that are not empty, got ''", {"env": {"": "x"}}),
    "a name with =": (ValueError, "that are not empty, got 'A=B'", {"env": {"A=B": "x"}}),
    "a name that clients set": (ValueError, "env must have no name of a header", {"env": {"HTTP_API_TOKEN": "x"}}),
    "a name with a NUL": (ValueError, "env must hold strings without NUL", {"env": {"A\0": "x"}}),
    "a value with a NUL": (ValueError, "env must hold strings without NUL", {"env": {"A": "\0"}}),
    "an invalid value": (TypeError, "env must hold strings, got None", {"env": {"A": None}}),
    "an invalid name": (TypeError, "env must hold strings, got 1", {"env": {1: "A"}}),
    "an invalid environment": (TypeError, "env must be a mapping of strings", {"env": ["A=B"]}),
    "an invalid directory": (ValueError, "cwd must be a directory, got '/etc/passwd'", {"cwd": "/etc/passwd"}),
    "a directory that is no path": (TypeError, "cwd must be a path, got 7", {"cwd": 7}),
    "no output": (ValueError, "output must be 1 or more", {"output": 0}),
    "output that is no number": (TypeError, "output must be a number", {"output": "64M"}),
    "no log": (ValueError, "log must be 1 or more", {"log": 0}),
    "no processes": (ValueError, "processes must be 1 or more", {"processes": -1}),
    "half a process": (TypeError, "processes must be a number", {"processes": 0.5}),
    "no descriptors": (ValueError, "descriptors must be 1 or more", {"descriptors": 0}),
    "no body": (ValueError, "max_content_length must be 1 or more", {"max_content_length": 0}),
    "a body that is no number": (TypeError, "max_content_length must be a number", {"max_content_length": True}),
}


@pytest.mark.parametrize(("error", "message", "options"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused_when_it_is_registered(agent, error, message, options):
    with pytest.raises(error) as raised:
        function(agent, **options)
    assert message in str(raised.value)


@pytest.mark.parametrize("argv", ["cat", b"cat", None, 7, {"cat"}])
def test_a_command_is_a_list(agent, argv):
    with pytest.raises(TypeError, match="function must be a list of strings or a handle"):
        agent.cold(argv, memory=16, timeout=60)


def test_error_tells_a_forbidden_program_from_a_missing_one(agent, tmp_path):
    (tmp_path / "script").write_text("#!/bin/sh\n", "utf-8")
    with pytest.raises(ValueError, match=r"this file may not be executed \(chmod \+x ./script\)"):
        function(agent, ["./script"], cwd=tmp_path)


def test_a_handle_is_run_by_its_name():
    assert handle_name(handles.echo) == "tests.agent.handles:echo"
    assert handle_name(handles.Functions.inner) == "tests.agent.handles:Functions.inner"
    program, _, _, name = handle_program("tests.agent.handles:echo").argv
    assert (program, name) == (interpreter(), "tests.agent.handles:echo")


def in_main(request, params):
    return ""


in_main.__module__ = "__main__"


class Callable:
    def __call__(self, request, params):
        return ""


UNNAMED = {
    "of a function": lambda request, params: "",
    "of the program itself": in_main,
    "a method of an object": Callable().__call__,
    "an object": Callable(),
}


@pytest.mark.parametrize("handle", UNNAMED.values(), ids=UNNAMED)
def test_a_handle_that_another_process_cannot_import_is_refused(agent, handle):
    with pytest.raises(ValueError, match="must be importable by another process"):
        agent.cold(handle, memory=64, timeout=60)


def test_a_handle_takes_a_request_and_params(agent):
    with pytest.raises(TypeError, match="callable as"):
        agent.cold(handles.Functions, memory=64, timeout=60)


def test_the_protocol_of_a_handle_is_its_own(agent):
    with pytest.raises(ValueError, match="protocol must be left out for a handle"):
        agent.cold(handles.echo, memory=64, timeout=60, protocol="plain")


def test_what_cannot_be_started_is_tried_less_and_less_often(agent, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    made = function(agent)
    for pause in 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0:
        made.check_start()
        made.started(False)
        failed = now
        for now in failed, failed + pause - 0.01:  # noqa: B007 - the clock reads it
            with pytest.raises(Failed, match=r"The function cannot be started\."):
                made.check_start()
        now = failed + pause + 0.01
    made.started(True)
    made.started(True)
    made.check_start()


def test_functions_are_shown_by_their_command(agent):
    assert repr(function(agent, ["cat", "-u"])).endswith("/cat -u>")
    assert repr(agent.cold(["cat"], memory=1, timeout=1)).startswith("<FunctionApp /")


def test_function_larger_than_all_memory_is_reported_at_once(agent, caplog):
    """The log has a warning when the function is registered."""
    function(agent, memory="2G")
    assert "takes 2048 MiB, and there are 512: each call will be refused" in caplog.text


def test_without_a_number_the_memory_is_that_of_the_machine():
    agent = Agent()
    made = agent.cold(["cat"], memory=16, timeout=60)
    assert agent.submit(agent.get_call("POST", body=b"x", function=made)).writer.getvalue() == b"x"
    agent.close()


def test_a_host_has_to_say_how_much_memory_it_has(tmp_path):
    agent = Agent(host_tokens=2, directory=str(tmp_path))
    with pytest.raises(ValueError, match="must be the same for all processes that share a directory"):
        agent.cold(["cat"], memory=16, timeout=60)


def test_a_directory_is_for_something(tmp_path):
    with pytest.raises(ValueError, match="must come with host_tokens= or ram="):
        Agent(directory=str(tmp_path))


def test_missing_interpreter_is_an_error_of_registration(agent, monkeypatch):
    """The error comes when a function is registered, not with its first call."""
    monkeypatch.setattr(sys, "executable", "/usr/sbin/apache2")
    monkeypatch.setattr(sys, "exec_prefix", "/not/there")
    with pytest.raises(RuntimeError, match="there is none at '/not/there/bin/python"):
        function(agent)


@pytest.mark.parametrize(("platform", "statm"), [("darwin", True), ("win32", True), ("linux", False)])
def test_unsupported_platform_is_an_error_of_registration(agent, monkeypatch, platform, statm):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os.path, "exists", lambda path: statm)
    with pytest.raises(RuntimeError, match="need Linux and /proc"):
        function(agent)
