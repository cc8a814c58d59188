"""What happens to a server under load: reloads, workers that are killed, clients that are slow or leave."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from .load import Load
from .process import Gunicorn, wait_until

pytestmark = pytest.mark.server
CLIENTS = 6


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[Gunicorn]:
    gunicorn = Gunicorn("gthread", tmp_path, workers=2)
    yield gunicorn
    gunicorn.ensure_ended()


def go_on(load: Load, count: int = 200) -> None:
    """Until so many more requests were answered."""
    before = load.answered
    wait_until(lambda: load.answered >= before + count, f"{count} more answers", 20)


def test_no_request_is_lost_when_the_workers_are_replaced(gunicorn: Gunicorn) -> None:
    with Load(gunicorn.port, CLIENTS) as load:
        for _ in range(3):
            go_on(load)
            gunicorn.reload()
        go_on(load)
    assert (load.wrong, load.lost) == ([], [])
    gunicorn.stop()


def test_a_worker_that_is_killed_loses_what_it_had_in_its_hands_and_no_more(gunicorn: Gunicorn) -> None:
    killed = []
    with Load(gunicorn.port, CLIENTS) as load:
        for _ in range(2):
            go_on(load)
            killed.append(next(pid for pid in gunicorn.workers() if pid not in killed))
            os.kill(killed[-1], signal.SIGKILL)
            wait_until(lambda: len(set(gunicorn.workers()) - set(killed)) == 2, "no worker took its place", 20)
        go_on(load)
    assert load.wrong == []
    assert len(load.lost) <= 2 * CLIENTS
    gunicorn.stop(killed)


def test_clients_that_leave_or_dawdle_take_nothing_from_others(gunicorn: Gunicorn) -> None:
    """Three of eight threads wait for bodies that do not come; the others answer, and all are free in the end."""
    slow = [gunicorn.connect() for _ in range(3)]
    for wire in slow:
        wire.request("POST", "/measure/slow", "Content-Length: 100", body=b"slow.")
    with Load(gunicorn.port, CLIENTS) as load:
        go_on(load)
        for number in range(50):
            with gunicorn.connect() as wire:
                wire.request("POST", "/measure/x", "Content-Length: 1000", body=b"x." * number)
                wire.reset()
        go_on(load)
    for wire in slow:
        wire.send(b"." * 95)
        assert wire.answer().json == {"length": 100}
        wire.leave()
    assert (load.wrong, load.lost) == ([], [])
    gunicorn.stop()
