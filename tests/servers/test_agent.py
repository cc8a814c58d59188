"""Calls that an agent admits under gunicorn: never too many at once, and none is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .process import Gunicorn, wait_until
from .wire import Answer

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(params=["sync", "gthread", "gevent", "gevent preloaded"])
def gunicorn(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gunicorn]:
    kind, _, preloaded = request.param.partition(" ")
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    options = ["--preload"] if preloaded else []
    app = "tests.servers.admitted:app"
    gunicorn = Gunicorn(kind, tmp_path, *options, workers=2, app=app, MICROFN_TEST_TOKENS=str(tokens))
    yield gunicorn
    gunicorn.ensure_ended()


def ask(gunicorn: Gunicorn, target: str, *lines: str) -> Answer:
    with gunicorn.connect() as wire:
        wire.request("GET", target, "Connection: close", *lines)
        return wire.answer()


def ask_all(gunicorn: Gunicorn, targets: list[str]) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    threads = [
        threading.Thread(target=lambda target: answers.update({target: ask(gunicorn, target)}), args=(target,))
        for target in targets
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def most_at_once(gunicorn: Gunicorn) -> tuple[int, int]:
    """Return the most calls that ran at once, on the whole host and in one process."""
    lines = [line.split() for line in gunicorn.recorded()]
    running: list[str] = []
    on_host = in_process = 0
    for word, _, _, pid in sorted(lines, key=lambda line: float(line[2])):
        if word == "began":
            running.append(pid)
        else:
            running.remove(pid)
        on_host, in_process = max(on_host, len(running)), max(in_process, running.count(pid))
    return on_host, in_process


def test_calls_at_once_are_at_most_the_tokens_and_all_end(gunicorn: Gunicorn) -> None:
    """Each request gets its response."""
    answers = ask_all(gunicorn, [f"/work/{number}" for number in range(24)])
    assert {target: answer.body for target, answer in answers.items()} == {
        f"/work/{number}": str(number).encode() for number in range(24)
    }
    assert len({answer.headers["Fn-Call-Id"] for answer in answers.values()}) == 24
    on_host, in_process = most_at_once(gunicorn)
    assert 1 <= on_host <= 3
    assert in_process <= 2
    gunicorn.stop()


def test_what_cannot_begin_in_time_is_refused_in_time(gunicorn: Gunicorn) -> None:
    answer = ask(gunicorn, "/brief", f"X-Request-Start: t={time.time() - 5:.3f}")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json["status"] == 503
    assert ask(gunicorn, "/brief").body == b"0.4"
    gunicorn.stop()


def test_a_worker_that_is_killed_gives_the_hosts_tokens_back(gunicorn: Gunicorn) -> None:
    held = gunicorn.connect()
    held.request("GET", "/work/held?seconds=30", "Connection: close")
    wait_until(lambda: any(line.startswith("began held") for line in gunicorn.recorded()), "it did not begin")
    killed = int(gunicorn.recorded()[-1].split()[-1])
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len(set(gunicorn.workers()) - {killed}) == 2, "no worker took its place", 20)
    answers = ask_all(gunicorn, [f"/work/{number}" for number in range(9)])
    assert [answer.status for answer in answers.values()] == [200] * 9
    held.leave()
    gunicorn.stop([killed])


def test_calls_that_run_are_answered_when_the_server_is_stopped(gunicorn: Gunicorn) -> None:
    with gunicorn.connect() as wire:
        wire.request("GET", "/work/last?seconds=1", "Connection: close")
        wait_until(lambda: any(line.startswith("began last") for line in gunicorn.recorded()), "it did not begin")
        gunicorn.terminate()
        assert wire.answer().body == b"last"
    gunicorn.stop()


with_threads = pytest.mark.parametrize("gunicorn", ["gthread", "gevent"], indirect=True)
SLOW = 4
"""The number of clients, which is larger than the number of tokens."""


@with_threads
def test_half_bodies_hold_no_tokens(gunicorn: Gunicorn) -> None:
    slow = [gunicorn.connect() for _ in range(SLOW)]
    for wire in slow:
        wire.request("POST", "/body", "Content-Length: 100", body=b"slow.")
    with gunicorn.connect() as quick:
        quick.request("POST", "/body", "Content-Length: 5", "Connection: close", body=b"quick")
        assert quick.answer().body == b"5"
    for wire in slow:
        wire.send(b"." * 95)
        assert wire.answer().body == b"100"
        wire.leave()


@with_threads
def test_clients_that_read_slowly_hold_tokens_to_the_deadline(gunicorn: Gunicorn) -> None:
    slow = [gunicorn.connect() for _ in range(SLOW)]
    began = time.monotonic()
    for wire in slow:
        wire.request("GET", "/stream")
    assert 200 in [wire.head().status for wire in slow]
    got = ask(gunicorn, "/work/quick")
    assert (got.status, got.body) == (200, b"quick")
    assert time.monotonic() - began < 4
    for wire in slow:
        wire.leave()
