"""A gunicorn with functions that misbehave, and the outcomes of their calls."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from . import proc
from .process import Gunicorn, wait_until
from .wire import Wire

KINDS = {"sync": 3, "gthread": 1}
"""Workers. The sync workers share their memory through a directory, the threads of the other kind in their process."""


class Outcome(NamedTuple):
    """Everything that a client received until the connection was closed."""

    status: int
    call_id: str
    retry_after: str | None
    body: bytes
    is_whole: bool
    seconds: float


def outcome_of(wire: Wire, began: float) -> Outcome:
    """Return the only response; `is_whole` is False if it was cut. gunicorn waits until this side closes."""
    with wire:
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
    """Return the data of the chunks, and True if the last chunk is there and ends the body (RFC 9112, section 7.1)."""
    body, at = bytearray(), 0
    while found := re.compile(rb"([0-9A-Fa-f]+)\r\n").match(data, at):
        size = int(found[1], 16)
        body += data[found.end() : found.end() + size]
        at = found.end() + size + 2
        if size == 0:
            return bytes(body), data[at - 2 :] == b"\r\n"
        assert data[at - 2 : at] in (b"\r\n", b"")
    assert at >= len(data)
    return bytes(body), False


class Server:
    """A gunicorn with functions, and its open files between two calls."""

    def __init__(self, kind: str, directory: Path, *options: str, app: str = "cold") -> None:
        self.key = uuid.uuid4().hex
        self.count = KINDS[kind]
        environ: dict[str, Any] = {"MICROFN_TEST_KEY": self.key}
        if kind == "sync":
            (directory / "memory").mkdir()
            environ["MICROFN_TEST_TOKENS"] = str(directory / "memory")
        self.program = directory / "program"
        self.write_program()
        environ["MICROFN_TEST_PROGRAM"] = str(self.program)
        options = ("--threads", "8", *options) if kind == "gthread" else options
        self.gunicorn = Gunicorn(
            kind, directory, *options, workers=self.count, app=f"tests.servers.{app}:app", **environ
        )
        self.warm_up()
        self.descriptors = self.count_descriptors()

    def write_program(self) -> None:
        self.program.write_text("#!/bin/sh\necho fine\n", "utf-8")
        self.program.chmod(0o755)

    def warm_up(self) -> None:
        """Start a launcher beside each worker."""
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

    def ask_all(self, target: str, bodies: Sequence[bytes]) -> list[Outcome]:
        """Send one request with each body to the same target, all at once."""
        with ThreadPoolExecutor(len(bodies)) as pool:
            return list(pool.map(partial(self.ask, target), bodies))

    def launchers(self) -> list[int]:
        """Return each worker's guard, and its launcher. If a process was killed, its command is empty."""
        found = [found for found in proc.processes() if b"agent/launcher" in found.command]
        workers = self.gunicorn.workers()
        guards = [one.pid for one in found if one.parent in workers]
        return guards + [one.pid for one in found if one.parent in guards]

    def parent_of(self, pid: int) -> int:
        (parent,) = {found.parent for found in proc.processes() if found.pid == pid}
        return parent

    def launcher_of(self, name: str) -> int:
        """Return the launcher that started this function."""
        (launcher,) = {found.parent for found in self.running(name)} & set(self.launchers())
        return launcher

    def own(self) -> list[int]:
        """Return the processes that serve."""
        return [*self.gunicorn.workers(), *self.launchers()]

    def count_descriptors(self) -> int:
        return sum(map(proc.descriptors, self.own()))

    def resident(self) -> int:
        return sum(map(proc.resident, self.own()))

    def left(self) -> list[proc.Found]:
        """Return processes that should not exist: those of functions, and zombies."""
        own = self.own()
        marked = proc.marked(self.key, f"MICROFN_TEST_FUNCTION={self.key}")
        return marked + [found for found in proc.processes() if found.parent in own and found.pid not in own]

    def running(self, name: str) -> list[proc.Found]:
        """Return the processes of this function."""
        return [found for found in proc.marked(self.key) if f"\0{name}\0".encode() in found.command]

    def is_running(self, name: str) -> bool:
        return bool(self.running(name))

    def count_running(self) -> int:
        """Return the number of calls in the process that serves this request."""
        with self.gunicorn.connect() as wire:
            wire.request("GET", "/running", "Connection: close")
            return int(wire.answer().body)

    def strays(self) -> list[str]:
        """Return the calls that left a process behind, according to the launchers' log."""
        return re.findall(r"^microfn: call (\w+) left process \d+ behind", self.gunicorn.errors(), re.MULTILINE)

    def has_started(self, call_id: str) -> bool:
        """Return True if a call that has ended had been started in a process."""
        return f"started {call_id}" in self.gunicorn.recorded()

    def logged(self, call_id: str) -> list[str]:
        """Return the lines that a function wrote to stderr, from the server's log."""
        told = re.findall(rf"^call {call_id} wrote to stderr:\n((?:    .*\n)*)", self.gunicorn.errors(), re.MULTILINE)
        return [line.strip() for text in told for line in text.splitlines()]

    def ends(self, call_id: str) -> list[str]:
        """Return each outcome that the agent reported for a call."""
        return [line.split()[2] for line in self.gunicorn.recorded() if line.startswith(f"ended {call_id} ")]


@contextmanager
def busy(count: int = 4) -> Iterator[None]:
    """Run some processes that each use a whole processor."""
    spinning = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def check(server: Server, outcome: Outcome, within: float) -> None:
    """Assert that a fault had one outcome in time and left nothing, and that the next call gets all memory."""
    assert re.fullmatch("[0-9a-f]{32}", outcome.call_id)
    assert outcome.seconds < within
    wait_until(lambda: len(server.ends(outcome.call_id)) > 0, "the call did not end", 60)
    mine = f"whole {uuid.uuid4().hex}".encode()
    after = server.ask("/whole", mine)
    assert (after.status, after.body, after.is_whole) == (200, f"{after.call_id} ".encode() + mine, True)
    assert after.call_id != outcome.call_id
    assert len(server.ends(outcome.call_id)) == 1
    assert server.ends(after.call_id) == ["NoneType"]
    assert server.logged(after.call_id) == [f"said by {after.call_id}"]
    wait_until(lambda: not server.left(), "a process is left", 60)
    wait_until(lambda: server.count_descriptors() <= server.descriptors, "a file is open", 60)
