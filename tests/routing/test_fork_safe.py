"""A lock and a pause of the garbage collector, each reset in a forked child."""

from __future__ import annotations

import gc
import threading

import pytest

from microfn.routing.fork_safe import CollectorPause, ForkSafeLock


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
