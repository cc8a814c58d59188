"""The server's side of the launcher, even if the launcher is late, gone, or another server's."""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from microfn.agent import Agent, Busy, Closed, Failed, Refused, TimedOut
from microfn.agent import process as module
from microfn.agent.functions.function_process import End
from microfn.agent.process import FunctionProcess, ProcessDriver

from .launchers import launcher_of


@pytest.fixture
def talk():
    """A function whose events come from the test."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    out, err = os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_RDONLY)
    process = FunctionProcess(ours, out, err)
    yield process, theirs
    process.close()
    theirs.close()


class Launcher:
    is_lost = False

    def __init__(self):
        self.functions = set()

    def is_old(self):
        return False

    def leave(self, function):
        self.functions.remove(function)


def soon():
    return time.monotonic() + 60


def test_a_function_has_started_when_that_was_told(talk):
    process, theirs = talk
    theirs.send(b"started 4711")
    process.started(Launcher(), soon())
    assert process.pid == 4711


def test_a_function_that_could_not_be_started_says_why(talk):
    process, theirs = talk
    theirs.send(b"failed 13")
    with pytest.raises(PermissionError):
        process.started(Launcher(), soon())


def test_where_nothing_is_heard_its_time_runs_out(talk):
    process, _ = talk
    with pytest.raises(TimedOut):
        process.started(Launcher(), time.monotonic() + 0.02)


@pytest.mark.parametrize("is_unread", [False, True], ids=["nothing", "a message that it has not read"])
def test_start_fails_if_the_launcher_is_gone(talk, is_unread):
    """The start fails, even if the launcher left data in the socket."""
    process, theirs = talk
    if is_unread:
        process._socket.send(b"unread")
    theirs.close()
    launcher = Launcher()
    with pytest.raises(Failed, match="The function was lost"):
        process.started(launcher, soon())
    assert launcher.is_lost


def test_its_end_is_heard_once_and_remembered(talk):
    process, theirs = talk
    assert not process.has_ended
    theirs.send(b"exited 3 -")
    assert not process.has_ended
    theirs.send(b"ended 3 -")
    theirs.close()
    assert process.has_ended
    assert [process.end(), process.end()] == [End(3, "-")] * 2
    process.close()
    process.close()
    process.stop()
    assert process.has_ended


@pytest.mark.parametrize(
    ("told", "end"),
    [
        (b"ended 86 -", End(0, "-")),
        (b"ended 86 time", End(0, "time")),
        (b"ended 0 -", End(0, "unfinished")),
        (b"ended 0 time", End(0, "time")),
        (b"ended 1 -", End(1, "-")),
    ],
)
def test_exit_code_of_success_is_that_of_the_program(talk, told, end):
    process, theirs = talk
    process._done = 86
    theirs.send(told)
    assert process.end() == end


def test_close_waits_a_moment_for_the_rest_of_its_group(talk, monkeypatch):
    process, theirs = talk
    monkeypatch.setattr(module, "GRACE", 30)
    theirs.send(b"exited 0 -")
    process.end()
    timer = threading.Timer(0.1, theirs.close)
    timer.start()
    began = time.monotonic()
    process.close()
    assert 0.05 < time.monotonic() - began < module.GRACE
    timer.join()


def test_close_does_not_wait_for_ever(talk, monkeypatch):
    process, theirs = talk
    monkeypatch.setattr(module, "GRACE", 0.05)
    theirs.send(b"exited 0 -")
    process.end()
    process.close()
    assert theirs.recv(1) == b""


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (lambda process: process.has_gone(), True),
        (lambda process: process.end(), End(-signal.SIGKILL, "lost")),
    ],
    ids=["has it gone", "how did it end"],
)
def test_socket_that_is_reset_is_the_end(talk, question, answer):
    """The launcher's side was closed before all that was sent to it was read."""
    process, theirs = talk
    process._socket.send(b"unread")
    theirs.close()
    assert question(process) == answer


def test_process_that_ends_is_exiting_before_that_is_told(talk):
    process, _ = talk
    process.pid = os.getpid()
    assert not process.is_exiting
    function = subprocess.Popen(["true"])
    os.waitid(os.P_PID, function.pid, os.WEXITED | os.WNOWAIT)
    process.pid = function.pid
    assert process.is_exiting  # a zombie
    function.wait()
    assert process.is_exiting  # gone


def test_group_is_killed_here_if_the_launcher_is_silent(talk):
    process, _ = talk
    function = subprocess.Popen(["sleep", "60"], start_new_session=True)
    process.pid = function.pid
    assert process.end() == End(-9, "lost")
    assert function.wait(60) == -9
    process.end()


def test_group_of_another_is_not_killed_if_the_launcher_is_gone(talk):
    """After a group has ended, its id can belong to another one."""
    process, theirs = talk
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    process.pid = other.pid
    theirs.close()
    assert process.end() == End(-9, "lost")
    with pytest.raises(subprocess.TimeoutExpired):
        other.wait(0.2)
    other.kill()
    other.wait()


def test_a_group_that_is_gone_cannot_be_killed_and_need_not(talk):
    process, _ = talk
    function = subprocess.Popen(["true"], start_new_session=True)
    function.wait()
    process.pid = function.pid
    assert process.end() == End(-9, "lost")


@pytest.fixture
def no_free_numbers():
    """Open files until their numbers have no gap, so that a limit of numbers is a limit of files."""
    files = [os.open("/dev/null", os.O_RDONLY)]
    while files[-1] < max(int(name) for name in os.listdir("/proc/self/fd")) - 1:
        files.append(os.open("/dev/null", os.O_RDONLY))
    yield
    for file in files:
        os.close(file)


@pytest.mark.parametrize("has_launcher", [False, True])
def test_call_is_refused_if_there_are_too_many_files(agent, has_launcher, no_free_numbers):
    """No file stays open."""
    agent.cold(["true"], memory=16, timeout=60)
    if has_launcher:
        agent.submit(agent.get_call("GET"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = os.listdir("/proc/self/fd")
    refused = 0
    for number in range(40):
        call = agent.get_call("GET")
        # A new file gets the lowest free number, so this limit is about the number of open files.
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(before) - 1 + number, hard))
        try:
            agent.submit(call)
            break
        except Busy:
            refused += 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert os.listdir("/proc/self/fd") == before
    assert 1 < refused < 40


@pytest.mark.parametrize(
    ("number", "error", "is_held_against_it"),
    [
        (errno.EACCES, Failed, True),
        (errno.EAGAIN, Busy, False),
        (errno.ENOMEM, Busy, False),
        (errno.E2BIG, Refused, False),
        (errno.ENOENT, Failed, True),
    ],
)
def test_why_it_could_not_be_started_is_whose_fault_it_is(agent, monkeypatch, number, error, is_held_against_it):
    made = agent.cold(["cat"], memory=16, timeout=60).function

    def started(process, launcher, until):
        raise OSError(number, "")

    monkeypatch.setattr(FunctionProcess, "started", started)
    with pytest.raises(error):
        agent.submit(agent.get_call("GET"))
    if is_held_against_it:
        with pytest.raises(Failed):
            made.check_start()
    else:
        made.check_start()


def test_an_interrupt_while_it_starts_leaves_nothing(agent, monkeypatch):
    agent.cold(["cat"], memory=16, timeout=60)

    def started(process, launcher, until):
        raise KeyboardInterrupt

    monkeypatch.setattr(FunctionProcess, "started", started)
    with pytest.raises(KeyboardInterrupt):
        agent.submit(agent.get_call("GET"))
    assert agent.running == 0


def test_launcher_that_is_unreachable_twice_is_an_error(agent, monkeypatch):
    """The error leaves no file and no process behind."""
    agent.cold(["cat"], memory=16, timeout=60)

    def tell(launcher, data, files, until):
        raise BrokenPipeError

    monkeypatch.setattr(module._Launcher, "send", tell)
    with pytest.raises(BrokenPipeError):
        agent.submit(agent.get_call("GET"))
    assert agent.running == 0


def test_a_pipe_may_be_as_long_as_a_user_may_have_it(agent, monkeypatch):
    agent.cold(["echo", "x"], memory=16, timeout=60)

    def fcntl(*args):
        raise PermissionError

    monkeypatch.setattr(module.fcntl, "fcntl", fcntl)
    assert agent.submit(agent.get_call("GET")).writer.getvalue() == b"x\n"


@pytest.mark.parametrize(("command", "code"), [("exec sleep 60", -signal.SIGUSR1), ("trap '' USR1; sleep 5", -9)])
def test_a_launcher_that_does_not_end_is_killed(monkeypatch, command, code):
    """The guard is asked to kill the launcher; if it does nothing, it is killed too."""
    monkeypatch.setattr(module, "_PATIENCE", 0.2)
    way, other = socket.socketpair()
    process = subprocess.Popen(["sh", "-c", command])
    module._end(way, process)
    assert process.returncode == code
    other.close()


class Noticed:
    """A writer that calls a function with the first piece of a response."""

    def __init__(self, notice):
        self.notice = notice
        self.pieces = []

    def write(self, piece):
        if not self.pieces:
            self.notice()
        self.pieces.append(piece)


@pytest.mark.slow
def test_late_launcher_has_a_successor(agent):
    """The functions of the late launcher go on until they end."""
    long = agent.cold(["sh", "-c", "echo begun; sleep 2; echo ended"], memory=16, timeout=30)
    late = agent.cold(["sh", "-c", "echo begun; sleep 30"], memory=16, timeout=1)
    has_begun = threading.Event()
    writer = Noticed(has_begun.set)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(agent.submit, agent.get_call("GET", function=long, writer=writer))
        assert has_begun.wait(60)
        launcher = launcher_of(agent._cold._processes._launcher._process.pid)
        try:
            stop = Noticed(lambda: os.kill(launcher, signal.SIGSTOP))
            with pytest.raises(TimedOut):
                agent.submit(agent.get_call("GET", function=late, writer=stop))
            call = agent.submit(agent.get_call("GET", function=agent.cold(["echo"], memory=16, timeout=30)))
            assert call.writer.getvalue() == b"\n"
            assert launcher_of(agent._cold._processes._launcher._process.pid) != launcher
        finally:
            os.kill(launcher, signal.SIGCONT)
        answer.result(10)
    assert b"".join(writer.pieces) == b"begun\nended\n"
    assert not os.path.exists(f"/proc/{launcher}")


@pytest.mark.slow
def test_a_launcher_that_has_stopped_has_a_successor(agent):
    agent.cold(["echo"], memory=16, timeout=0.5)
    agent.submit(agent.get_call("GET", timeout=30))
    launcher = agent._cold._processes._launcher
    launcher._began -= module._PATIENCE
    os.kill(launcher_of(launcher._process.pid), signal.SIGSTOP)
    with pytest.raises(TimedOut):
        agent.submit(agent.get_call("GET"))
    assert agent.submit(agent.get_call("GET", timeout=30)).writer.getvalue() == b"\n"
    assert launcher._process.returncode == 0


@pytest.mark.slow
def test_full_socket_of_a_stopped_launcher_stays_in_time(agent):
    """A stopped launcher takes no more orders, and no call waits for it beyond its own deadline."""
    agent.cold(["echo"], memory=8, timeout=0.5, env={"LONG": 6000 * "x"})
    agent.submit(agent.get_call("GET", timeout=30))
    launcher = agent._cold._processes._launcher
    os.kill(launcher_of(launcher._process.pid), signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(60) as pool:
            calls = [pool.submit(agent.submit, agent.get_call("GET")) for _ in range(60)]
            began = time.monotonic()
            assert {type(call.exception(20)) for call in calls} <= {TimedOut, Busy}
            assert time.monotonic() - began < 40
    finally:
        os.kill(launcher_of(launcher._process.pid), signal.SIGCONT)


def test_launcher_that_starts_slowly_serves_the_next_call(agent, monkeypatch):
    agent.cold(["echo"], memory=16, timeout=0.02)
    monkeypatch.setattr(module, "GRACE", 0.0)
    with pytest.raises(TimedOut):  # no Python starts in so little time
        agent.submit(agent.get_call("GET"))
    launcher = agent._cold._processes._launcher
    assert agent.submit(agent.get_call("GET", timeout=30)).writer.getvalue() == b"\n"
    assert agent._cold._processes._launcher is launcher


def test_forked_child_forgets_the_launcher_and_its_functions():
    agent = Agent(ram="64M")
    agent.cold(["sleep", "60"], memory=16, timeout=60)
    execution = agent._engine.run_call(agent.get_call("GET"))
    driver = agent._cold._processes
    launcher = driver._launcher._process.pid
    process = next(iter(agent._cold._slots)).process
    driver.reset_after_fork()  # as in a child, which leaves its parent's objects alone
    process.reset_after_fork()
    driver.reset_after_fork()
    assert os.waitpid(launcher, 0)[1] == 0
    execution.close()
    agent.close()


def test_only_one_starts_a_launcher_and_the_others_wait(monkeypatch):
    driver = ProcessDriver()
    driver._starting["launcher"] = object()
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        driver._starting.clear()

    monkeypatch.setattr(time, "sleep", sleep)
    assert driver._living() is driver._living()
    assert looks == [0.001]
    driver.close()
    driver.close()


def test_who_comes_when_another_has_just_started_it_starts_none():
    driver = ProcessDriver()

    class Starting(dict):
        def setdefault(self, key, value):
            if driver._launcher is None:
                driver._launcher = Launcher()
            return super().setdefault(key, value)

    driver._starting = Starting()
    assert isinstance(driver._living(), Launcher)


def test_driver_closed_during_a_start_has_no_launcher(monkeypatch):
    driver, started = ProcessDriver(), []

    def start(delegation):
        started.append(launcher(delegation))
        driver.close()
        return started[0]

    launcher = module._Launcher
    monkeypatch.setattr(module, "_Launcher", start)
    with pytest.raises(Closed):
        driver._living()
    assert started[0]._process.returncode == 0
