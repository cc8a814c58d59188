"""Objects that a forked child resets, each once; the lock and the pause of the garbage collector among them."""

from __future__ import annotations

import gc
import os
import threading

import pytest

from microfn.fork import CollectorPause, ForkSafeLock, register_fork_reset


class Counted:
    """An object that counts how often it is reset."""

    def __init__(self):
        self.count = 0

    def reset_after_fork(self):
        self.count += 1


def status_of_child(check):
    """The exit code of a forked child: 0 if `check` is true in it."""
    child = os.fork()
    if not child:
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is nothing to be forked")
def test_forked_child_resets_each_object_once():
    target = Counted()
    register_fork_reset(target)
    register_fork_reset(target)
    assert status_of_child(lambda: target.count == 1) == 0
    assert target.count == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is nothing to be forked")
def test_forked_child_resets_no_object_that_is_gone():
    calls = []

    class Kept(Counted):
        def reset_after_fork(self):
            calls.append(self)

    target = Kept()
    register_fork_reset(target)
    del target
    gc.collect()
    assert status_of_child(lambda: calls == []) == 0


def is_held(lock):
    """Whether another thread has to wait for the lock."""
    held = []

    def take():
        if lock.acquire(blocking=False):
            lock.release()
        else:
            held.append(True)

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return bool(held)


def test_lock_is_held_for_other_threads_alone():
    lock = ForkSafeLock()
    with lock.current, lock.current:
        assert is_held(lock.current)
    assert not is_held(lock.current)


def test_lock_is_free_after_a_reset():
    lock = ForkSafeLock()
    with lock.current:
        lock.reset_after_fork()
        assert not is_held(lock.current)


def test_lock_follows_a_replaced_kind_of_lock(monkeypatch):
    lock, new_lock = ForkSafeLock(), threading.Lock
    before = lock.current
    assert lock.current is before
    monkeypatch.setattr(threading, "Lock", lambda: new_lock())
    assert lock.current is not before


@pytest.mark.parametrize("is_enabled", [True, False])
def test_pause_leaves_the_collector_as_it_was(is_enabled):
    (gc.enable if is_enabled else gc.disable)()
    try:
        with CollectorPause():
            assert not gc.isenabled()
        assert gc.isenabled() is is_enabled
    finally:
        gc.enable()


def test_pause_ends_with_a_reset():
    pause = CollectorPause()
    with pause:
        pause.reset_after_fork()
        assert gc.isenabled()
    assert gc.isenabled()


has_generations = pytest.mark.skipif(not hasattr(gc, "freeze"), reason="there are no generations of objects")


@has_generations
@pytest.mark.parametrize(
    ("count", "is_kept", "is_old"), [(200_000, True, True), (10, True, False), (200_000, False, False)]
)
def test_pause_makes_old_what_is_much_and_kept(count, is_kept, is_old):
    gc.unfreeze()  # tests of the benchmarks may have frozen all objects
    gc.collect()
    with CollectorPause(is_kept=is_kept):
        made = [[] for _ in range(count)]
    assert any(one is made for one in gc.get_objects(generation=2)) is is_old


@has_generations
def test_pause_leaves_frozen_what_was_frozen():
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with CollectorPause(is_kept=True):
            made = [[] for _ in range(200_000)]
        assert len(made) == 200_000
        assert gc.get_freeze_count() > frozen // 2 > 0  # some objects have ended meanwhile
    finally:
        gc.unfreeze()
