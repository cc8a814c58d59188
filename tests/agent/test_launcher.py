"""The launcher, in a thread of this process: what it starts, what it ends, and what it is told by whom."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from microfn.agent import launcher as module
from microfn.agent.launcher import (
    IN_A_FILE,
    LONGEST_MESSAGE,
    MOST_FILES,
    Launcher,
    Order,
    _environ,
    _Found,
    _memory_of,
    _Run,
    _set_soft,
    _tell,
)

from .waiting import wait_until

MIB = 1024 * 1024
SUBREAPER = 36


@pytest.fixture
def launched(monkeypatch):
    """A launcher and the way to it. It runs here, so that it can be looked into; what it started is gone after it."""
    directory = os.getcwd()
    wakeup, woken = os.pipe2(os.O_NONBLOCK)
    handler = signal.signal(signal.SIGCHLD, lambda *_: None)
    fd = signal.set_wakeup_fd(woken)
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    told = []
    monkeypatch.setattr(module, "_tell", told.append)
    way, source = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    launcher = Launcher(source, wakeup)
    thread = threading.Thread(target=launcher.run)
    thread.start()
    launched = Launched(launcher, way, thread, told)
    yield launched
    way.close()
    for talk in launched.talks:
        talk.close()
    os.write(woken, b"x")
    thread.join(20)
    assert not thread.is_alive()
    ctypes.CDLL(None).prctl(SUBREAPER, 0, 0, 0, 0)
    signal.set_wakeup_fd(fd)
    signal.signal(signal.SIGCHLD, handler)
    launcher._selector.close()
    os.close(wakeup)
    os.close(woken)
    os.chdir(directory)


class Launched:
    def __init__(self, launcher, way, thread, told):
        self.launcher, self.way, self.thread, self.told = launcher, way, thread, told
        self.talks = []

    def start(self, script, *, seconds=20.0, held=(), **limits):
        self.talks.append(Talk(self.way, script, seconds=seconds, held=held, **limits))
        return self.talks[-1]


class Talk:
    """What is said about one function."""

    def __init__(self, way, script, *, seconds, held, **limits):
        order = Order(
            **{
                "call_id": uuid.uuid4().hex,
                "end": time.monotonic() + seconds,
                "memory": 512 * MIB,
                "processes": 64,
                "descriptors": 64,
                "cwd": b"/",
                "argv": [b"/bin/sh", b"-c", script.encode()],
                "env": {},
                **limits,
            }
        )
        order = order._replace(env={b"FN_CALL_ID": order.call_id.encode(), **order.env})
        self.id = order.call_id
        self.talk, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.out, out = os.pipe()
        nothing = os.open("/dev/null", os.O_RDWR)
        message, written = order.packed(), []
        if len(message) > LONGEST_MESSAGE:
            written = [os.memfd_create("order")]
            os.write(written[0], message)
            message = IN_A_FILE
        socket.send_fds(way, [message], [theirs.fileno(), *written, nothing, out, nothing, *held])
        theirs.close()
        for file in *written, nothing, out:
            os.close(file)

    def hear(self):
        self.talk.settimeout(10)
        return self.talk.recv(100).decode()

    def read(self):
        with open(self.out, encoding="utf-8", closefd=False) as file:
            return file.read()

    def close(self):
        self.talk.close()
        out, self.out = self.out, None
        if out is not None:
            os.close(out)


def is_there(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return ") Z " not in file.read()
    return False


def test_an_order_arrives_as_it_was_sent():
    order = Order(
        "ä".encode("unicode_escape").decode(), 1.25, 1, 2, 3, b"/\xff", [b"a", b""], {b"A": b"b=c", b"B": b""}
    )
    assert Order.unpacked(order.packed()) == order
    assert Order.unpacked(order._replace(env={}).packed()).env == {}


def test_a_function_is_started_and_its_end_is_told(launched):
    talk = launched.start("echo $PPID; exit 3")
    assert talk.hear().startswith("started ")
    assert talk.read() == f"{os.getpid()}\n"
    assert talk.hear() == "ended 3 -"
    assert talk.hear() == ""


def test_it_leads_a_session_of_its_own_and_has_its_limits(launched):
    script = "sleep 0.1; cat /proc/self/stat /proc/self/limits; pwd"
    talk = launched.start(script, memory=64 * MIB, descriptors=17)
    pid = talk.hear().split()[1]
    told = talk.read()
    assert told.splitlines()[0].rpartition(") ")[2].split()[2:4] == [pid, pid]
    limits = {line[:26].strip(): line[26:].split()[:2] for line in told.splitlines() if line.startswith("Max ")}
    assert limits["Max address space"] == [str(64 * MIB)] * 2
    assert limits["Max open files"] == ["17", "17"]
    assert told.splitlines()[-1] == "/"
    assert talk.hear() == "ended 0 -"


def test_it_has_its_limits_from_its_first_moment_on(launched, monkeypatch):
    monkeypatch.setattr(module, "_limit", lambda *_: None)  # as if it had been faster than we are
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)
    talk = launched.start("ulimit -Sn", descriptors=200)
    assert talk.hear().startswith("started ")
    assert talk.read() == "200\n"
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == soft


def test_function_may_have_fewer_files_than_the_launcher(launched):
    talk = launched.start("echo yes", descriptors=4)
    assert talk.hear().startswith("started ")
    assert talk.read() == "yes\n"


CANNOT = {
    "a program that is not there": ({"argv": [b"/not/there"]}, errno.ENOENT),
    "a directory that is not there": ({"cwd": b"/not/there"}, errno.ENOENT),
    "one that cannot be run": ({"argv": [b"/etc/passwd"]}, errno.EACCES),
    "too many arguments": ({"argv": [b"/bin/true", *[b"x" * 100_000] * 60]}, errno.E2BIG),
}


@pytest.mark.parametrize(("options", "number"), CANNOT.values(), ids=CANNOT)
def test_what_cannot_be_started_is_told_and_nothing_is_held(launched, options, number):
    read, write = os.pipe()
    talk = launched.start("", held=[write], **options)
    os.close(write)
    assert talk.hear() == f"failed {number}"
    assert talk.hear() == ""
    assert os.read(read, 1) == b""
    os.close(read)


def test_what_is_held_is_held_until_the_group_is_gone(launched):
    read, write = os.pipe()
    os.set_blocking(read, False)
    talk = launched.start("sleep 0.3", held=[write])
    os.close(write)
    talk.hear()
    with pytest.raises(BlockingIOError):
        os.read(read, 1)
    assert talk.hear() == "ended 0 -"
    os.set_blocking(read, True)
    assert os.read(read, 1) == b""
    os.close(read)


def test_at_its_end_it_is_killed_with_its_group(launched):
    talk = launched.start("trap '' TERM; sleep 60 & echo $!; wait", seconds=1)
    talk.hear()
    child = int(talk.read())
    assert talk.hear() == "ended -9 time"
    assert not is_there(child)


def test_who_closes_his_side_ends_it(launched):
    talk = launched.start("sleep 60 >/dev/null & echo $!; exec >&-; wait")
    pid = int(talk.hear().split()[1])
    child = int(talk.read())
    talk.close()
    wait_until(lambda: not is_there(pid) and not is_there(child))


def test_who_shuts_down_his_side_hears_of_the_end(launched):
    talk = launched.start("sleep 60")
    talk.hear()
    talk.talk.shutdown(socket.SHUT_WR)
    assert talk.hear() == "ended -9 -"


def test_what_its_leader_leaves_ends_with_it(launched):
    talk = launched.start("sleep 60 & echo $!")
    talk.hear()
    child = int(talk.read().split()[0])
    assert talk.hear() == "ended 0 -"
    assert not is_there(child)


# `setsid` and `env` become the program that they start, so $! is its process, in a session of its own by then. The
# function lives on for a moment: one that ends within the same few milliseconds is another case.
IS_ASLEEP = "until grep -qs ^sleep /proc/$!/cmdline; do :; done; sleep 0.05"
STRAYS = {
    "a session of its own": f"setsid sleep 60 & {IS_ASLEEP}",
    "and another parent": f"sh -c 'setsid sleep 60 & {IS_ASLEEP}'",
    "and no environment": f"env -i setsid sleep 60 & {IS_ASLEEP}",
    "two of them": f"setsid sh -c 'setsid sleep 60 & {IS_ASLEEP}; exec sleep 60' & {IS_ASLEEP}",
}


@pytest.mark.parametrize("script", STRAYS.values(), ids=STRAYS)
def test_process_left_in_another_session_is_killed_and_reported(launched, script):
    talk = launched.start(script)
    talk.hear()
    assert talk.hear() == "ended 0 -"
    wait_until(lambda: launched.told)
    wait_until(lambda: not sleepers())
    name = "unknown" if "env -i" in script else talk.id
    assert all(line.startswith(f"microfn: call {name} left process ") for line in launched.told)


def sleepers():
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        process = Path("/proc", name)
        with contextlib.suppress(OSError):
            parent = int(process.joinpath("stat").read_bytes().rpartition(b")")[2].split()[1])
            if process.joinpath("cmdline").read_bytes() == b"sleep\x0060\x00" and parent in (1, os.getpid()):
                found.append(int(name))
    return found


def test_what_has_another_session_may_stay_as_long_as_its_call(launched):
    talk = launched.start("sh -c 'setsid sleep 60 &'; sleep 0.6; kill -0 $(pgrep -f '^sleep 60$') && echo there")
    talk.hear()
    assert talk.read() == "there\n"
    assert talk.hear() == "ended 0 -"
    wait_until(lambda: launched.told)


def test_more_processes_than_it_may_have_end_it(launched):
    talk = launched.start("for i in 1 2 3 4 5 6 7 8; do sleep 60 & done; wait", processes=4)
    talk.hear()
    assert talk.hear() == "ended -9 processes"
    wait_until(lambda: not sleepers())


def test_more_processes_in_sessions_of_their_own_end_it_too(launched):
    talk = launched.start("for i in 1 2 3 4 5 6 7 8; do setsid sleep 60 & done; wait", processes=4)
    talk.hear()
    assert talk.hear() == "ended -9 processes"
    wait_until(lambda: not sleepers())


HOG = "import time; x = bytearray(b'x') * 40_000_000; time.sleep(60)"


def test_more_memory_than_it_may_have_together_ends_it(launched):
    script = f'for i in 1 2 3; do {shlex.quote(sys.executable)} -S -c "{HOG}" & done; wait'
    talk = launched.start(script, memory=80 * MIB)
    talk.hear()
    assert talk.hear() == "ended -9 memory"


def test_memory_that_processes_share_counts_once(launched):
    share = HOG.replace("time.sleep(60)", "import os; [os.fork() for _ in range(2)]; time.sleep(0.5)")
    talk = launched.start("", argv=[os.fsencode(sys.executable), b"-S", b"-c", share.encode()], memory=80 * MIB)
    talk.hear()
    assert talk.hear() == "ended 0 -"


def test_more_memory_than_it_may_have_alone_is_not_given(launched):
    talk = launched.start("", argv=[os.fsencode(sys.executable), b"-S", b"-c", HOG.encode()], memory=40 * MIB)
    talk.hear()
    # A MemoryError, unless it was faster than its limit, which is set just after the start. Then it is ended.
    assert talk.hear() in ("ended 1 -", "ended -9 memory")


def test_functions_that_run_at_once_are_told_apart(launched):
    talks = [launched.start(f"setsid sleep 0.3; sleep 0.2; exit {number}") for number in range(5)]
    for talk in talks:
        talk.hear()
    assert [talk.hear() for talk in talks] == [f"ended {number} -" for number in range(5)]
    assert not launched.told


def test_who_is_gone_is_not_told(launched):
    talk = launched.start("sleep 0.2")
    talk.close()
    talk = launched.start("exit 0")
    talk.hear()
    assert talk.hear() == "ended 0 -"


def test_when_nobody_is_left_to_ask_all_is_ended(launched):
    talk = launched.start("sleep 60")
    talk.hear()
    launched.way.close()
    assert talk.hear() == "ended -9 -"
    launched.thread.join(5)
    assert not launched.thread.is_alive()


def test_files_that_cannot_be_had_are_no_reason_to_end(launched):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 9, hard))
    try:
        talk = launched.start("exit 0", held=[0] * 20)
        assert talk.hear() == ""
        talk.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    talk = launched.start("exit 0")
    assert talk.hear().startswith("started")
    assert talk.hear() == "ended 0 -"


def test_as_many_files_as_one_message_carries(launched):
    free = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - len(os.listdir("/proc/self/fd"))
    talk = launched.start("exit 0", held=[0] * (min(MOST_FILES, free - 10) - 5))
    talk.hear()
    assert talk.hear() == "ended 0 -"


def test_a_group_of_another_user_is_there(monkeypatch):
    def killpg(group, number):
        raise PermissionError

    monkeypatch.setattr(os, "killpg", killpg)
    order = Order("", 0.0, 0, 0, 0, b"/", [], {})
    assert not _Run(order, 1, None, []).is_gone()


def test_group_is_gone_when_its_last_process_is():
    leader = subprocess.Popen(["sleep", "20"], start_new_session=True)
    run = _Run(Order("", 0.0, 0, 0, 0, b"/", [], {}), leader.pid, None, [])
    there = run.is_gone()
    run.kill()
    leader.wait()
    assert (there, run.is_gone()) == (False, True)


def test_end_is_told_when_the_group_is_gone_not_before(launched, monkeypatch):
    answers = [True, False, False]
    monkeypatch.setattr(_Run, "is_gone", lambda _: answers.pop())
    monkeypatch.setattr(module, "LAST_MOMENT", 20.0)
    talk = launched.start("exit 0")
    talk.hear()
    assert (talk.hear(), answers) == ("ended 0 -", [])


def test_of_a_process_that_is_gone_nothing_is_known():
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert (_memory_of(gone.pid), _environ(gone.pid)) == (0, [])


def test_processes_in_a_circle_of_parents_belong_to_no_call(launched):
    found = {7: _Found(8, 7, 1, 1), 8: _Found(7, 8, 1, 1)}
    assert launched.launcher._owner(7, found) is None


def test_what_it_tells_goes_to_stderr(capfd):
    _tell("text\n")
    assert capfd.readouterr().err == "text\n"


def test_a_limit_that_cannot_be_raised_stays(monkeypatch):
    told = []
    monkeypatch.setattr(resource, "getrlimit", lambda what: (1, 7))
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: told.append(limits))
    for most in 5, 7, 8, resource.RLIM_INFINITY:
        _set_soft(resource.RLIMIT_AS, most)
    assert told == [(5, 7), (7, 7), (7, 7), (7, 7)]


def test_what_is_no_id_of_a_call_is_not_told_as_one(launched):
    talk = launched.start(f"FN_CALL_ID=\"$(printf '\\377\\nx')\" setsid sleep 60 & {IS_ASLEEP}")
    talk.hear()
    talk.hear()
    wait_until(lambda: launched.told)
    assert launched.told[0].startswith("microfn: call unknown left process ")
