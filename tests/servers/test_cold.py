"""Functions that misbehave, under gunicorn: each costs its own caller an answer, and leaves nothing behind."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from . import proc
from .process import Gunicorn, wait_until
from .wire import Wire

pytestmark = pytest.mark.server
SOON, SLACK = 1.0, 2.0
"""The time of a function that takes too long; seconds beyond a deadline, half a second of which is not slack."""
AT_ONCE = 6.0
"""Seconds. It is less than half of the time that those functions have."""
KINDS = {"sync": 3, "gthread": 1}
"""Workers. The sync ones share their memory by a directory, the threads of the other one in their process."""


class Outcome(NamedTuple):
    """What a client got: all of it, until the connection was closed."""

    status: int
    call_id: str
    retry_after: str | None
    body: bytes
    is_whole: bool
    seconds: float


def outcome_of(wire: Wire, began: float) -> Outcome:
    """The one answer that there is, and whether it was cut."""
    answer = wire.head()
    rest = wire.rest()
    headers = answer.headers
    if headers["Transfer-Encoding"] == "chunked":
        body, is_whole = unchunked(rest)
    else:
        body, is_whole = rest, len(rest) == int(headers["Content-Length"])
    (call_id,) = headers.get_all("Fn-Call-Id") or [""]
    return Outcome(answer.status, call_id, headers["Retry-After"], body, is_whole, time.monotonic() - began)


def unchunked(data: bytes) -> tuple[bytes, bool]:
    """The chunks, and whether the last one is there, with nothing after it (RFC 9112, section 7.1)."""
    body = b""
    while found := re.match(rb"([0-9A-Fa-f]+)\r\n", data):
        size = int(found[1], 16)
        body += data[found.end() : found.end() + size]
        data = data[found.end() + size :]
        if size == 0:
            return body, data == b"\r\n"
        assert not data or data.startswith(b"\r\n")
        data = data[2:]
    assert not data
    return body, False


class Server:
    """A gunicorn with functions, and what it has open between two calls."""

    def __init__(self, kind: str, directory: Path, *options: str) -> None:
        self.key = uuid.uuid4().hex
        self.count = KINDS[kind]
        environ = {"MICROFN_TEST_KEY": self.key}
        if kind == "sync":
            (directory / "memory").mkdir()
            environ["MICROFN_TEST_TOKENS"] = str(directory / "memory")
        options = ("--threads", "8", *options) if kind == "gthread" else options
        self.gunicorn = Gunicorn(
            kind, directory, *options, workers=self.count, app="tests.servers.cold:app", **environ
        )
        self.warm_up()
        self.descriptors = self.count_descriptors()

    def warm_up(self) -> None:
        """Have a launcher beside each worker."""
        key = uuid.uuid4().hex
        wires = [self.gunicorn.connect() for _ in range(self.count)]
        for wire in wires:
            wire.request("GET", f"/warm/{key}?count={self.count}", "Connection: close")
        for wire in wires:
            assert wire.answer().body == b"warm"
            wire.leave()

    def send(self, target: str, body: bytes = b"", *lines: str) -> Wire:
        wire = self.gunicorn.connect()
        wire.request("POST", target, "Connection: close", f"Content-Length: {len(body)}", *lines, body=body)
        return wire

    def ask(self, target: str, body: bytes = b"") -> Outcome:
        began = time.monotonic()
        with self.send(target, body) as wire:
            return outcome_of(wire, began)

    def launchers(self) -> list[int]:
        return [
            child.pid
            for worker in self.gunicorn.workers()
            for child in proc.children(worker)
            if b"launcher.py" in child.command
        ]

    def count_descriptors(self) -> int:
        return sum(proc.descriptors(pid) for pid in [*self.gunicorn.workers(), *self.launchers()])

    def resident(self) -> int:
        return sum(proc.resident(pid) for pid in [*self.gunicorn.workers(), *self.launchers()])

    def left(self) -> list[proc.Found]:
        """Processes that should not be there: of functions, and what has ended and was not waited for."""
        launchers = self.launchers()
        beside = [child for worker in self.gunicorn.workers() for child in proc.children(worker)]
        below = [child for launcher in launchers for child in proc.children(launcher)]
        marked = proc.marked(self.key, f"MICROFN_TEST_FUNCTION={self.key}")
        return [*(child for child in beside if child.pid not in launchers), *below, *marked]

    def logged(self, call_id: str) -> list[str]:
        """What a function wrote to stderr, as the server logged it."""
        return re.findall(rf"^call {call_id} wrote to stderr: (.*)$", self.gunicorn.errors(), re.MULTILINE)

    def ends(self, call_id: str) -> list[str]:
        """What the agent says has become of a call."""
        return [line.split()[2] for line in self.gunicorn.recorded() if line.startswith(f"ended {call_id} ")]


def check(server: Server, outcome: Outcome, within: float) -> None:
    """What holds after each fault: one outcome, in time; nothing is left, and the next call has all of the memory."""
    assert re.fullmatch("[0-9a-f]{32}", outcome.call_id)
    assert outcome.seconds < within
    wait_until(lambda: len(server.ends(outcome.call_id)) > 0, "the call did not end", 2)
    mine = f"whole {uuid.uuid4().hex}".encode()
    after = server.ask("/whole", mine)
    assert (after.status, after.body, after.is_whole) == (200, f"{after.call_id} ".encode() + mine, True)
    assert after.call_id != outcome.call_id
    assert len(server.ends(outcome.call_id)) == 1
    assert server.ends(after.call_id) == ["NoneType"]
    assert server.logged(after.call_id) == [rf"said by {after.call_id}\n"]
    wait_until(lambda: not server.left(), f"nothing more than {server.left()}", 2)
    wait_until(
        lambda: server.count_descriptors() <= server.descriptors,
        f"{server.count_descriptors()} open files, and there were {server.descriptors}",
        2,
    )


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that all faults share which do not end it."""
    server = Server(request.param, tmp_path_factory.mktemp(request.param))
    try:
        yield server
    finally:
        server.gunicorn.stop()


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("killed", 502),
        ("silent", 502),
        ("failing", 502),
        ("keeping_the_pipe_in_silence", 502),
        ("answering_twice", 502),
        ("talking_nonsense", 502),
        ("talking_http", 502),
        ("splitting_headers", 502),
        ("inventing_a_status", 502),
        ("never_ending_its_head", 502),
        ("greedy", 502),
        ("greedy_together", 502),
        ("forking", 502),
        ("making_threads", 502),
        ("opening", 502),
    ],
)
def test_what_is_no_answer_is_a_502_long_before_the_time_is_up(server: Server, name: str, status: int) -> None:
    outcome = server.ask(f"/{name}")
    assert (outcome.status, outcome.is_whole) == (status, True)
    assert server.ends(outcome.call_id) == ["Failed"]
    check(server, outcome, AT_ONCE)


@pytest.mark.parametrize("name", ["idle", "deaf", "spinning", "stopped"])
def test_what_takes_too_long_is_killed_and_then_told_with_504(server: Server, name: str) -> None:
    outcome = server.ask(f"/{name}")
    assert not server.left()
    assert (outcome.status, outcome.is_whole) == (504, True)
    assert outcome.seconds >= SOON
    check(server, outcome, SOON + SLACK)
