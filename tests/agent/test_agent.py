"""Calls without HTTP: made, submitted once, recorded, refused in order, drained, and not inherited by a child."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from microfn.agent import Agent, Busy, CallError, Closed, Failed, Refused, TimedOut, TooLarge
from microfn.agent.engine import AdmittedExecution
from microfn.agent.process import ProcessDriver

from .handles import echo
from .launchers import guards, launcher_of
from .waiting import wait_until


@pytest.fixture
def cat(agent):
    return agent.cold(["cat"], memory=32, timeout=60)


def sh(agent, script, **options):
    return agent.cold(["sh", "-c", script], **{"memory": 32, "timeout": 20, **options})


def answer(agent, **options):
    return agent.submit(agent.get_call("GET", **options)).writer.getvalue().decode()


class Calls(list):
    def __init__(self, agent):
        agent.after_call(self.append)


def run_all(*targets):
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_a_call_is_made_without_http_and_carries_its_own_state(agent, cat):
    calls = Calls(agent)
    writer = io.BytesIO()
    call = agent.get_call("POST", "/64?a=b", body=b"as it came", writer=writer)
    assert (call.method, call.path, call.state, call.submitted_at, call.memory) == ("POST", "/64", "waiting", None, 32)
    assert agent.submit(call) is call
    assert writer.getvalue() == b"as it came"
    assert (call.state, call.error, call.status) == ("ended", None, "200 OK")
    assert call.headers == [("Content-Type", "text/plain; charset=utf-8")]
    assert call.submitted_at <= call.started_at <= call.ended_at
    assert calls == [call]


def test_a_call_says_all_that_a_request_says(agent):
    env = agent.cold(["env"], memory=32, timeout=60)
    headers = {"X-Name": "grün", "content-type": "text/x", "Proxy": "evil"}
    call = agent.get_call(
        "PUT", "/ä?q=ö", function=env, body=bytearray(b"123"), headers=headers, params={"id": 7, "name": "ä"}
    )
    told = dict(line.split("=", 1) for line in agent.submit(call).writer.getvalue().decode().splitlines())
    expected = {
        "REQUEST_METHOD": "PUT",
        "PATH_INFO": "/ä",
        "QUERY_STRING": "q=ö",
        "HTTP_X_NAME": "grün",
        "CONTENT_TYPE": "text/x",
        "CONTENT_LENGTH": "3",
        "FN_PARAM_id": "7",
        "FN_PARAM_name": "ä",
        "FN_PARAMS": '{"id": 7, "name": "\\u00e4"}',
        "FN_CALL_ID": call.id,
    }
    assert {name: told.get(name) for name in expected} == expected
    assert "HTTP_PROXY" not in told


def test_a_function_has_three_files_and_no_other(agent):
    sh(agent, "ls /proc/self/fd")
    assert answer(agent).split() == ["0", "1", "2", "3"]  # the last is the directory that ls reads


def test_a_body_may_be_a_file_and_is_read_from_where_it_stands(agent, cat):
    source = io.BytesIO(b"x" * 300_000)
    source.seek(1)
    assert len(agent.submit(agent.get_call("POST", body=source)).writer.getvalue()) == 299_999
    assert answer(agent, body=io.BytesIO()) == ""


WRONG = {
    "no method": (ValueError, "method must be a token .*, got ''", {"method": ""}),
    "a method with a blank": (ValueError, "method must be a token .*, got 'GET X'", {"method": "GET X"}),
    "a method that is no text": (ValueError, "method must be a token .*, got None", {"method": None}),
    "a path without a slash": (ValueError, "path must begin with", {"path": "64"}),
    "a path that is no text": (ValueError, "path must begin with", {"path": b"/"}),
    "a body as text": (TypeError, "body must be bytes", {"body": "x"}),
    "a body of nothing": (TypeError, "body must be bytes", {"body": None}),
    "a file of text": (TypeError, "body must be bytes", {"body": io.StringIO("x")}),
    "a header that has no name": (ValueError, "headers must have valid names", {"headers": {"": "x"}}),
    "a header with a line's end": (ValueError, "headers must have valid names", {"headers": {"A\n": "x"}}),
    "a header that is no text": (TypeError, "header A must be a str", {"headers": {"A": 1}}),
    "a header of two lines": (ValueError, "must have no control character", {"headers": {"A": "b\nC: d"}}),
    "headers that are pairs": (TypeError, "headers must be a mapping", {"headers": [("A", "b")]}),
    "params as text": (TypeError, "params must be a mapping", {"params": "a=b"}),
    "a writer of text": (TypeError, "writer must be a binary file", {"writer": io.StringIO()}),
    "an invalid writer": (TypeError, "writer must be a binary file", {"writer": "x"}),
    "no time": (ValueError, "timeout must be", {"timeout": 0}),
    "a time as text": (TypeError, "timeout must be", {"timeout": "1"}),
    "no memory": (ValueError, "memory must be", {"memory": 0}),
    "another thing than a function": (TypeError, "function must be a return value of this agent", {"function": "cat"}),
    "a function as it is": (TypeError, "function must be a return value of this agent", {"function": ["cat"]}),
}


@pytest.mark.parametrize(("error", "message", "options"), WRONG.values(), ids=WRONG)
def test_what_is_no_call_is_refused_when_it_is_made(agent, cat, error, message, options):
    with pytest.raises(error, match=message):
        agent.get_call(**{"method": "POST", "path": "/", **options})


def test_which_function_is_said_unless_there_is_one(agent):
    with pytest.raises(ValueError, match="this agent has 0"):
        agent.get_call("GET")
    one, other = sh(agent, "echo one"), sh(agent, "echo other")
    with pytest.raises(ValueError, match="this agent has 2"):
        agent.get_call("GET")
    assert [answer(agent, function=one), answer(agent, function=other)] == ["one\n", "other\n"]


def test_a_function_of_another_agent_is_refused(agent, cat):
    with pytest.raises(TypeError, match="must be a return value of this agent"):
        Agent(ram="64M").get_call("GET", function=cat)


def test_a_call_is_submitted_once(agent, cat):
    call = agent.submit(agent.get_call("POST", body=b"x"))
    deadline = call.deadline
    with pytest.raises(RuntimeError, match="was submitted already"):
        agent.submit(call)
    assert call.deadline is deadline
    assert call.writer.getvalue() == b"x"


def test_a_call_without_a_function_cannot_be_run(agent, cat):
    call = agent.get_call("GET")
    call.function = None
    with pytest.raises(TypeError, match="has no function"):
        agent.submit(call)


def test_a_body_that_cannot_be_read_leaves_no_file(agent, cat):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell():
                raise ConnectionResetError
            return super().read(1)

    with pytest.raises(ConnectionResetError):
        agent.get_call("POST", body=Broken(b"xyz"))


def test_a_call_is_submitted_to_the_agent_that_made_it(agent, cat):
    other = Agent(ram="64M")
    other.cold(["cat"], memory=16, timeout=60)
    with pytest.raises(TypeError, match="has no function of this agent"):
        other.submit(agent.get_call("GET"))
    with pytest.raises(TypeError, match=r"call must be a return value of get_call\(\), got <FunctionApp"):
        agent.submit(cat)


@pytest.mark.slow
def test_its_time_begins_when_it_is_submitted(agent):
    sh(agent, "echo x")
    call = agent.get_call("GET", timeout=3)
    time.sleep(3.1)
    assert agent.submit(call).writer.getvalue() == b"x\n"


ENDS = {
    "it fails": ("exit 1", {}, Failed),
    "it takes too long": ("sleep 9", {"timeout": 0.3}, TimedOut),
    "it takes too long piece by piece": ("while :; do echo x; sleep 0.02; done", {"timeout": 0.3}, TimedOut),
    "there is not so much memory": ("echo x", {"memory": 513}, TooLarge),
    "it cannot be passed on": ("echo x", {"path": "/\0"}, Refused),
}


@pytest.mark.parametrize(("script", "options", "error"), ENDS.values(), ids=ENDS)
def test_what_becomes_of_a_call_is_raised_and_recorded(agent, script, options, error):
    calls = Calls(agent)
    sh(agent, script)
    call = agent.get_call("GET", **{"path": "/", **options})
    with pytest.raises(error) as raised:
        agent.submit(call)
    assert isinstance(raised.value, CallError)
    assert (calls, call.error, call.state) == ([call], raised.value, "ended")


@pytest.mark.parametrize("why", ["memory", "a hook", "closed"])
def test_the_body_of_a_call_that_never_started_is_closed(agent, cat, why):
    call = agent.get_call("POST", body=b"a body", memory=513 if why == "memory" else None)
    if why == "a hook":
        agent.before_call(lambda call: 1 / 0)
    if why == "closed":
        agent.close()
    with pytest.raises((TooLarge, ZeroDivisionError, Closed)):
        agent.submit(call)
    assert call.body.closed


def test_a_writer_that_cannot_write_ends_the_call(agent):
    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

    sh(agent, "echo x; sleep 60")
    began = time.monotonic()
    with pytest.raises(OSError, match="No space left"):
        agent.submit(agent.get_call("GET", writer=Full()))
    assert time.monotonic() - began < 30


def test_calls_wait_in_order_for_memory(agent, tmp_path):
    """If calls need more memory than is free, they wait, and start in their order of arrival."""
    go = tmp_path / "go"
    cold = sh(agent, f'until [ -e "{go}" ]; do sleep 0.01; done', memory=300, timeout=60)
    calls = [agent.get_call("GET", function=cold) for _ in range(4)]
    memory = agent._memory._limiter

    def submit(number):
        def wait_for_the_one_before():
            wait_until(lambda: number == 0 or (calls[0].started_at is not None and memory.waiting == number - 1))
            agent.submit(calls[number])

        return wait_for_the_one_before

    def let_them_end():
        wait_until(lambda: memory.waiting == 3)
        go.touch()

    run_all(*map(submit, range(4)), let_them_end)
    assert sorted(calls, key=lambda call: call.started_at) == calls


@pytest.mark.slow
def test_who_would_wait_for_half_of_his_time_is_refused(agent):
    calls = Calls(agent)
    cold = sh(agent, "sleep 1", memory=512)
    errors = []

    def refused():
        time.sleep(0.2)
        try:
            agent.submit(agent.get_call("GET", function=cold, timeout=0.4))
        except Busy as busy:
            errors.append(busy)

    run_all(lambda: agent.submit(agent.get_call("GET", function=cold)), refused)
    assert [error.retry_after for error in errors] == [1]
    assert sorted((one.started_at is None, type(one.error)) for one in calls) == [(False, type(None)), (True, Busy)]


def test_memory_is_free_when_the_process_is_done(agent):
    """The memory is free as soon as the process has ended, even if the response is unread."""
    whole = sh(agent, "head -c 200000 /dev/zero", memory=512)
    call = agent.get_call("GET", function=whole)
    execution = agent._engine.run_call(call)
    execution.read_head()
    assert execution.read()
    assert len(agent.submit(agent.get_call("GET", function=whole)).writer.getvalue()) == 200_000
    rest = sum(map(len, iter(execution.read, b"")))
    assert rest > 0
    execution.close()


def test_host_memory_is_free_only_when_the_process_is_gone(tmp_path):
    one, other = (Agent(ram="64M", directory=str(tmp_path)) for _ in range(2))
    slow, quick = sh(one, "echo x; sleep 0.5", memory=64), sh(other, "echo y", memory=64)
    execution = one._engine.run_call(one.get_call("GET", function=slow))
    with pytest.raises(Busy):
        other.submit(other.get_call("GET", function=quick, timeout=0.2))
    began = time.monotonic()
    assert answer(other, function=quick) == "y\n"
    assert time.monotonic() - began < 30
    execution.read_head()
    assert execution.read() == b"x\n"
    execution.close()
    one.close()
    other.close()


def test_host_memory_is_free_after_a_failed_start(tmp_path):
    agent = Agent(ram="64M", directory=str(tmp_path))
    script = tmp_path / "script"
    script.write_text("#!/not/there\n", "utf-8")
    script.chmod(0o700)
    for _ in range(2):
        with pytest.raises(Failed):
            answer(agent, function=agent.cold([str(script)], memory=64, timeout=60))
    assert answer(agent, function=sh(agent, "echo x", memory=64)) == "x\n"
    agent.close()


def test_calls_at_once_get_each_its_own(agent, cat):
    got = {}

    def submit(number):
        body = str(number).encode() * 100_000
        got[number] = agent.submit(agent.get_call("POST", body=body)).writer.getvalue() == body

    run_all(*(lambda number=number: submit(number) for number in range(12)))
    assert got == dict.fromkeys(range(12), True)


def test_there_is_one_launcher_whoever_comes_first(agent, cat):
    before = guards()
    run_all(*[lambda: agent.submit(agent.get_call("POST", body=b"x"))] * 8)
    assert len(guards()) == len(before) + 1


@pytest.mark.parametrize(("of_guard", "detail"), [(int, "was ended by signal 9"), (launcher_of, "was lost")])
def test_killed_launcher_fails_its_calls_and_has_a_successor(agent, of_guard, detail):
    """Calls fail the same way if the guard is killed or if the launcher is."""
    before = guards()
    cold = sh(agent, "sleep 60")
    pids = []

    def kill():
        wait_until(lambda: set(guards()) - set(before))
        (guard,) = set(guards()) - set(before)
        pids.append(guard)
        launcher_of(launcher_of(guard))  # the function has started
        time.sleep(0.1)
        os.kill(of_guard(guard), signal.SIGKILL)

    errors = []

    def submit():
        try:
            agent.submit(agent.get_call("GET", function=cold))
        except Failed as failed:
            errors.append(failed.detail)

    run_all(submit, kill)
    assert errors == [f"The function {detail}."]
    assert answer(agent, function=sh(agent, "echo x")) == "x\n"
    assert not set(pids) & set(guards())


def test_closing_lets_calls_end_and_refuses_others(agent):
    cold = sh(agent, "sleep 0.4; echo x")
    got = []

    def close():
        time.sleep(0.15)
        got.append(agent.close(10))

    run_all(lambda: got.append(answer(agent, function=cold)), close)
    assert sorted(got, key=str) == [True, "x\n"]
    with pytest.raises(Closed):
        answer(agent, function=cold)


def test_waiting_call_is_refused_when_the_agent_closes(agent):
    cold = sh(agent, "sleep 60", memory=512)
    errors = []

    def submit():
        try:
            answer(agent, function=cold)
        except CallError as error:
            errors.append(type(error))

    def close():
        end = time.monotonic() + 60
        while (agent.running < 2 or not agent._cold._processes._launcher) and time.monotonic() < end:
            time.sleep(0.01)
        assert not agent.close(0.1)

    run_all(submit, submit, close)
    assert sorted(error.__name__ for error in errors) == ["Closed", "Stopped"]
    assert agent._cold._processes._launcher is None


def test_closing_kills_what_does_not_end_in_time(agent):
    cold = sh(agent, "sleep 60")
    errors = []

    def submit():
        try:
            answer(agent, function=cold)
        except Failed as failed:
            errors.append((failed.detail, failed.status))

    def close():
        time.sleep(0.2)
        assert not agent.close(0.1)

    run_all(submit, close)
    assert errors == [("The server is being stopped.", 503)]


PROGRAM = """
import os, sys, threading, time
from microfn.agent import Agent
agent = Agent(ram="256M")
cold = agent.cold(["sh", "-c", "echo $$; exec sleep 60"], memory=32, timeout=60)
class Writer:
    def write(self, data):
        sys.stdout.write(data.decode()); sys.stdout.flush(); written.set()
written = threading.Event()
threading.Thread(target=lambda: agent.submit(agent.get_call("GET", writer=Writer())), daemon=True).start()
written.wait(60)
{}
"""


@pytest.mark.parametrize("how", ["pass", "time.sleep(60)", "os._exit(0)"])
def test_functions_end_with_their_process_however_it_ends(how):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(how)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    function = int(program.stdout.readline())
    if how.endswith("(60)"):
        program.kill()
    program.communicate(timeout=10)
    wait_until(lambda: not os.path.exists(f"/proc/{function}"))


def test_forked_child_has_an_agent_of_its_own(agent):
    """A forked child has no calls of its parent, and can make its own calls."""
    cold = sh(agent, "echo x; sleep 0.6; echo y")
    execution = agent._engine.run_call(agent.get_call("GET", function=cold))
    assert isinstance(execution, AdmittedExecution)
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            assert agent.running == 0
            own = agent.cold(["echo", "child"], memory=512, timeout=60)
            os.write(write, answer(agent, function=own).encode())
            agent.close()
        finally:
            os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as source:
        assert source.read() == "child\n"
    os.waitpid(pid, 0)
    execution.read_head()
    assert b"".join(iter(execution.read, b"")) == b"x\ny\n"
    execution.close()


def test_a_driver_refuses_a_call_without_a_function(agent, cat):
    call = agent.get_call("GET")
    call.function = None
    with pytest.raises(TypeError, match="has no function"):
        ProcessDriver().run(call)


@pytest.mark.slow
def test_a_thousand_calls_leave_nothing(agent):
    cold = agent.cold(["true"], memory=32, timeout=60)
    answer(agent, function=cold)
    before = len(os.listdir("/proc/self/fd"))
    launcher = guards()[-1]
    for _ in range(1000):
        answer(agent, function=cold)
    assert len(os.listdir("/proc/self/fd")) == before
    assert len(os.listdir(f"/proc/{launcher}/fd")) < 12


def test_a_function_ignores_no_signal_whatever_python_ignores(agent):
    ignored = answer(agent, function=agent.cold(["grep", "SigIgn", "/proc/self/status"], memory=32, timeout=60))
    assert int(ignored.split()[1], 16) & 0x7FFFFFFF == 0  # the other bits are signals of the C library


def test_a_call_that_is_refused_leaves_no_body_open(agent, cat):
    call = agent.get_call("POST", body=b"pears", memory="1G")
    with pytest.raises(TooLarge):
        agent.submit(call)
    assert call.body.closed


def test_calls_are_counted_by_the_names_of_their_functions(agent, cat):
    named = agent.cold(["sh", "-c", "exit 3"], memory=32, timeout=60, name="reports")
    agent.submit(agent.get_call("POST", "/secret", function=cat))
    with pytest.raises(Failed):
        agent.submit(agent.get_call("POST", "/secret", function=named))
    with pytest.raises(TooLarge):
        agent.submit(agent.get_call("POST", function=cat, memory="1G"))
    counts = agent.counts()
    assert counts["cat"] == dict.fromkeys(counts["cat"], 0) | {"completed": 1, "refused": 1}
    assert counts["reports"] == dict.fromkeys(counts["cat"], 0) | {"failed": 1}
    assert agent.cold(echo, memory=64, timeout=60).function.name == "tests.agent.handles:echo"


@pytest.mark.parametrize(("name", "error"), [("", ValueError), (" ", ValueError), ("a\n", ValueError), (7, TypeError)])
def test_name_of_a_function_can_be_shown(agent, name, error):
    with pytest.raises(error, match="name must be"):
        agent.cold(["cat"], memory=32, timeout=60, name=name)


def test_hooks_count_for_the_time_in_which_a_call_may_start(agent, cat):
    """A call is refused if half of its time is over when its hooks return."""
    agent.before_call(lambda call: time.sleep(0.3))
    call = agent.get_call("POST", timeout=0.5)
    with pytest.raises(Busy):
        agent.submit(call)
    assert call.started_at is None
