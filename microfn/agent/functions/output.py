"""The output, log and end of a function that runs."""

from __future__ import annotations

import math
import os
import select
import time

from ..deadline import Deadline
from ..errors import ClientLeft, Failed, TimedOut
from .client import ClientWatch
from .function_process import End, Process

__all__ = ["Output", "check_end"]

PIECE = 65536
LAST_MOMENT = 0.05
"""Seconds in which a function ends that has closed its output; after them its response ends all the same."""
GRACE = 0.1
"""Seconds beyond the deadline in which the launcher kills the function; after them it is killed from here."""
_TOO_LONG = "The function took too long."
_KILLED_FOR = {
    "memory": "The function took more memory than it may have.",
    "processes": "The function started more processes than it may have.",
    "unfinished": "The function ended before its response was complete.",
    "lost": "The function was lost.",
}


class Output:
    """The output of one process, as it comes; its stderr is kept, up to a limit."""

    def __init__(
        self, process: Process, deadline: Deadline, *, most_output: int, most_log: int, client: int | None = None
    ) -> None:
        self._process = process
        self._deadline = deadline
        self._left = most_output
        self._most_log = most_log
        self.log = bytearray()
        self.end: End | None = None
        self._poll = select.poll()  # for three files that are watched once, epoll has too many system calls
        for file in process.out, process.err, process.control:
            self._poll.register(file, select.POLLIN)
        self._client = None if client is None else ClientWatch(client, self._poll)
        self._is_out_open = True
        self._is_begun = False
        self._is_closed = False

    def read(self) -> bytes:
        """Return the next piece of the output, nothing at its end.

        Raises `ClientLeft` if the client has left, whose connection has the descriptor `client`. Raises `TimedOut` if
        the time was up, and `Failed` if there is too much output, or if the function failed.
        """
        while self._is_out_open:
            data = self._next()
            if data:
                self._is_begun = True
                self._left -= len(data)
                if self._left < 0:
                    self._process.stop()
                    raise Failed("The response of the function is too long.")
                return data
        self._await_end(LAST_MOMENT)
        if self.end is None and self._process.is_exiting:
            # Its output ended with it, and may be half of an answer: how it ended is told soon.
            self._await_end(self._deadline.left() + GRACE)
        if self.end is not None:
            check_end(self.end)
        elif self._deadline.is_over:
            raise TimedOut(_TOO_LONG)
        return b""

    def finish(self) -> None:
        """Wait until the function has ended, at the latest until its deadline: its response is whole."""
        self._forget_client()
        self._await_end(self._deadline.left() + GRACE)

    def close(self) -> None:
        """Kill all that is left of it. Closing twice closes once."""
        if self.end is None:
            self._process.stop()
            self.end = self._process.end()
        if not self._is_closed:
            self._is_closed = True
            if self.end.why != "lost":
                self._take_log()
            self._process.close()

    def _forget_client(self) -> None:
        """Stop watching the client, which may leave if it has the whole response."""
        client, self._client = self._client, None
        if client is not None:
            client.stop()

    def _await_end(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self.end is None and time.monotonic() < until:
            self._wait(until - time.monotonic())

    def _next(self) -> bytes:
        """Return output if there is some; nothing if something else happened."""
        if self.end is not None:
            return self._take_output()
        ready = self._wait(self._deadline.left() + GRACE)
        if not ready:
            raise TimedOut(_TOO_LONG)
        if self.end is not None and (not self._is_begun or self.end.why == "time"):
            check_end(self.end)
        if self._process.out in ready or self.end is not None:
            return self._take_output()
        return b""

    def _wait(self, seconds: float) -> set[int]:
        events = dict(self._poll.poll(math.ceil(max(0.0, seconds) * 1000)))
        ready = set(events)
        client = self._client
        if client is not None and client.file in ready and client.has_left(events[client.file]):
            self._forget_client()
            self._process.stop()
            raise ClientLeft("The client has left.")
        if self._process.err in ready and not self._take_log():
            self._poll.unregister(self._process.err)
        if self._process.control in ready:
            self._poll.unregister(self._process.control)
            self.end = self._process.end()
        return ready

    def _take_output(self) -> bytes:
        try:
            data = os.read(self._process.out, PIECE)
        except BlockingIOError:
            # A process that has ended writes no more, even if another one holds the pipe.
            self._is_out_open = self.end is None
            return b""
        if not data:
            self._is_out_open = False
            self._poll.unregister(self._process.out)
        return data

    def _take_log(self) -> bool:
        """Read stderr, and return whether there can be more.

        Text beyond the limit is read and dropped, so that the function goes on.
        """
        try:
            data = os.read(self._process.err, PIECE)
        except BlockingIOError:
            return True
        self.log += data[: self._most_log - len(self.log)]
        return bool(data)


def check_end(end: End) -> None:
    """Raise the error of a process that failed."""
    if end.is_well:
        return
    if end.why == "time":
        raise TimedOut(_TOO_LONG)
    how = f"was ended by signal {-end.code}" if end.code < 0 else f"ended with {end.code}"
    raise Failed(_KILLED_FOR.get(end.why, f"The function {how}."))
