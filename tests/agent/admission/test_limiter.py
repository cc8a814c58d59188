"""Tokens of a process and of a host: none is lost, none is granted twice, and each waiter gets its turn."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time

import pytest

from microfn.agent import Busy, TooLarge
from microfn.agent.admission.limiter import Limiter
from microfn.agent.admission.machine_limiter import MachineLimiter

both = pytest.mark.parametrize(
    "make", [lambda path, total: Limiter(total), lambda path, total: MachineLimiter(total, path)]
)


def soon(seconds=5.0):
    return time.monotonic() + seconds


@both
def test_token_is_taken_until_it_is_given_back(make, tmp_path):
    limiter = make(tmp_path, 3)
    one, two = limiter.acquire(1, soon()), limiter.acquire(2, soon())
    with pytest.raises(Busy):
        limiter.acquire(1, until=0.0)
    one.release()
    one.release()
    again = limiter.acquire(1, soon())
    with pytest.raises(Busy):
        limiter.acquire(1, until=0.0)
    again.release()
    two.release()
    limiter.acquire(3, soon()).release()


@both
def test_a_call_that_is_larger_than_all_is_refused_at_once(make, tmp_path):
    with pytest.raises(TooLarge, match="takes 4 tokens"):
        make(tmp_path, 3).acquire(4, soon(60))


@both
def test_waiting_call_gets_a_token_or_gives_up_in_time(make, tmp_path):
    """A waiting call gets the released token, or gives up if its time is over."""
    limiter = make(tmp_path, 1)
    held = limiter.acquire(1, soon())
    threading.Timer(0.05, held.release).start()
    limiter.acquire(1, soon()).release()
    held = limiter.acquire(1, soon())
    began = time.monotonic()
    with pytest.raises(Busy) as caught:
        limiter.acquire(1, began + 0.1)
    assert time.monotonic() - began >= 0.1
    assert caught.value.status == 503
    assert caught.value.retry_after >= 1
    held.release()


@both
@pytest.mark.slow
def test_eight_threads_never_have_more_than_there_is(make, tmp_path):
    total, have, most, lock = 5, [0], [0], threading.Lock()
    limiter = make(tmp_path, total)
    end, refused, failures = time.monotonic() + 1, [0], []

    def work(number):
        chance = random.Random(number)
        try:
            while time.monotonic() < end:
                count = chance.randint(1, total)
                try:
                    token = limiter.acquire(count, time.monotonic() + chance.choice([0, 0.001, 0.05]))
                except Busy:
                    refused[0] += 1
                    continue
                with lock:
                    have[0] += count
                    most[0] = max(most[0], have[0])
                if chance.random() < 0.3:
                    time.sleep(0.001)
                with lock:
                    have[0] -= count
                token.release()
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert refused[0] > 0
    assert 1 < most[0] <= total
    limiter.acquire(total, soon()).release()


def waiting(limiter, count, until, order, name):
    def wait():
        with contextlib.suppress(Busy):
            token = limiter.acquire(count, until)
            order.append(name)
            token.release()

    thread, known = threading.Thread(target=wait), limiter.waiting
    thread.start()
    while limiter.waiting == known:
        time.sleep(0.001)
    return thread


def test_tokens_are_given_in_order_so_large_calls_have_a_turn():
    limiter, order = Limiter(2), []
    held = [limiter.acquire(1, soon()), limiter.acquire(1, soon())]
    threads = [waiting(limiter, 2, soon(), order, "large"), waiting(limiter, 1, soon(), order, "small")]
    held[0].release()
    time.sleep(0.05)
    assert order == []
    held[1].release()
    for thread in threads:
        thread.join(60)
    assert order == ["large", "small"]


def test_a_call_that_gives_up_makes_place_for_those_behind_it():
    limiter, order = Limiter(2), []
    held = limiter.acquire(1, soon())
    large = waiting(limiter, 2, soon(0.1), order, "large")
    small = waiting(limiter, 1, soon(), order, "small")
    large.join(60)
    small.join(60)
    assert order == ["small"]
    held.release()
    assert (limiter.free, limiter.waiting) == (2, 0)


@pytest.mark.parametrize("is_granted", [False, True])
def test_who_is_interrupted_while_it_waits_leaves_nothing_behind(is_granted, monkeypatch):
    limiter = Limiter(1)
    held = limiter.acquire(1, soon())

    def interrupted(event, seconds):
        if is_granted:
            held.release()
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Event, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        limiter.acquire(1, soon())
    held.release()
    assert (limiter.free, limiter.waiting) == (1, 0)


def test_a_turn_that_comes_in_the_last_moment_is_taken(monkeypatch):
    limiter = Limiter(1)
    held = limiter.acquire(1, soon())
    monkeypatch.setattr(threading.Event, "wait", lambda event, seconds: held.release())
    token = limiter.acquire(1, until=0.0)
    assert limiter.free == 0
    token.release()
    assert limiter.free == 1


def test_retry_after_grows_with_the_queue_and_the_time_of_calls():
    limiter = Limiter(2)

    def used(seconds):
        token = limiter.acquire(2, soon())
        token.acquired_at -= seconds
        token.release()

    def told(count):
        with pytest.raises(Busy) as caught:
            limiter.acquire(count, until=0.0)
        return caught.value.retry_after

    used(9.5)
    held = limiter.acquire(2, soon())
    assert (told(1), told(2)) == (5, 10)
    thread = waiting(limiter, 2, soon(0.3), [], "one")
    assert (told(1), told(2)) == (15, 20)
    thread.join(60)
    held.release()
    used(1_000_000)
    held = limiter.acquire(1, soon())
    assert told(2) == 3600


@both
def test_forked_child_neither_has_nor_returns_parent_tokens(make, tmp_path):
    """A forked child has no tokens of its parent, and does not release any of them."""
    limiter = make(tmp_path, 2)
    held = limiter.acquire(2, soon())
    pid = os.fork()
    if pid == 0:
        # The child releases a token that is not its own, then acquires free ones: all of a process, none of a host.
        held.release()
        try:
            limiter.acquire(2, until=0.0)
            os._exit(1)
        except Busy:
            os._exit(2)
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == (1 if isinstance(limiter, Limiter) else 2)
    with pytest.raises(Busy):
        limiter.acquire(1, until=0.0)
    held.release()
    limiter.acquire(2, soon()).release()


@both
def test_waiting_call_gets_what_a_reclaimer_releases(make, tmp_path):
    limiter = make(tmp_path, 1)
    held = limiter.acquire(1, soon())
    limiter.reclaim_with(held.release)
    limiter.acquire(1, soon()).release()
