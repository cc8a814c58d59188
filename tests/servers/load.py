"""Clients that send requests without a pause, some of them badly behaved, and a count of the outcomes."""

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
"""The received bytes of a stream that fails after its first chunk, without the empty chunk that would end it."""


class Wrong(Exception):
    """A response came, but it is not the expected one."""


@dataclass
class Count:
    """The outcomes of requests. Each one sent is answered, answered wrongly, abandoned by its client, or lost."""

    sent: int = 0
    answered: int = 0
    left: int = 0
    unsent: int = 0
    """Requests that no server accepted, at least not completely."""
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def __add__(self, other: Count) -> Count:
        return Count(*[getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__])

    def __str__(self) -> str:
        told = f"{self.sent:,} sent, {self.answered:,} answered, {len(self.wrong)} wrong, {len(self.lost)} lost"
        return told + (f", {self.left:,} left" if self.left else "")


class Client:
    """A client that sends one request after another, each with a unique token, and checks each response."""

    pause = 0.0
    """Seconds between two requests."""
    is_leaving = False
    """True if the client leaves before its response."""
    place = "first of its connection"
    """The position of a request on its connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.count = Count()

    def ask(self, token: str) -> None:
        """Make one request, and count its outcome."""
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
        """Send a request, and receive its response. Raises `Wrong`, OSError, ValueError or AssertionError."""
        raise NotImplementedError

    def leave(self) -> None:
        """Close connections that are still open."""

    @contextmanager
    def connection(self) -> Iterator[Wire]:
        with Wire(self._port) as wire:
            yield wire

    def send(self, wire: Wire, method: str, target: str, *lines: str, body: bytes = b"") -> None:
        wire.request(method, target, *lines, body=body)
        self.count.sent += 1


class Visitor(Client):
    """A client that makes all kinds of requests, each on a new connection."""

    lines: tuple[str, ...] = ("Connection: close",)

    def question(self, token: str) -> tuple[str, str, bytes, int, object]:
        """Return a method, target and body, with the expected status and content."""
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
    """A visitor whose connection stays open as long as the server keeps it."""

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
    """A visitor with one kind of request, which a bare WSGI function can answer too."""

    def question(self, token: str) -> tuple[str, str, bytes, int, object]:
        return "GET", f"/echo/{token}", b"", 200, {"rest": f"/{token}"}


class RegularEcho(Regular):
    """The same visitor on a persistent connection."""

    question = Echo.question


class SlowSender(Client):
    """A client that sends its request, head and body, in small pieces."""

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
    """A client that reads a large response in small pieces."""

    pause = 0.05

    def exchange(self, token: str) -> None:
        with self.connection() as wire:
            self.send(wire, "GET", "/big", f"X-Token: {token}")
            answer = wire.head()
            body = b"".join(wire.pieces(int(answer.headers["Content-Length"]), 128 * 1024, 0.02))
        assert len(body) == len(BIG)
        _check(answer, 200, body == BIG)


class HalfSender(Client):
    """A client that promises a body, sends half of it, and closes its side: the response is a 400."""

    pause = 0.05

    def exchange(self, token: str) -> None:
        with self.connection() as wire:
            self.send(wire, "POST", f"/measure/{token}", "Content-Length: 1000", body=token.encode().ljust(500, b"."))
            wire.end()
            answer = wire.answer()
            _check(answer, 400, wire.rest() == b"")


class Unlucky(Client):
    """A client of a stream that fails in its middle: the connection is cut, and no response seems whole."""

    pause = 0.2

    def exchange(self, token: str) -> None:
        with self.connection() as wire:
            self.send(wire, "GET", f"/breaks/{token}")
            answer = wire.head()
            body = wire.rest()
        assert len(body) >= len(CUT_OFF)
        _check(answer, 200, body == CUT_OFF)


class LeavesEarly(Client):
    """A client that leaves before the response, within its body, or within the response, in order or with a RST."""

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
    """Clients of these kinds and numbers, each with one request at a time, until the context ends."""

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
            thread.join(60)
            assert not thread.is_alive()

    def count(self, *kinds: type[Client]) -> Count:
        """Return the count of the clients of these kinds; without kinds, that of all clients."""
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
    """Return the bytes of memory that a process or one of its ancestors has written to.

    Forked processes share pages until one of them writes. The first full garbage collection writes to most pages. Then
    private memory grows by megabytes, and this figure does not.
    """
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        lines = dict(line.split(":", 1) for line in file if ":" in line)
    return int(lines["Anonymous"].split()[0]) * 1024


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
