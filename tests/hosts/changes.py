"""Files that change while they are sent: the response, and the next one on the same connection."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..servers.wire import Wire
from .site import Site, joined, parse

SIZE = 8 * 1024 * 1024  # more than the sockets between hold
CONTENT = bytes(range(256)) * (SIZE // 256)
APPENDED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * 1000
SHORT_SILENCE, LONG_SILENCE = 0.02, 1.0
TRIES = 5
Change = Callable[[Path], object]


class Sending(NamedTuple):
    """A request for a file, and the first byte to send."""

    target: str
    file: str
    line: str = "Accept: */*"
    first: int = 0

    @property
    def content(self) -> bytes:
        return CONTENT[self.first :]


KEPT = Sending("/files/large", "large")
CLOSED = {
    "a range": Sending("/files/large", "large", "Range: bytes=1000-", 1000),
    "a precompressed file": Sending("/files/large.css", "large.css.br", "Accept-Encoding: br"),
    "send_file": Sending("/sent/large", "large"),
}


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(APPENDED)


def replace(path: Path) -> None:
    write(path.with_name("other"), APPENDED).replace(path)


def shrink(path: Path) -> None:
    os.truncate(path, SIZE // 2)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o644)  # the host may be another user
    return path


def come_of(site: Site, change: Change, *ways: str) -> str:
    """A file on a connection that may be kept, and other ways to send one if they come to something else."""
    came = _tried(site, KEPT, change, _kept)
    write(site.directory / "large.css", b"")
    others = {name: _tried(site, CLOSED[name], change, _closed) for name in ways}
    return "; ".join([came, *(f"{name}: {other}" for name, other in others.items() if other != came.partition(",")[0])])


def _tried(site: Site, sending: Sending, change: Change, take: Callable[[Site, Sending, Change], str]) -> str:
    """A host that had read all of a file before it became shorter has another try."""
    for _ in range(TRIES):
        came = take(site, sending, change)
        if change is not shrink or not came.startswith("whole"):
            break
    return came


def _kept(site: Site, sending: Sending, change: Change) -> str:
    with site.connect() as wire:
        data = _sent(site, wire, sending, change, "Connection: keep-alive")
        if change is shrink:
            data += wire.until_silent(LONG_SILENCE)
            return f"{_told(sending, data)}, then {'the end' if wire.is_ended else 'nothing'}"
        if not wire.is_silent(SHORT_SILENCE):
            return f"{_told(sending, data + wire.rest())}, then the end"
        rest = b""
        with suppress(ConnectionError):  # the host has ended it
            wire.request("GET", f"{site.prefix}/docs", "Connection: close")
            rest = wire.rest()
    is_right = rest and (parse(rest).status, joined(parse(rest))) == (200, b"the docs\n")
    then = "the next answer" if is_right else f"{len(rest)} other bytes" if rest else "the end"
    return f"{_told(sending, data)}, then {then}"


def _closed(site: Site, sending: Sending, change: Change) -> str:
    with site.connect() as wire:
        return _told(sending, _sent(site, wire, sending, change, "Connection: close") + wire.rest())


def _sent(site: Site, wire: Wire, sending: Sending, change: Change, *lines: str) -> bytes:
    """The body of an answer as far as it has to come; ValueError if it does not say how long it is."""
    path = write(site.directory / sending.file, CONTENT)
    wire.request("GET", site.prefix + sending.target, sending.line, *lines)
    answer = parse(wire.until(b"\r\n\r\n"))
    change(path)
    if answer.headers["Content-Length"] != str(len(sending.content)):
        raise ValueError(f"{answer.status}, its length is {answer.headers['Content-Length']}")
    # If the application breaks off, bytes in the buffer of the host can be lost.
    return answer.body + (b"" if change is shrink else wire.at_least(len(sending.content) - len(answer.body)))


def _told(sending: Sending, body: bytes) -> str:
    if body == sending.content:
        return "whole"
    return "cut off" if sending.content.startswith(body) else "not what it was"
