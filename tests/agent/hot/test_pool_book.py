"""The memory of cold functions in the pool of hot functions. Idle hot processes are evicted for cold calls."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from microfn.agent.admission.limiter import Limiter
from microfn.agent.errors import Busy, Closed
from microfn.agent.hot.keeper import Keeper
from microfn.agent.hot.pool import Profile
from microfn.agent.hot.pool_book import PoolBook

from ..waiting import wait_until
from .processes import Launches

LATER = 60.0


class World:
    """A limiter with the memory of a keeper, 100 MiB."""

    def __init__(self):
        self.launches = Launches()
        self.keeper = Keeper(100, self.launches)
        self.limiter = Limiter(100)
        self.limiter.reclaim_with(lambda: None)

    def move(self):
        self.limiter.move_to(lambda: PoolBook(self.keeper))

    def cold(self, memory, seconds=LATER):
        return self.limiter.acquire(memory, time.monotonic() + seconds)

    def cold_later(self, memory):
        pool = ThreadPoolExecutor(1)
        before = self.limiter.waiting
        future = pool.submit(self.cold, memory)
        pool.shutdown(wait=False)
        wait_until(lambda: self.limiter.waiting > before or future.done(), 60)
        return future

    def hot(self, memory, seconds=LATER):
        now = time.monotonic()
        return self.keeper.acquire(Profile(("hot", memory), memory), now + seconds, now + LATER)


@pytest.fixture
def world():
    made = World()
    yield made
    made.keeper.close()
    made.keeper.join()
    wait_until(lambda: made.keeper.counts == {"free": 100, "waiting": 0, "processes": 0}, 60)


def test_cold_call_evicts_idle_processes(world):
    world.move()
    world.hot(80).give_back(can_reuse=True)
    token = world.cold(50)
    assert world.launches.made[0].is_stopped
    assert (world.limiter.free, world.keeper.counts["processes"]) == (50, 1)
    token.release()
    token.release()
    assert world.limiter.free == 100


def test_cold_call_waits_for_a_hot_one(world):
    world.move()
    lease = world.hot(80)
    with pytest.raises(Busy, match="All places are taken"):
        world.cold(50, seconds=0.1)
    waiting = world.cold_later(50)
    assert (world.limiter.waiting, world.limiter._book.demand) == (1, 50)
    lease.give_back(can_reuse=False)
    waiting.result(60).release()
    assert (world.limiter.free, world.limiter.waiting) == (100, 0)


def test_hot_call_waits_for_a_cold_one(world):
    world.move()
    token = world.cold(50)
    with pytest.raises(Busy):
        world.hot(80, seconds=0.1)
    threading.Timer(0.1, token.release).start()
    world.hot(80).give_back(can_reuse=True)


def test_calls_keep_their_tokens_in_another_book(world):
    held = [world.cold(30), world.cold(40)]
    waiting = [world.cold_later(60), world.cold_later(20)]  # the second one is behind the first
    wait_until(lambda: world.limiter.waiting == 2, 60)
    world.move()
    waiting[1].result(60).release()  # it fits, and no call starves
    assert (world.limiter.free, world.limiter.waiting) == (30, 1)
    assert sorted(world.limiter._book.keys.values()) == [30, 40, 60]
    for token in held:
        token.release()
    waiting[0].result(60).release()
    assert world.limiter.free == 100


def test_closed_keeper_has_no_memory(world):
    world.move()
    token = world.cold(100)
    waiting = world.cold_later(10)
    world.keeper.close()
    with pytest.raises(Busy):
        waiting.result(60)
    with pytest.raises(Closed):
        world.cold(1)
    token.release()


def test_grant_between_two_steps_of_a_call_is_seen(world, monkeypatch):
    """Another thread can grant the memory before the call has an event to wait for."""
    world.move()
    first = world.cold(100)
    ask = PoolBook.ask

    def slow_ask(book, key, count):
        granted = ask(book, key, count)
        book._keeper.release(book._bookings[first].number)
        return granted

    monkeypatch.setattr(PoolBook, "ask", slow_ask)
    world.cold(10).release()
    monkeypatch.undo()
    first.release()


def test_call_that_waits_is_woken_by_its_grant(world):
    world.move()
    first, book = world.cold(100), world.limiter._book
    other = type("Token", (), {"count": 10, "granted": threading.Event()})()
    assert (book.ask(other, 10), book.holds(other), other.granted.is_set()) == ([], False, False)
    first.release()
    assert (book.holds(other), other.granted.is_set()) == (True, True)
    book.give_back(other)


def test_cancelled_call_that_was_granted_keeps_its_memory(world):
    world.move()
    book, token = world.limiter._book, world.cold(10)
    assert (book.cancel(token), book.holds(token)) == ([], True)
    assert (book.cancel("unknown"), book.give_back("unknown"), book.holds("unknown")) == ([], [], False)
    token.release()


def test_call_granted_while_it_is_cancelled_keeps_its_memory(world, monkeypatch):
    world.move()
    first, book = world.cold(100), world.limiter._book
    other = type("Token", (), {"count": 10})()
    assert book.ask(other, 10) == []
    cancel = Keeper.cancel

    def late_cancel(keeper, waiter):
        book.give_back(first)
        cancel(keeper, waiter)

    monkeypatch.setattr(Keeper, "cancel", late_cancel)
    book.cancel(other)
    assert book.holds(other)
    book.give_back(other)


def test_forked_child_begins_with_all_memory(world):
    world.move()
    token = world.cold(60)
    world.keeper.reset_after_fork()
    world.limiter.reset_after_fork()
    token.release()  # of the parent
    assert (world.limiter.free, world.limiter.waiting) == (100, 0)
