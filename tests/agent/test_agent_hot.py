"""Hot functions as handles of routes, mounted, and without HTTP, beside inline and cold functions."""

from __future__ import annotations

import fcntl
import io
import logging
import os
import signal
import socket
import struct
import termios
import threading

import pytest

from microfn import Router
from microfn.agent import Agent, Busy, ClientLeft, Closed, Failed, Refused, Stopped, TimedOut, TooLarge

from . import broken_handles, hot_handles
from .waiting import wait_until

LATER = 60.0
# Answers each request with its own head, as text.
ECHO = """
import sys
while head := list(iter(sys.stdin.buffer.readline, b"\\r\\n")):
    body = b"".join(head)
    sys.stdout.buffer.write(b"HTTP/1.1 200 OK\\r\\nConnection: keep-alive, x-hop\\r\\nX-Hop: 1\\r\\nX-End: 1\\r\\n")
    sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
    sys.stdout.flush()
"""


def hot(agent, function, **options):
    return agent.hot(function, **{"memory": 64, "timeout": LATER, "start_timeout": LATER, **options})


def python(agent, program, **options):
    return hot(agent, ["python3", "-c", program], **options)


def submit(agent, function, method="GET", path="/", **options):
    call = agent.submit(agent.get_call(method, path, function=function, **options))
    return call.status, call.writer.getvalue().decode()


def bytes_in(pipe):
    """The number of bytes that nobody has read yet."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def free(agent):
    return agent._hot.keeper.counts


def test_handle_is_called_by_a_route_a_mount_and_without_http(agent):
    app, function = Router(), hot(agent, hot_handles.count)
    app.get("/route")(function)
    app.mount("/mount", function)
    client = app.test_client()
    texts = [client.get("/route").text, client.get("/mount/x").text, submit(agent, function)[1]]
    assert [text.split()[1] for text in texts] == ["1", "2", "3"]
    assert len({text.split()[0] for text in texts}) == 1


def test_functions_of_an_agent_share_its_processes_memory(agent):
    one, other = hot(agent, hot_handles.count), hot(agent, hot_handles.tell)
    assert (submit(agent, one)[0], submit(agent, other)[0]) == ("200 OK", "200 OK")
    assert free(agent) == {"free": 384, "waiting": 0, "processes": 2}


def test_handle_has_the_request_its_params_and_its_deadline(agent):
    app = Router()
    app.post("/a/:id", convert={"id": int})(hot(agent, hot_handles.tell, timeout=50))
    answer = app.test_client().post("/a/7?b=c", data="body", headers={"Fn-Attempt": "9", "Fn-Params": '{"id": 8}'})
    told = answer.json
    assert (told["method"], told["url"], told["params"]) == ("POST", "http://localhost/a/7?b=c", {"id": 7})
    assert (told["body"], told["attempt"], told["id"]) == ("body", "1", answer.headers["Fn-Call-Id"])
    assert 0 < told["left"] < 50


def test_command_gets_http_without_headers_of_the_connection(agent):
    app = Router()
    app.mount("/m", python(agent, ECHO))
    headers = {"Connection": "keep-alive, X-Own", "X-Own": "1", "Keep-Alive": "5", "Accept": "text/plain"}
    answer = app.test_client().get("/m/a%20b?c=d", headers=headers)
    lines = answer.text.splitlines()
    assert lines[0] == "GET /a%20b?c=d HTTP/1.1"
    names = {line.partition(":")[0] for line in lines[1:]}
    assert names >= {"Host", "Accept", "Fn-Call-Id", "Fn-Deadline", "Fn-Attempt", "Fn-Params"}
    assert not names & {"Connection", "Keep-Alive", "Transfer-Encoding"}
    assert (answer.headers.get("X-End"), answer.headers.get("X-Hop")) == ("1", None)


def test_hooks_counts_and_logs_are_those_of_any_function(agent, caplog):
    seen = []
    agent.before_call(lambda call: seen.append(("before", call.name)))
    agent.after_call(lambda call: seen.append(("after", call.log)))
    function = hot(agent, hot_handles.noisy)
    with caplog.at_level(logging.INFO, "microfn.agent"):
        call = agent.submit(agent.get_call("GET", function=function))
    assert seen == [("before", "tests.agent.hot_handles:noisy"), ("after", call.log)]
    assert b"said" in call.log
    assert f"call {call.id} wrote to stderr" in caplog.text
    assert agent.counts()[call.name] == {
        "queued": 0,
        "running": 0,
        "completed": 1,
        "refused": 0,
        "timed_out": 0,
        "failed": 0,
    }


def test_call_of_an_inline_route_is_one_call(agent):
    app, calls = Router(), []
    agent.after_call(calls.append)
    app.get("/", use=[agent.inline(timeout=20)])(hot(agent, hot_handles.count))
    answer = app.test_client().get("/")
    (call,) = calls
    assert (answer.headers.get_all("Fn-Call-Id"), call.state) == ([call.id], "ended")
    assert 0 < call.deadline.timeout <= 20


def test_text_between_calls_is_logged_without_a_call(agent, caplog):
    function = hot(agent, hot_handles.mutter)
    with caplog.at_level(logging.INFO, "microfn.agent"):
        submit(agent, function)
        (process,) = agent._hot.keeper._processes.values()
        wait_until(lambda: bytes_in(process.err))
        call = agent.submit(agent.get_call("GET", function=function))
        assert call.log == b""
        wait_until(lambda: "call - of <Function" in caplog.text, 60)
    assert "afterwards" in caplog.text


@pytest.mark.parametrize("first", ["cold", "hot"])
@pytest.mark.slow
def test_hot_and_cold_functions_share_the_memory(agent, first):
    """Hot and cold functions share 512 MiB, and idle hot processes end if a cold call needs their memory."""
    if first == "cold":
        cold = agent.cold(["cat"], memory=400, timeout=LATER)
        assert submit(agent, cold, body=b"x")[1] == "x"
    function = hot(agent, hot_handles.count, memory=400)
    if first == "hot":
        cold = agent.cold(["cat"], memory=400, timeout=LATER)
    pid = submit(agent, function)[1].split()[0]
    assert submit(agent, cold, "POST", body=b"as it came") == ("200 OK", "as it came")
    assert not os.path.exists(f"/proc/{pid}")
    assert submit(agent, function)[1].split()[1] == "1"


@pytest.mark.slow
def test_function_may_be_made_hot_while_a_cold_call_runs(agent):
    cold = agent.cold(["sh", "-c", "echo x; sleep 60"], memory=400, timeout=LATER)
    execution = agent._engine.run_call(agent.get_call("GET", function=cold))
    function = hot(agent, hot_handles.count, memory=200)
    with pytest.raises(Busy):
        submit(agent, function, timeout=0.5)
    execution.close()
    assert submit(agent, function)[0] == "200 OK"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"idle_timeout": 0}, ValueError, "idle_timeout must be"),
        ({"idle_timeout": "1"}, TypeError, "idle_timeout must be"),
        ({"start_timeout": float("nan")}, ValueError, "start_timeout must be"),
        ({"max_calls": 0}, ValueError, "max_calls must be"),
        ({"max_processes": True}, TypeError, "max_processes must be"),
        ({"memory": 5}, ValueError, "memory must be 20 or more, got 5"),
        ({"timeout": 0}, ValueError, "timeout must be"),
        ({"name": ""}, ValueError, "name must be"),
        ({"max_content_length": -1}, ValueError, "max_content_length must be"),
        ({"env": {"A": "." * 100_000, "B": "." * 100_000}}, ValueError, "argv and env have"),
    ],
)
def test_invalid_options_are_refused_at_once(agent, options, error, message):
    with pytest.raises(error, match=message):
        hot(agent, hot_handles.count, **options)


def test_handle_that_nobody_can_import_is_refused_at_once(agent):
    with pytest.raises(ValueError, match="importable by another process"):
        hot(agent, lambda request, params: "x")


def test_processes_of_a_directory_are_not_shared_yet(tmp_path):
    with pytest.raises(NotImplementedError, match="directory must be None"):
        hot(Agent(ram="1G", directory=str(tmp_path)), hot_handles.count)


def test_call_takes_no_other_memory_than_its_process(agent):
    function, cold = hot(agent, hot_handles.count), agent.cold(["cat"], memory=16, timeout=5)
    with pytest.raises(ValueError, match="memory must be left out for a hot function"):
        agent.get_call("GET", function=function, memory=32)
    assert agent.get_call("GET", function=cold, memory=32).memory == 32


def test_function_larger_than_all_memory_is_refused(agent, caplog):
    function = hot(agent, hot_handles.count, memory=600)
    assert "each call will be refused" in caplog.text
    with pytest.raises(TooLarge):
        submit(agent, function)


@pytest.mark.parametrize(
    ("program", "detail"),
    [
        ("input(); print('hello\\n\\n', flush=True); input()", "not HTTP"),
        ("input()", "ended without a response"),
        ("input(); raise SystemExit(3)", "ended with 3"),
        ("input(); import os, time; os.close(0); os.close(1); time.sleep(60)", "ended without a response"),
        ("input(); print('HTTP/1.1 200 OK\\n\\n')", "has no length"),
        ("input(); print('HTTP/1.1 200 OK\\nContent-Length: 9\\n\\n', end='')", "less than it announced"),
        (
            "input(); print('HTTP/1.1 200 OK\\nContent-Length: 0\\n\\nmore', flush=True); input()",
            "more than it announced",
        ),
    ],
)
def test_command_that_answers_nothing_valid_fails_its_call(agent, program, detail):
    function = python(agent, program)
    with pytest.raises(Failed, match=detail):
        submit(agent, function, "POST", body=b"body")
    wait_until(lambda: free(agent)["processes"] == 0, 60)


@pytest.mark.parametrize("command", [["true"], ["echo", "hello"]])
def test_command_that_ends_at_once_is_launched_once_a_call(agent, command):
    function = hot(agent, command)
    for _ in range(3):
        with pytest.raises(Failed, match=r"cannot be started|ended without a response"):
            submit(agent, function)
    assert agent._hot.keeper._pool._launches == 3
    wait_until(lambda: free(agent)["processes"] == 0, 60)


def test_module_that_cannot_be_imported_is_explained_in_the_log(agent, caplog):
    function = hot(agent, broken_handles.handle)
    with caplog.at_level(logging.INFO, "microfn.agent"), pytest.raises(Failed, match="cannot be started"):
        submit(agent, function)
    assert "it has no license here" in caplog.text
    assert free(agent) == {"free": 512, "waiting": 0, "processes": 0}


def test_handle_that_is_imported_for_too_long_cannot_be_started(agent):
    function = hot(agent, hot_handles.count, start_timeout=0.01)
    with pytest.raises(Failed, match="cannot be started"):
        submit(agent, function)
    wait_until(lambda: free(agent)["processes"] == 0, 60)


def test_file_that_is_no_program_cannot_be_started(agent, tmp_path):
    script = tmp_path / "script"
    script.write_text("no first line", "utf-8")
    script.chmod(0o755)
    with pytest.raises(Failed, match="cannot be started") as caught:
        submit(agent, hot(agent, [str(script)]))
    assert "#!" in caught.value.reason


def test_request_that_cannot_be_spelled_costs_no_process(agent):
    function = hot(agent, hot_handles.count)
    submit(agent, function)
    with pytest.raises(Refused):
        submit(agent, function, headers={"X": "." * 70_000})
    assert submit(agent, function)[1].split()[1] == "2"


def test_response_that_is_cut_tells_how_the_process_ended(agent):
    execution = agent._engine.run_call(agent.get_call("GET", function=hot(agent, hot_handles.half)))
    assert execution.read_head().status == "200 OK"
    with pytest.raises(Failed, match="ended by signal 9"):
        list(iter(execution.read, b""))
    execution.close()
    execution.close()


def test_output_beyond_its_limit_fails_the_call(agent):
    function = hot(agent, hot_handles.echo, output=1000)
    assert submit(agent, function, "POST", body=b"." * 1000)[1] == "." * 1000
    with pytest.raises(Failed, match="too long"):
        submit(agent, function, "POST", body=b"." * 1001)


@pytest.mark.slow
def test_call_that_takes_too_long_has_its_process_killed_first(agent):
    function = hot(agent, hot_handles.sleep)
    submit(agent, function, path="/?not")
    with pytest.raises(TimedOut):
        submit(agent, function, timeout=1.5)
    assert not [
        one for one in list(agent._hot.keeper._processes.values()) if os.path.exists(f"/proc/{one.process.pid}/exe")
    ]
    wait_until(lambda: free(agent) == {"free": 512, "waiting": 0, "processes": 0}, 60)


def test_client_that_leaves_has_the_process_killed(agent):
    app, errors = Router(), []
    agent.after_call(lambda call: errors.append(call.error))
    app.mount("/sleep", hot(agent, hot_handles.sleep))
    client, server = socket.socketpair()
    with client, server:
        threading.Timer(0.5, client.close).start()
        app.test_client().get("/sleep", environ_overrides={"gunicorn.socket": server})
    assert isinstance(errors[0], ClientLeft)
    wait_until(lambda: free(agent)["processes"] == 0, 60)


def test_closed_agent_stops_the_calls_that_run():
    agent, errors = Agent(ram="512M"), []
    function = hot(agent, hot_handles.sleep)

    def run():
        try:
            submit(agent, function)
        except Failed as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: agent.counts()["tests.agent.hot_handles:sleep"]["running"], 60)
    assert not agent.close(0.0)
    thread.join(60)
    assert [type(error) for error in errors] == [Stopped]
    with pytest.raises(Closed):
        submit(agent, function)
    assert agent.close(60)


def test_forked_child_has_processes_of_its_own(agent):
    function = hot(agent, hot_handles.count)
    parent = submit(agent, function)[1].split()
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(write, submit(agent, function)[1].encode())
            agent.close()
        finally:
            os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as source:
        child = source.read().split()
    os.waitpid(pid, 0)
    assert (child[1], child[0] != parent[0]) == ("1", True)
    assert submit(agent, function)[1].split() == [parent[0], "2"]


@pytest.mark.slow
def test_body_of_a_call_is_closed_whatever_becomes_of_it(agent):
    function = hot(agent, hot_handles.count)
    for body in b"x", io.BytesIO(b"x" * 100_000):
        call = agent.get_call("POST", function=function, body=body)
        file = call.body
        agent.submit(call)
        assert file.closed
    os.kill(int(submit(agent, function)[1].split()[0]), signal.SIGSTOP)
    call = agent.get_call("POST", function=function, body=b"x" * 1_000_000, timeout=1)
    file = call.body
    with pytest.raises(TimedOut):
        agent.submit(call)
    assert file.closed
