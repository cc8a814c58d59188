"""Tokens, of a process and of a host: none is lost, none is given twice, and nobody is forgotten."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time

import pytest

from microfn.agent import Busy, TooLarge
from microfn.agent.host import HostLedger
from microfn.agent.ledger import Ledger

both = pytest.mark.parametrize("make", [lambda path, total: Ledger(total), lambda path, total: HostLedger(total, path)])


def soon(seconds=5.0):
    return time.monotonic() + seconds


@both
def test_token_is_taken_until_it_is_given_back(make, tmp_path):
    ledger = make(tmp_path, 3)
    one, two = ledger.take(1, soon()), ledger.take(2, soon())
    with pytest.raises(Busy):
        ledger.take(1, until=0.0)
    one.give_back()
    one.give_back()
    again = ledger.take(1, soon())
    with pytest.raises(Busy):
        ledger.take(1, until=0.0)
    again.give_back()
    two.give_back()
    ledger.take(3, soon()).give_back()


@both
def test_a_call_that_is_larger_than_all_is_refused_at_once(make, tmp_path):
    with pytest.raises(TooLarge, match="takes 4 tokens"):
        make(tmp_path, 3).take(4, soon(60))


@both
def test_waiting_call_gets_a_token_or_gives_up_in_time(make, tmp_path):
    """A call that waits gets the token that is given back meanwhile, or it gives up when its time is over."""
    ledger = make(tmp_path, 1)
    held = ledger.take(1, soon())
    threading.Timer(0.05, held.give_back).start()
    ledger.take(1, soon()).give_back()
    held = ledger.take(1, soon())
    began = time.monotonic()
    with pytest.raises(Busy) as caught:
        ledger.take(1, began + 0.1)
    assert time.monotonic() - began >= 0.1
    assert caught.value.status == 503
    assert caught.value.retry_after >= 1
    held.give_back()


@both
def test_eight_threads_never_have_more_than_there_is(make, tmp_path):
    total, have, most, lock = 5, [0], [0], threading.Lock()
    ledger = make(tmp_path, total)
    end, refused, failures = time.monotonic() + 1, [0], []

    def work(number):
        chance = random.Random(number)
        try:
            while time.monotonic() < end:
                count = chance.randint(1, total)
                try:
                    token = ledger.take(count, time.monotonic() + chance.choice([0, 0.001, 0.05]))
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
                token.give_back()
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not failures
    assert refused[0] > 0
    assert 1 < most[0] <= total
    ledger.take(total, soon()).give_back()


def waiting(ledger, count, until, order, name):
    def wait():
        with contextlib.suppress(Busy):
            token = ledger.take(count, until)
            order.append(name)
            token.give_back()

    thread, known = threading.Thread(target=wait), ledger.waiting
    thread.start()
    while ledger.waiting == known:
        time.sleep(0.001)
    return thread


def test_tokens_are_given_in_order_so_large_calls_have_a_turn():
    ledger, order = Ledger(2), []
    held = [ledger.take(1, soon()), ledger.take(1, soon())]
    threads = [waiting(ledger, 2, soon(), order, "large"), waiting(ledger, 1, soon(), order, "small")]
    held[0].give_back()
    time.sleep(0.05)
    assert order == []
    held[1].give_back()
    for thread in threads:
        thread.join(5)
    assert order == ["large", "small"]


def test_a_call_that_gives_up_makes_place_for_those_behind_it():
    ledger, order = Ledger(2), []
    held = ledger.take(1, soon())
    large = waiting(ledger, 2, soon(0.1), order, "large")
    small = waiting(ledger, 1, soon(), order, "small")
    large.join(5)
    small.join(5)
    assert order == ["small"]
    held.give_back()
    assert (ledger.free, ledger.waiting) == (2, 0)


@pytest.mark.parametrize("is_granted", [False, True])
def test_who_is_interrupted_while_it_waits_leaves_nothing_behind(is_granted, monkeypatch):
    ledger = Ledger(1)
    held = ledger.take(1, soon())

    def interrupted(event, seconds):
        if is_granted:
            held.give_back()
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Event, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ledger.take(1, soon())
    held.give_back()
    assert (ledger.free, ledger.waiting) == (1, 0)


def test_a_turn_that_comes_in_the_last_moment_is_taken(monkeypatch):
    ledger = Ledger(1)
    held = ledger.take(1, soon())
    monkeypatch.setattr(threading.Event, "wait", lambda event, seconds: held.give_back())
    token = ledger.take(1, until=0.0)
    assert ledger.free == 0
    token.give_back()
    assert ledger.free == 1


def test_retry_after_grows_with_the_queue_and_the_time_of_calls():
    ledger = Ledger(2)

    def used(seconds):
        token = ledger.take(2, soon())
        token.taken_at -= seconds
        token.give_back()

    def told(count):
        with pytest.raises(Busy) as caught:
            ledger.take(count, until=0.0)
        return caught.value.retry_after

    used(9.5)
    held = ledger.take(2, soon())
    assert (told(1), told(2)) == (5, 10)
    thread = waiting(ledger, 2, soon(0.3), [], "one")
    assert (told(1), told(2)) == (15, 20)
    thread.join(5)
    held.give_back()
    used(1_000_000)
    held = ledger.take(1, soon())
    assert told(2) == 3600


@both
def test_forked_child_neither_has_nor_returns_parent_tokens(make, tmp_path):
    """A forked child has no tokens of its parent, and does not give any of them back."""
    ledger = make(tmp_path, 2)
    held = ledger.take(2, soon())
    pid = os.fork()
    if pid == 0:
        # The child gives back what is not its own, and takes what is there: of a process all, of a host nothing.
        held.give_back()
        try:
            ledger.take(2, until=0.0)
            os._exit(1)
        except Busy:
            os._exit(2)
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == (1 if isinstance(ledger, Ledger) else 2)
    with pytest.raises(Busy):
        ledger.take(1, until=0.0)
    held.give_back()
    ledger.take(2, soon()).give_back()
