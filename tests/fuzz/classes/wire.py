"""`wsgi.input` like a connection: it arrives in pieces, can break off, and blocks if code reads beyond its end."""

from __future__ import annotations

from random import Random


class Unnamed(Exception):
    """Servers have exceptions of their own for a client that has gone."""


FAILURES = [
    ConnectionResetError(104, "reset"),
    TimeoutError("timed out"),
    BrokenPipeError(32, "gone"),
    EOFError(),
    OSError("?"),
]
FAILURES += [ValueError("Invalid chunk size"), Unnamed("no more data"), RuntimeError("bad chunk"), KeyError("chunk")]


class Wire:
    """So many bytes of a body, `allowed` of which may be asked for (None: the server ends it), and then an error."""

    def __init__(self, data: bytes, *, allowed: int | None, piece: int, error: Exception | None = None) -> None:
        self.data, self.allowed, self.piece, self.error = data, allowed, piece, error
        self.at = 0
        self.read_beyond = False

    def read(self, size: int = -1) -> bytes:
        return self._take(self.piece if size < 0 else min(size, self.piece), asked=size)

    def readline(self, size: int = -1) -> bytes:
        end = self.data.find(b"\n", self.at) + 1 or len(self.data)
        rest = end - self.at or 1  # at the end there is the error
        return self._take(rest if size < 0 else min(size, rest), asked=size)

    def readlines(self, hint: int = -1) -> list[bytes]:
        return list(self)

    def __iter__(self):
        return iter(self.readline, b"")

    def _take(self, size: int, *, asked: int) -> bytes:
        if self.allowed is not None and (asked < 0 or self.at + asked > self.allowed):
            self.read_beyond = True
        piece = self.data[self.at : self.at + size]
        self.at += len(piece)
        if not piece and size and self.error is not None:
            raise self.error
        return piece


def wire(chance: Random, data: bytes, *, allowed: int | None, error: Exception | None = None) -> Wire:
    return Wire(data, allowed=allowed, piece=chance.choice([1, 3, 7, 64, 100_000]), error=error)
