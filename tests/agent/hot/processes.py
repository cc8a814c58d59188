"""Fake hot processes for a keeper, made of sockets and flags."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Hashable
from contextlib import suppress

__all__ = ["FakeProcess", "Launches"]


class FakeProcess:
    """The `HotProcess` of a keeper; `theirs` is the function's end of its socket."""

    def __init__(self) -> None:
        self.talk, self.theirs = socket.socketpair()
        self._control, self._far = socket.socketpair()
        self.control = self._control.fileno()
        self.err = os.open(os.devnull, os.O_RDONLY)
        self.is_stopped = False
        self.is_closed = False
        self.flushes = 0

    def end(self) -> None:
        """End as a process does, by closing the sockets."""
        self.theirs.close()
        self._far.close()

    def nudge(self) -> None:
        """Make the control socket readable, as if the leader had ended and its group had not."""
        self._far.send(b"x")

    def has_gone(self) -> bool:
        return not self._control.recv(1)

    def stop(self) -> None:
        self.is_stopped = True
        self.end()

    def flush_log(self) -> None:
        self.flushes += 1

    def close(self) -> None:
        assert not self.is_closed
        self.is_closed = True
        self.end()
        for file in self.talk, self._control:
            file.close()
        with suppress(OSError):
            os.close(self.err)


class Launches:
    """The `start` of a keeper. Each launch waits while `gate` is closed, and raises `error` if it is set."""

    def __init__(self) -> None:
        self.made: list[FakeProcess] = []
        self.keys: list[Hashable] = []
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None

    def __call__(self, key: Hashable) -> FakeProcess:
        self.keys.append(key)
        assert self.gate.wait(60)
        if self.error is not None:
            raise self.error
        process = FakeProcess()
        self.made.append(process)
        return process
