"""The driver of hot functions. Each failure has one outcome, and the next call works."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
import time

import pytest

from microfn.agent.admission.memory_limiter import MemoryLimiter
from microfn.agent.body import spool_body
from microfn.agent.call import Call
from microfn.agent.call_request import CallRequest
from microfn.agent.deadline import Deadline
from microfn.agent.errors import Busy, Closed, Failed, TimedOut, TooLarge
from microfn.agent.functions.function import Function
from microfn.agent.functions.program import check_program
from microfn.agent.hot_driver import HotDriver, _await_ready
from microfn.agent.interpreter import interpreter
from microfn.agent.limits import Limits
from microfn.agent.process import FunctionProcess, ProcessDriver

from .waiting import wait_until

WORKER = "import sys; from microfn.agent.hot_worker import main; main(sys.argv[1])"
PLAIN = """
import sys, time
from http.server import BaseHTTPRequestHandler
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])) + self.headers["Fn-Call-Id"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def setup(self):
        self.rfile, self.wfile, self.timeout = sys.stdin.buffer, sys.stdout.buffer, None
    def log_message(self, *words): pass
    def finish(self): pass
    def handle_one_request(self):
        super().handle_one_request()
        sys.stdout.flush()
Handler(None, ("", 0), None)
"""


class World:
    """A driver, and the functions that it knows."""

    def __init__(self, total):
        self.limiter = MemoryLimiter(total)
        self.driver = HotDriver(self.limiter, ProcessDriver())

    def add(self, name, *, command=None, memory=64, timeout=60.0, env=(), **options):
        path = {"PYTHONPATH": os.getcwd(), **dict(env)}
        argv = command or [interpreter(), "-c", WORKER, f"tests.agent.hot_handles:{name}"]
        function = Function(name, check_program(argv, env=path), Limits(memory=memory), timeout=timeout)
        self.driver.prepare(function)
        self.driver.add(function, is_handle=command is None, **{"start_timeout": 60.0, **options})
        return function

    def call(self, function, body=b"", timeout=None):
        """Return the status, the body and the log of a call. Raise its error after the call has ended."""
        call = Call("POST", "/", deadline=Deadline(time.monotonic(), timeout or function.timeout))
        call.function, call.limits, call.request = function, function.limits, CallRequest("POST", "/")
        call.body = spool_body(body)
        call.submit()
        self.driver.check(call)
        execution = self.driver.run(call)
        try:
            head = execution.read_head()
            data = b"".join(iter(execution.read, b""))
        finally:
            execution.close()
        return head.status, data, execution.log

    @property
    def counts(self):
        return self.driver.keeper.counts


@pytest.fixture
def world():
    made = World(256)
    yield made
    made.driver.close()
    wait_until(lambda: made.counts == {"free": 256, "waiting": 0, "processes": 0})


def time_out(world, function):
    with pytest.raises(TimedOut):
        world.call(function, timeout=2)


def pid_of(answer):
    return int(answer[1].split()[0])


def test_process_answers_call_after_call(world):
    function = world.add("count")
    answers = [world.call(function)[1].split() for _ in range(20)]
    assert len({pid for pid, _ in answers}) == 1
    assert [int(number) for _, number in answers] == list(range(1, 21))
    assert world.counts == {"free": 192, "waiting": 0, "processes": 1}


def test_command_without_microfn_answers_in_http(world):
    function = world.add("plain", command=[interpreter(), "-c", PLAIN])
    for _ in range(3):
        status, body, _ = world.call(function, b"a body")
        assert (status, body[:6], len(body)) == ("200 OK", b"a body", 38)


@pytest.mark.slow
def test_ten_callers_with_room_for_two_launch_two(world):
    function, answers = world.add("count", memory=128), []
    threads = [threading.Thread(target=lambda: answers.append(pid_of(world.call(function)))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 10
    assert 1 <= len(set(answers)) <= 2


def test_process_that_is_killed_when_idle_is_replaced(world):
    function = world.add("count")
    pid = pid_of(world.call(function))
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"))
    assert pid_of(world.call(function)) != pid
    wait_until(lambda: world.counts["processes"] == 1)


@pytest.mark.slow
def test_process_that_is_killed_in_a_call_fails_it_at_once(world):
    function = world.add("count")
    pid = pid_of(world.call(function))
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
    began = time.monotonic()
    with pytest.raises(Failed, match="ended by signal 9"):
        world.call(function)
    assert time.monotonic() - began < 30
    assert pid_of(world.call(function)) != pid


def test_call_beyond_its_deadline_has_its_process_killed(world):
    function = world.add("count")
    pid = pid_of(world.call(function))
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(TimedOut):
        world.call(function, timeout=0.4)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"))
    assert pid_of(world.call(function)) != pid


def test_log_is_of_its_call(world):
    function = world.add("noisy")
    for _ in range(3):
        assert world.call(function)[2].count(b"said") == 1


def test_idle_process_gives_way_to_another_function(world):
    one, other = world.add("count", memory=200), world.add("unread", memory=200)
    pid = pid_of(world.call(one))
    assert world.call(other)[0].startswith("413")
    assert not os.path.exists(f"/proc/{pid}")


def test_idle_process_is_evicted_after_its_time(world):
    function = world.add("count", idle_timeout=0.3)
    pid = pid_of(world.call(function))
    wait_until(lambda: world.counts == {"free": 256, "waiting": 0, "processes": 0})
    assert not os.path.exists(f"/proc/{pid}")


def test_process_retires_after_its_calls(world):
    function = world.add("count", max_calls=2)
    assert len({pid_of(world.call(function)) for _ in range(4)}) == 2


def test_function_that_cannot_start_fails_its_caller(world):
    function = world.add("not there")
    with pytest.raises(Failed, match="cannot be started"):
        world.call(function)
    with pytest.raises(Failed, match="cannot be started"):
        world.call(function)


@pytest.mark.parametrize("name", ["send", "started"])
@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (TimedOut("The function took too long."), Failed, r"^The function cannot be started\.$"),
        (OSError(errno.EMFILE, "Too many open files"), Busy, "no room for another process"),
        (OSError(errno.ENOENT, "No such file or directory"), Failed, r"^The function cannot be started\.$"),
    ],
)
def test_error_of_a_start_is_that_of_its_call(world, monkeypatch, name, error, expected, message):
    """The time of the start is up, and not that of the call."""

    def fail(*_):
        raise error

    monkeypatch.setattr(ProcessDriver if name == "send" else FunctionProcess, name, fail)
    with pytest.raises(expected, match=message) as caught:
        world.call(world.add("count"))
    assert type(caught.value) is expected
    wait_until(lambda: world.counts["processes"] == 0)


def test_call_larger_than_all_memory_is_refused(world):
    with pytest.raises(TooLarge):
        world.call(world.add("count", memory=257))


@pytest.mark.slow
def test_call_that_finds_no_room_gives_up_in_time(world):
    one, other = world.add("count", memory=200), world.add("unread", memory=200)
    pid = pid_of(world.call(one))
    os.kill(pid, signal.SIGSTOP)
    thread = threading.Thread(target=time_out, args=(world, one))
    thread.start()
    wait_until(lambda: world.driver.keeper._ends)
    with pytest.raises(Busy):
        world.call(other, timeout=0.4)
    thread.join(60)


def test_closed_driver_refuses_and_leaves_no_process():
    world = World(256)
    function = world.add("count")
    pid = pid_of(world.call(function))
    world.driver.close()
    assert not os.path.exists(f"/proc/{pid}")
    with pytest.raises(Closed):
        world.call(function)


@pytest.mark.parametrize("said", [None, b"\r", b"no", "reset"])
def test_worker_that_does_not_say_that_it_is_ready_fails(said):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        if said == "reset":  # it ended, and had not read all
            ours.send(b"unread")
            theirs.close()
        elif said is not None:
            theirs.send(said)
        with pytest.raises(Failed, match="cannot be started"):
            _await_ready(ours, time.monotonic())
