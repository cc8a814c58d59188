"""The launcher's loop: it starts, watches and ends processes, and reports to their servers."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import sys
from pathlib import Path

import pytest

from microfn.agent.launcher import supervisor

from ..waiting import wait_until
from .starting import MIB, is_there


def test_a_function_is_started_and_its_end_is_told(launched):
    talk = launched.start("echo $PPID; exit 3")
    assert talk.hear().startswith("started ")
    assert talk.read() == f"{os.getpid()}\n"
    assert talk.end() == "ended 3 -"
    assert talk.hear() == ""


@pytest.mark.slow
def test_at_its_end_it_is_killed_with_its_group(launched):
    talk = launched.start("trap '' TERM; sleep 60 & echo $!; wait", seconds=1)
    talk.hear()
    child = int(talk.read())
    assert talk.end() == "ended -9 time"
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
    assert talk.end() == "ended -9 -"


def test_what_its_leader_leaves_ends_with_it(launched):
    talk = launched.start("sleep 60 & echo $!")
    talk.hear()
    child = int(talk.read().split()[0])
    assert talk.end() == "ended 0 -"
    assert not is_there(child)


# `setsid` and `env` become the program that they start, so $! is its process, already in its own session. The
# function stays alive briefly: an end within the same few milliseconds is another case.
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
    assert talk.end() == "ended 0 -"
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
    assert talk.end() == "ended 0 -"
    wait_until(lambda: launched.told)


def test_more_processes_than_it_may_have_end_it(launched):
    talk = launched.start("for i in 1 2 3 4 5 6 7 8; do sleep 60 & done; wait", processes=4)
    talk.hear()
    assert talk.end() == "ended -9 processes"
    wait_until(lambda: not sleepers())


def test_more_processes_in_sessions_of_their_own_end_it_too(launched):
    talk = launched.start("for i in 1 2 3 4 5 6 7 8; do setsid sleep 60 & done; wait", processes=4)
    talk.hear()
    assert talk.end() == "ended -9 processes"
    wait_until(lambda: not sleepers())


HOG = "import time; x = bytearray(b'x') * 40_000_000; time.sleep(60)"


def test_more_memory_than_it_may_have_together_ends_it(launched):
    script = f'for i in 1 2 3; do {shlex.quote(sys.executable)} -S -c "{HOG}" & done; wait'
    talk = launched.start(script, memory=80 * MIB)
    talk.hear()
    assert talk.end() == "ended -9 memory"


def test_memory_that_processes_share_counts_once(launched):
    share = HOG.replace("time.sleep(60)", "import os; [os.fork() for _ in range(2)]; time.sleep(0.5)")
    talk = launched.start("", argv=[os.fsencode(sys.executable), b"-S", b"-c", share.encode()], memory=80 * MIB)
    talk.hear()
    assert talk.end() == "ended 0 -"


def test_more_memory_than_it_may_have_alone_ends_it(launched):
    talk = launched.start("", argv=[os.fsencode(sys.executable), b"-S", b"-c", HOG.encode()], memory=40 * MIB)
    talk.hear()
    assert talk.end() == "ended -9 memory"


def test_more_addresses_than_it_may_have_are_not_given(launched):
    # This launcher is a thread of a large process, so the limit arrives after the start of the program.
    limited = "import resource, time\nwhile resource.getrlimit(resource.RLIMIT_AS)[1] == -1: time.sleep(0.01)\n"
    script = (limited + HOG).encode()
    talk = launched.start("", argv=[os.fsencode(sys.executable), b"-S", b"-c", script], addresses=40 * MIB)
    talk.hear()
    assert talk.end() == "ended 1 -"  # a MemoryError


THREADS = "import threading, time; [threading.Thread(target=time.sleep, args=(0.5,)).start() for _ in range(30)]"


def test_thirty_threads_run_in_the_memory_that_they_use(launched):
    talk = launched.start("", argv=[os.fsencode(sys.executable), b"-S", b"-c", THREADS.encode()], memory=32 * MIB)
    talk.hear()
    assert talk.end() == "ended 0 -"


def test_all_is_ended_if_the_guard_dies(launched):
    talk = launched.start("sleep 60")
    talk.hear()
    os.close(launched.alive.pop())
    assert talk.end() == "ended -9 -"
    launched.thread.join(60)
    assert not launched.thread.is_alive()
    launched.launcher._end_all()  # the server has gone too


def test_functions_that_run_at_once_are_told_apart(launched):
    talks = [launched.start(f"setsid sleep 0.3; sleep 0.2; exit {number}") for number in range(5)]
    for talk in talks:
        talk.hear()
    assert [talk.end() for talk in talks] == [f"ended {number} -" for number in range(5)]
    assert not launched.told


def test_when_nobody_is_left_to_ask_all_is_ended(launched):
    talk = launched.start("sleep 60")
    talk.hear()
    launched.way.close()
    assert talk.end() == "ended -9 -"
    launched.thread.join(60)
    assert not launched.thread.is_alive()


def test_what_is_no_id_of_a_call_is_not_told_as_one(launched):
    talk = launched.start(f"FN_CALL_ID=\"$(printf '\\377\\nx')\" setsid sleep 60 & {IS_ASLEEP}")
    talk.hear()
    talk.hear()
    wait_until(lambda: launched.told)
    assert launched.told[0].startswith("microfn: call unknown left process ")


@pytest.mark.slow
def test_kill_is_followed_by_a_look_at_once(launched, monkeypatch):
    monkeypatch.setattr(supervisor, "FIRST_LOOK", 60.0)
    monkeypatch.setattr(supervisor, "LOOK_EVERY", 60.0)
    talk = launched.start(f"setsid sleep 60 & {IS_ASLEEP}; wait", seconds=1.0)
    talk.hear()
    assert talk.end() == "ended -9 time"
    wait_until(lambda: not sleepers(), 1.0)
    assert launched.told == []  # it was killed with its call


def test_first_look_comes_early(launched, monkeypatch):
    monkeypatch.setattr(supervisor, "LOOK_EVERY", 60.0)
    talk = launched.start("for i in 1 2 3 4 5 6 7 8; do setsid sleep 60 & done; wait", processes=4)
    talk.hear()
    assert talk.end() == "ended -9 processes"
    wait_until(lambda: not sleepers(), 1.0)


def test_processes_that_are_left_together_are_told_together(launched):
    talk = launched.start(f"for i in 1 2 3; do setsid sleep 60 & {IS_ASLEEP}; done")
    talk.hear()
    assert talk.end() == "ended 0 -"
    wait_until(lambda: launched.told)
    wait_until(lambda: not sleepers())
    assert len(launched.told) == 1
    assert launched.told[0].startswith(f"microfn: call {talk.id} left process ")
    assert launched.told[0].endswith(" behind and 2 more: killed")


def test_processes_that_are_dying_anyway_are_not_told(launched):
    """The group is killed with its leader, and a scan can happen while it dies."""
    talks = [launched.start("for i in 1 2 3 4 5 6; do sleep 60 & done; sleep 0.05") for _ in range(10)]
    for talk in talks:
        talk.hear()
    assert {talk.end() for talk in talks} == {"ended 0 -"}
    wait_until(lambda: not sleepers())
    assert launched.told == []
