"""Many clients at once, some of which leave while the launcher is killed: in the end the server is as before."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .cold_server import Server, check
from .process import wait_until

pytestmark = [pytest.mark.server, pytest.mark.faults]
CLIENTS, CALLS = 24, 12
EXPECTED = {
    "/true": {200, 502},
    "/tell": {200, 502},
    "/half": {200, 502, 503},
    "/killed": {502},
    "/failing": {502},
    "/silent": {502},
    "/answering_less": {200, 502},
    "/ticking": set(),
}
"""The statuses of each function. If a function has none, its client does not wait."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server("gthread", tmp_path, "--threads", "24")
    try:
        yield server
        server.gunicorn.stop()
    finally:
        server.gunicorn.ensure_ended()


def call(server: Server, seed: int) -> Counter[str]:
    """Make calls one after another, and return their failures."""
    choose, wrong = random.Random(seed), Counter[str]()
    for _ in range(CALLS):
        target = choose.choice(list(EXPECTED))
        if not EXPECTED[target]:
            wire = server.send(target)
            time.sleep(0.1 * choose.random())
            wire.reset()
            continue
        outcome = server.ask(target, b"." * choose.choice([0, 1000, 100_000]))
        if outcome.status not in EXPECTED[target] | {503}:
            wrong[f"{target} {outcome.status} {outcome.body!r:.200}"] += 1
    return wrong


def count_ended(server: Server) -> int:
    return sum(line.startswith("ended ") for line in server.gunicorn.recorded())


def kill_launcher(server: Server) -> None:
    """Kill the process that starts the functions; its guard, or the next call, notices."""
    guard, launcher = server.launchers()
    os.kill(launcher, signal.SIGKILL)
    wait_until(lambda: guard not in server.launchers(), "its guard goes on", 60)


def test_storm_and_killed_launchers_leave_nothing_behind(server: Server) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(call, server, seed) for seed in range(CLIENTS)]
        for _ in range(2):
            ended = count_ended(server)
            wait_until(lambda: count_ended(server) > ended + 50, "too few calls", 60)  # noqa: B023
            kill_launcher(server)
        wrong = sum((client.result() for client in clients), Counter[str]())
    assert wrong == Counter()
    wait_until(lambda: server.count_running() == 0, "calls go on", 25)
    server.warm_up()
    check(server, server.ask("/tell"), 6)
