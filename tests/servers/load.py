"""Clients that ask without a pause, some of them badly behaved, and a count of what becomes of each request."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from .app import BIG
from .wire import Answer, Wire

BODY = 20_000
CUT_OFF = b"6\r\nfirst\n\r\n"
"""What comes of a stream that fails after its first chunk: that chunk, and not the empty one, which is the end."""


class Wrong(Exception):
    """An answer came, and it is not that of what was asked."""


@dataclass
class Count:
    """What became of the requests: each that was sent is answered, answered wrongly, left by its client, or lost."""

    sent: int = 0
    answered: int = 0
    left: int = 0
    unsent: int = 0
    """Those that found no server to take them, or not all of them."""
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def __add__(self, other: Count) -> Count:
        return Count(*[getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__])

    def __str__(self) -> str:
        told = f"{self.sent:,} sent, {self.answered:,} answered, {len(self.wrong)} wrong, {len(self.lost)} lost"
        return told + (f", {self.left:,} left" if self.left else "")


class Client:
    """One client: asks one request after the other, each with a token of its own, and looks at what comes back."""

    pause = 0.0
    """Seconds between two requests."""
    is_leaving = False
    """Whether it leaves before it has its answer."""
    place = "first of its connection"
    """Where on its connection a request was."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.count = Count()

    def ask(self, token: str) -> None:
        """One request, counted."""
        sent = self.count.sent
        try:
            self.exchange(token)
        except Wrong as error:
            self.count.wrong.append(f"{token}: {error}")
        except (OSError, ValueError, AssertionError) as error:
            if self.count.sent > sent:
                self.count.lost.append(f"{token}: {error!r}, {self.place}")
            else:
                self.count.unsent += 1
        else:
            self.count.left += self.is_leaving
            self.count.answered += not self.is_leaving

    def exchange(self, token: str) -> None:
        """Send a request, and receive its answer. Raises `Wrong`, or an OSError, ValueError or AssertionError."""
        raise NotImplementedError

    def leave(self) -> None:
        """End what is still open."""

    @contextmanager
    def connection(self) -> Iterator[Wire]:
        with Wire(self._port) as wire:
            yield wire

    def send(self, wire: Wire, method: str, target: str, *lines: str, body: bytes = b"") -> None:
        wire.request(method, target, *lines, body=body)
        self.count.sent += 1


class Visitor(Client):
    """Asks for all kinds of things, with a connection for each."""

    lines: tuple[str, ...] = ("Connection: close",)

    def question(self, token: str) -> tuple[str, str, bytes, int, object]:
        """Method, target, body, and the status and the content that are right."""
        return [
            ("GET", f"/echo/{token}", b"", 200, {"rest": f"/{token}"}),
            ("GET", f"/echo/{token}?x={token}", b"", 200, {"rest": f"/{token}"}),
            ("GET", f"/nothing-{token}", b"", 404, 404),
            ("POST", f"/measure/{token}", token.encode().ljust(BODY, b"."), 200, BODY),
            ("GET", f"/DOCS?x={token}", b"", 301, f"/docs?x={token}"),
        ][self.count.sent % 5]

    def exchange(self, token: str) -> None:
        method, target, body, status, content = self.question(token)
        with self.connection() as wire:
            self.send(wire, method, target, *self.lines, f"Content-Length: {len(body)}", body=body)
            answer = wire.answer()
        _check(answer, status, _said(answer) == content)


class Regular(Visitor):
    """The same on a connection that is kept as long as the server keeps it."""

    lines = ()
    _wire: Wire | None = None

    @contextmanager
    def connection(self) -> Iterator[Wire]:
        self.place = "later on its connection" if self._wire else Client.place
        wire = self._wire or Wire(self._port)
        self._wire = None
        try:
            yield wire
        except BaseException:
            wire.leave()
            raise
        self._wire = wire

    def exchange(self, token: str) -> None:
        super().exchange(token)
        if self._wire is not None and self._wire.is_to_be_closed:
            self.leave()

    def leave(self) -> None:
        if self._wire is not None:
            self._wire.leave()
            self._wire = None


class Echo(Visitor):
    """Asks for one thing, which a bare WSGI function can answer too."""

    def question(self, token: str) -> tuple[str, str, bytes, int, object]:
        return "GET", f"/echo/{token}", b"", 200, {"rest": f"/{token}"}


class RegularEcho(Regular):
    """The same on a connection that is kept."""

    question = Echo.question


class SlowSender(Client):
    """Sends its request, head and body, in small pieces."""

    pause = 0.05

    def exchange(self, token: str) -> None:
        body = token.encode().ljust(200, b".")
        text = f"POST /measure/{token} HTTP/1.1\r\nHost: a.example\r\nContent-Length: 200\r\n\r\n".encode() + body
        with self.connection() as wire:
            for start in range(0, len(text), 20):
                wire.send(text[start : start + 20])
                time.sleep(0.02)
            self.count.sent += 1
            answer = wire.answer()
        _check(answer, 200, _said(answer) == 200)


class SlowReader(Client):
    """Reads a large answer in small pieces."""

    pause = 0.05

    def exchange(self, token: str) -> None:
        with self.connection() as wire:
            self.send(wire, "GET", "/big", f"X-Token: {token}")
            answer = wire.head()
            body = b"".join(wire.pieces(int(answer.headers["Content-Length"]), 128 * 1024, 0.02))
        assert len(body) == len(BIG)
        _check(answer, 200, body == BIG)


class HalfSender(Client):
    """Promises a body, sends half of it, and says that there will be no more: that is a 400."""

    pause = 0.05

    def exchange(self, token: str) -> None:
        with self.connection() as wire:
            self.send(wire, "POST", f"/measure/{token}", "Content-Length: 1000", body=token.encode().ljust(500, b"."))
            wire.end()
            answer = wire.answer()
            _check(answer, 400, wire.rest() == b"")


class Unlucky(Client):
    """Asks for a stream that fails in its middle: the connection is cut off, and no answer seems whole."""

    pause = 0.2

    def exchange(self, token: str) -> None:
        with self.connection() as wire:
            self.send(wire, "GET", f"/breaks/{token}")
            answer = wire.head()
            body = wire.rest()
        assert len(body) >= len(CUT_OFF)
        _check(answer, 200, body == CUT_OFF)


class LeavesEarly(Client):
    """Leaves before its answer comes, within its body, or within the answer, in order or with a RST."""

    pause = 0.05
    is_leaving = True

    def exchange(self, token: str) -> None:
        way = self.count.sent % 6
        with self.connection() as wire:
            if way % 3 == 0:
                self.send(wire, "GET", f"/echo/{token}")
            elif way % 3 == 1:
                self.send(wire, "POST", f"/measure/{token}", "Content-Length: 1000", body=token.encode())
            else:
                self.send(wire, "GET", "/big")
                assert wire.head().status == 200
            if way < 3:
                wire.reset()


WELL_BEHAVED = (Visitor, Regular)
MIXED: dict[type[Client], int] = {Visitor: 4, Regular: 2, SlowSender: 1, SlowReader: 1, HalfSender: 1, LeavesEarly: 2}


class Load:
    """Clients of these kinds, so many of each, each with one request at a time, until told to stop."""

    def __init__(self, port: int, clients: int | Mapping[type[Client], int]) -> None:
        kinds = {Visitor: clients} if isinstance(clients, int) else clients
        self.clients = [kind(port) for kind, number in kinds.items() for _ in range(number)]
        self._name = uuid.uuid4().hex[:8]
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(client, number)) for number, client in enumerate(self.clients)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()

    def count(self, *kinds: type[Client]) -> Count:
        """The count of the clients of these kinds, or of all."""
        counts = [client.count for client in self.clients if not kinds or type(client) in kinds]
        return sum(counts, Count())

    @property
    def answered(self) -> int:
        return self.count().answered

    @property
    def wrong(self) -> list[str]:
        return self.count().wrong

    @property
    def lost(self) -> list[str]:
        return self.count().lost

    def _ask(self, client: Client, number: int) -> None:
        for turn in itertools.count():
            if self._is_over.wait(client.pause or (0.05 if client.count.unsent else 0)):
                break
            client.ask(f"{self._name}-{number}-{turn}")
        client.leave()


def _check(answer: Answer, status: int, is_right: bool) -> None:
    if answer.status != status or not is_right:
        raise Wrong(str(answer))


def _said(answer: Answer) -> object:
    if answer.status == 301:
        return answer.headers["Location"]
    value = json.loads(answer.body)
    return value["length"] if "length" in value else value.get("params", value.get("status"))


def resident(pid: int) -> int:
    """The bytes of memory that a process has written to, as have those it was forked from.

    These share pages until one of them writes. The first full collection of garbage writes to most, so what is
    private grows by megabytes then, and this does not.
    """
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        lines = dict(line.split(":", 1) for line in file if ":" in line)
    return int(lines["Anonymous"].split()[0]) * 1024


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
