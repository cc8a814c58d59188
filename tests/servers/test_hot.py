"""Hot functions under gunicorn. Each call has one outcome, even if its process is killed, and no process is left."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from . import proc
from .cold_server import Outcome, outcome_of
from .process import Gunicorn, wait_until
from .wire import Wire

pytestmark = [pytest.mark.server, pytest.mark.faults]
KINDS = {"sync": (), "gthread": ("--threads", "8"), "gevent": (), "preloaded": ("--preload", "--threads", "8")}
PATIENCE = 60.0
"""Seconds to wait for events that are fast on an idle machine."""
CLIENTS, ROUNDS = 4, 15


class Server:
    """A gunicorn with one worker, and hot functions."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.key = uuid.uuid4().hex
        app = "hot_preloaded" if kind == "preloaded" else "hot"
        self.gunicorn = Gunicorn(
            "gthread" if kind == "preloaded" else kind,
            directory,
            *KINDS[kind],
            "--timeout",
            "120",
            workers=1,
            app=f"tests.servers.{app}:app",
            MICROFN_TEST_KEY=self.key,
        )
        self.of_master = self._marked()
        """The hot processes of a master that has imported the application."""

    def send(self, target: str, body: bytes = b"", method: str = "GET") -> Wire:
        wire = self.gunicorn.connect()
        wire.request(method, target, "Connection: close", f"Content-Length: {len(body)}", body=body)
        return wire

    def ask(self, target: str, body: bytes = b"", method: str = "GET") -> Outcome:
        began = time.monotonic()
        with self.send(target, body, method) as wire:
            return outcome_of(wire, began)

    def tell(self, body: bytes = b"") -> tuple[int, int]:
        """Make a call, check its response, and return the process id and the number of its calls."""
        outcome = self.ask("/tell", body, "POST")
        assert (outcome.status, outcome.is_whole) == (200, True), outcome
        pid, number, call_id, *rest = outcome.body.split(b" ", 3)
        assert (call_id.decode(), rest) == (outcome.call_id, [body])
        return int(pid), int(number)

    def functions(self) -> list[int]:
        """Return the processes of the worker's functions."""
        return [pid for pid in self._marked() if pid not in self.of_master]

    def _marked(self) -> list[int]:
        return [one.pid for one in proc.marked(f"MICROFN_TEST_FUNCTION={self.key}") if not one.is_zombie]

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = json.loads(self.ask("/free").body)
        return counts

    def ends(self, call_id: str) -> list[str]:
        return [line.split()[2] for line in self.gunicorn.recorded() if line.startswith(f"ended {call_id} ")]

    def check(self, outcome: Outcome, error: str) -> None:
        """Assert that a call ended once, that a cold call gets all memory, and that the next hot call succeeds."""
        wait_until(lambda: bool(self.ends(outcome.call_id)), "the call did not end", PATIENCE)
        whole = self.ask("/whole", b"all memory", "POST")
        assert (whole.status, whole.body) == (200, b"all memory")
        assert self.functions() == []
        self.tell(b"next")
        assert self.ends(outcome.call_id) == [error]


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(request.param, tmp_path_factory.mktemp(request.param))
    try:
        yield server
    finally:
        server.gunicorn.stop()
        wait_until(lambda: not server._marked(), "a function is left", PATIENCE)


def test_one_process_answers_call_after_call(server: Server) -> None:
    pid, number = server.tell(b"one")
    assert server.tell("zwölf".encode()) == (pid, number + 1)
    assert server.tell(b"." * 300_000) == (pid, number + 2)
    assert re.search(r"^call \w{32} wrote to stderr:\n    said by \w{32}$", server.gunicorn.errors(), re.MULTILINE)


@pytest.mark.parametrize(
    ("how", "detail"),
    [
        ("killed", b"was ended by signal 9"),
        ("leaving", b"ended without a response"),
        ("greedy", b"took more memory than it may have"),
    ],
)
def test_fault_is_a_502_of_its_own_caller(server: Server, how: str, detail: bytes) -> None:
    outcome = server.ask(f"/at_once/{how}")
    assert (outcome.status, outcome.is_whole) == (502, True)
    assert detail in outcome.body
    server.check(outcome, "Failed")


@pytest.mark.parametrize("how", ["sleeping", "deaf", "stopped"])
def test_process_is_killed_before_its_504(server: Server, how: str) -> None:
    pid = int(server.ask("/in_time/fine").body.split()[-1])
    outcome = server.ask(f"/in_time/{how}")
    assert not proc.living([pid])
    assert (outcome.status, outcome.is_whole) == (504, True)
    server.check(outcome, "TimedOut")


@pytest.mark.parametrize(
    ("target", "error"),
    [("/at_once/killed_midway", "Failed"), ("/at_once/flooding", "Failed"), ("/in_time/dripping", "TimedOut")],
)
def test_response_that_breaks_off_is_cut(server: Server, target: str, error: str) -> None:
    outcome = server.ask(target)
    assert (outcome.status, outcome.is_whole) == (200, False)
    server.check(outcome, error)


def test_flooded_log_holds_up_nobody(server: Server) -> None:
    outcome = server.ask("/at_once/flooding_the_log")
    assert (outcome.status, outcome.is_whole) == (200, True)
    server.check(outcome, "NoneType")


def test_client_that_leaves_has_the_process_killed(server: Server) -> None:
    pid = int(server.ask("/at_once/fine").body.split()[-1])
    wire = server.send("/at_once/sleeping")
    time.sleep(0.5)
    wire.leave()
    wait_until(lambda: not proc.living([pid]), "the function goes on", 30)


def test_storm_of_calls_and_kills_has_one_outcome_each(server: Server) -> None:
    """Each response belongs to its call, and each killed process costs at most one call."""
    chance = random.Random(20)

    def run(client: int) -> list[int]:
        statuses = []
        for number in range(ROUNDS):
            body = f"{client}.{number}".encode()
            outcome = server.ask("/tell", body, "POST")
            assert outcome.is_whole
            statuses.append(outcome.status)
            if outcome.status == 200:
                pid, _, call_id, told = outcome.body.split(b" ", 3)
                assert (call_id.decode(), told) == (outcome.call_id, body)
                if chance.random() < 0.2:
                    with suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
        return statuses

    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = [status for found in pool.map(run, range(CLIENTS)) for status in found]
    assert set(statuses) <= {200, 502}
    assert statuses.count(200) > len(statuses) // 3
    wait_until(lambda: server.counts()["running"] == 0, "a call runs", PATIENCE)
    last = server.ask("/tell", b"", "POST")  # its process may have been killed a moment ago
    server.check(last, "NoneType" if last.status == 200 else "Failed")


def test_killed_launcher_costs_one_call_at_most(server: Server) -> None:
    pid, _ = server.tell()
    (launcher,) = {one.parent for one in proc.processes() if one.pid == pid}
    os.kill(launcher, signal.SIGKILL)
    wait_until(lambda: not proc.living([pid]), "the function outlives its launcher", PATIENCE)
    assert server.tell()[0] != pid


def test_functions_end_with_a_killed_worker(tmp_path: Path) -> None:
    server = Server("gthread", tmp_path)
    try:
        server.tell()
        pids, workers = server.functions(), server.gunicorn.workers()
        assert pids
        os.kill(workers[0], signal.SIGKILL)
        wait_until(lambda: not set(server.functions()) & set(pids), "a function is left", PATIENCE)
        wait_until(lambda: set(server.gunicorn.workers()) > set(workers), "no new worker", PATIENCE)
        server.tell()
    finally:
        server.gunicorn.stop(killed=workers)
    assert not server.functions()


def test_reload_begins_with_other_processes(server: Server) -> None:
    pid, _ = server.tell()
    server.gunicorn.reload()
    wait_until(lambda: not proc.living([pid]), "a function outlives its worker", PATIENCE)
    server.tell()
    wait_until(lambda: server.functions() == [server.tell()[0]], "too many functions", PATIENCE)
