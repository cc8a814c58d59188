"""The keeper carries out the decisions of its pool, and watches each process until it is gone."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from microfn.agent.errors import Busy, Closed, Failed, TooLarge
from microfn.agent.hot import keeper as module
from microfn.agent.hot import pool
from microfn.agent.hot.keeper import Keeper
from microfn.agent.hot.pool import Profile

from ..waiting import wait_until
from .processes import Launches

ONE, OTHER = Profile("one", 60), Profile("other", 60)
EMPTY = {"free": 100, "waiting": 0, "processes": 0}
LATER = 60.0


@pytest.fixture
def launches():
    return Launches()


@pytest.fixture
def keeper(launches):
    made = Keeper(100, launches)
    yield made
    launches.gate.set()
    made.close()
    made.join()
    wait_until(lambda: made.counts == EMPTY, 60)
    assert all(process.is_closed for process in launches.made)


def acquire(keeper, profile=ONE, seconds=LATER, lasts=LATER):
    now = time.monotonic()
    return keeper.acquire(profile, now + seconds, now + lasts)


def later(act):
    """Call a function in a thread, and return the future of its result."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(act)
    pool.shutdown(wait=False)
    return future


def test_process_goes_from_call_to_call(keeper, launches):
    for _ in range(3):
        lease = acquire(keeper)
        assert lease.process is launches.made[0]
        lease.give_back(can_reuse=True)
        lease.give_back(can_reuse=False)
    assert (launches.keys, keeper.counts["processes"]) == (["one"], 1)


def test_spoiled_process_is_killed_and_replaced(keeper, launches):
    acquire(keeper).give_back(can_reuse=False)
    second = acquire(keeper)
    assert launches.made[0].is_stopped
    assert second.process is launches.made[1]
    second.give_back(can_reuse=True)


@pytest.mark.parametrize("act", ["end", "speak"])
def test_idle_process_that_ends_or_speaks_gets_no_call(keeper, launches, act):
    acquire(keeper).give_back(can_reuse=True)
    first = launches.made[0]
    if act == "end":
        first.theirs.close()
    else:
        first.theirs.send(b"HTTP/1.1 200 OK\r\n")
    lease = acquire(keeper)
    assert lease.process is launches.made[1]
    assert first.is_stopped
    lease.give_back(can_reuse=True)


def test_process_that_ends_before_its_first_call_fails_one_call(keeper, launches, monkeypatch):
    start = Launches.__call__

    def start_and_end(self, key):
        process = start(self, key)
        process.theirs.close()
        return process

    monkeypatch.setattr(Launches, "__call__", start_and_end)
    for count in (1, 2):
        with pytest.raises(Failed, match="cannot be started"):
            acquire(keeper)
        assert len(launches.made) == count


def test_idle_process_that_ends_frees_its_memory(keeper, launches):
    acquire(keeper).give_back(can_reuse=True)
    launches.made[0].nudge()
    launches.made[0].end()
    wait_until(lambda: keeper.counts == EMPTY, 60)
    wait_until(lambda: launches.made[0].is_closed, 60)
    assert launches.made[0].flushes == 1


def test_process_of_a_call_frees_its_memory_before_its_files(keeper, launches):
    lease = acquire(keeper)
    launches.made[0].end()
    wait_until(lambda: keeper.counts == EMPTY, 60)
    assert not launches.made[0].is_closed
    lease.give_back(can_reuse=True)
    assert launches.made[0].is_closed


def test_process_is_killed_soon_after_the_deadline_of_its_call(keeper, launches):
    lease = acquire(keeper, lasts=0.0)
    wait_until(lambda: launches.made[0].is_stopped, 60)
    wait_until(lambda: keeper.counts == EMPTY, 60)
    lease.give_back(can_reuse=False)


def test_idle_process_gives_way_to_another_function(keeper, launches):
    acquire(keeper).give_back(can_reuse=True)
    lease = acquire(keeper, OTHER)
    assert launches.made[0].is_stopped
    lease.give_back(can_reuse=True)


def test_idle_process_is_killed_after_its_time(keeper, launches):
    acquire(keeper, ONE._replace(idle_timeout=0.01)).give_back(can_reuse=True)
    wait_until(lambda: keeper.counts == EMPTY, 60)
    assert launches.made[0].is_stopped


def test_thread_ends_without_processes_and_begins_again(keeper):
    for _ in range(2):
        lease = acquire(keeper)
        thread = keeper._thread
        lease.give_back(can_reuse=False)
        wait_until(lambda: not keeper._wake_up, 60)
        thread.join(60)
        assert not thread.is_alive()


def test_call_waits_until_a_process_is_free(keeper):
    lease = acquire(keeper)
    waiting = later(lambda: acquire(keeper))
    wait_until(lambda: keeper.counts["waiting"] == 1, 60)
    lease.give_back(can_reuse=True)
    waiting.result(60).give_back(can_reuse=True)


def test_call_that_finds_no_room_is_refused_in_time(keeper):
    lease = acquire(keeper)
    with pytest.raises(Busy, match="No process is free"):
        acquire(keeper, OTHER, seconds=0.05)
    assert keeper.counts["waiting"] == 0
    lease.give_back(can_reuse=True)


def test_call_that_is_larger_than_all_memory_is_refused(keeper):
    with pytest.raises(TooLarge, match="more memory than the agent has"):
        acquire(keeper, ONE._replace(memory=101))


def test_error_of_a_launch_is_raised_for_its_call(keeper, launches, monkeypatch):
    for name in "FIRST_PAUSE", "LONGEST_PAUSE":
        monkeypatch.setattr(pool, name, 600.0)
    launches.error = Failed("It has no such handle.")
    with pytest.raises(Failed, match="no such handle"):
        acquire(keeper)
    with pytest.raises(Failed, match=r"^The function cannot be started\.$"):  # for a moment
        acquire(keeper)
    launches.error = None
    wait_until(lambda: keeper.counts == EMPTY, 60)
    keeper._pool._kept["one"].not_before = time.monotonic()
    acquire(keeper).give_back(can_reuse=True)


def test_failed_launch_makes_room_for_another_function(keeper, launches):
    launches.gate.clear()
    launches.error = Failed("It has no such handle.")
    failing = later(lambda: acquire(keeper))
    wait_until(lambda: launches.keys == ["one"], 60)
    waiting = later(lambda: acquire(keeper, OTHER))
    wait_until(lambda: keeper.counts["waiting"] == 2, 60)
    launches.gate.set()
    assert isinstance(failing.exception(60), Failed)
    with pytest.raises(Failed):
        waiting.result(60)
    assert launches.keys == ["one", "other"]


def test_slow_launch_is_for_the_next_call(keeper, launches):
    launches.gate.clear()
    with pytest.raises(Busy):
        acquire(keeper, seconds=0.05)
    launches.gate.set()
    acquire(keeper).give_back(can_reuse=True)
    assert len(launches.made) == 1


def test_launch_that_nobody_waits_for_gives_way(keeper, launches):
    launches.gate.clear()
    with pytest.raises(Busy):
        acquire(keeper, seconds=0.05)
    waiting = later(lambda: acquire(keeper, OTHER))
    wait_until(lambda: keeper.counts["waiting"] == 1, 60)
    launches.gate.set()
    waiting.result(60).give_back(can_reuse=True)
    assert launches.keys == ["one", "other"]


def test_launch_that_lasts_too_long_is_killed_when_it_ends(keeper, launches):
    launches.gate.clear()
    with pytest.raises(Failed, match="cannot be started"):
        acquire(keeper, ONE._replace(start_timeout=0.05))
    launches.gate.set()
    wait_until(lambda: keeper.counts == EMPTY, 60)
    assert launches.made[0].is_stopped


def test_launch_without_room_for_a_thread_is_refused(keeper, monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(Busy, match="no room for another process"):
        acquire(keeper)
    assert keeper.counts == EMPTY


def test_thread_that_found_no_room_begins_later(keeper, launches, monkeypatch):
    start = threading.Thread.start

    def refuse_once(thread):
        if thread.name == "microfn-hot":
            monkeypatch.undo()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse_once)
    acquire(keeper).give_back(can_reuse=True)
    launches.made[0].end()
    wait_until(lambda: keeper.counts == EMPTY, 60)


def test_thread_sleeps_on_while_nothing_new_is_to_be_watched(keeper, monkeypatch):
    """An idle process is taken and given back: only what comes before the end of its sleep wakes the thread."""
    acquire(keeper).give_back(can_reuse=True)
    wait_until(lambda: not keeper._new and keeper._sleeps_until < time.monotonic() + 60)
    woken = []
    with keeper._lock.current, monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda *_: woken.append(keeper._pool.alarm))
        keeper._sleeps_until = keeper._pool.alarm
        assert keeper._watch() == []
        assert woken == []
        keeper._sleeps_until = keeper._pool.alarm + 1.0
        assert keeper._watch() == []
        assert len(woken) == 1


def test_full_pipe_needs_no_other_byte(keeper, launches, monkeypatch):
    """A launch tells the thread of its process in any case."""
    tried = []

    def fail(*_):
        tried.append(1)
        raise BlockingIOError

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        acquire(keeper).give_back(can_reuse=True)
        wait_until(lambda: "microfn-launch" not in {thread.name for thread in threading.enumerate()})
    assert tried
    launches.made[0].end()
    wait_until(lambda: keeper.counts == EMPTY)


def test_process_that_does_not_die_is_waited_for_a_moment(keeper, launches, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.01)
    acquire(keeper).give_back(can_reuse=True)
    process = launches.made[0]
    with monkeypatch.context() as patch:
        patch.setattr(process, "stop", lambda: None)
        keeper.close()
        keeper.join()
    assert keeper.counts["processes"] == 1
    process.stop()


def test_interrupted_call_leaves_the_process_to_others(keeper, launches, monkeypatch):
    class Interrupted(module._Caller):
        def __init__(self):
            super().__init__()
            self.is_decided = self

        def set(self):
            pass

        def wait(self, _):
            wait_until(lambda: self.number or not launches.gate.is_set(), 60)
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_Caller", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            acquire(keeper)
        launches.gate.clear()
        with pytest.raises(KeyboardInterrupt):
            acquire(keeper, OTHER)
        launches.gate.set()
    wait_until(lambda: keeper.counts["waiting"] == 0, 60)
    acquire(keeper).give_back(can_reuse=True)


def test_closed_keeper_refuses_calls_and_kills_processes(keeper, launches):
    acquire(keeper).give_back(can_reuse=True)
    keeper.close()
    with pytest.raises(Closed):
        acquire(keeper)
    wait_until(lambda: keeper.counts == EMPTY, 60)
    assert launches.made[0].is_stopped


def test_process_that_a_call_has_is_killed_after_a_close(keeper, launches):
    lease = acquire(keeper)
    keeper.close()
    lease.give_back(can_reuse=True)
    wait_until(lambda: keeper.counts == EMPTY, 60)
    assert launches.made[0].is_stopped


def test_forked_child_leaves_the_processes_of_its_parent_alone(launches, monkeypatch):
    """A forked child has no threads of its parent."""
    start = threading.Thread.start
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", lambda self: self.name == "microfn-hot" or start(self))
        keeper = Keeper(100, launches)
        lease = acquire(keeper)
        wait_until(lambda: "microfn-launch" not in {thread.name for thread in threading.enumerate()}, 60)
    keeper.reset_after_fork()
    assert launches.made[0].is_closed
    assert not launches.made[0].is_stopped
    assert keeper.counts == EMPTY
    second = acquire(keeper)
    lease.give_back(can_reuse=False)  # of a parent's call, with the same number
    assert not launches.made[1].is_stopped
    second.give_back(can_reuse=False)
    keeper.close()
    keeper.join()


def test_storm_of_calls_leaves_nothing(keeper, launches):
    """Random calls of two functions that share memory for one process. Some calls do not end cleanly."""

    def run(number):
        for step in range(30):
            lease = acquire(keeper, (ONE, OTHER)[(number + step) % 2])
            lease.give_back(can_reuse=(number * step) % 3 > 0)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(6)))
    counts = keeper.counts
    assert (counts["waiting"], counts["processes"] <= 1) == (0, True)
