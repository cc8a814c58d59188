"""Lines for the server's log, on a stderr that may be full."""

from __future__ import annotations

import os
import select
import socket
import stat
from contextlib import suppress

__all__ = ["Notices"]

_LONGEST = 512
"""Bytes of a line that a pipe takes at once if it has room (POSIX: PIPE_BUF)."""


class Notices:
    """Writes lines to a file without ever waiting for its reader. A line that finds no room is lost.

    Its flags are shared with the server, so a pipe or a terminal is opened again. A plain file never waits, and its
    position has to stay the shared one.
    """

    def __init__(self, file: int = 2) -> None:
        self._file = file
        self._own: int | None = None
        self._socket: socket.socket | None = None
        with suppress(OSError):
            mode = os.fstat(file).st_mode
            if stat.S_ISSOCK(mode):
                self._socket = socket.socket(fileno=os.dup(file))
            elif not stat.S_ISREG(mode):
                self._own = os.open(f"/proc/self/fd/{file}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def write(self, line: str) -> None:
        """Write a line of ASCII, no longer than 512 bytes with its end."""
        data = line.encode("ascii")[: _LONGEST - 1] + b"\n"
        with suppress(OSError):
            if self._socket is not None:
                self._socket.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            elif self._own is not None:
                os.write(self._own, data)
            elif _has_room(self._file):  # a plain file, or another user's pipe
                os.write(self._file, data)

    def close(self) -> None:
        """Close the socket, or the pipe."""
        if self._socket is not None:
            self._socket.close()
        if self._own is not None:
            os.close(self._own)


def _has_room(file: int) -> bool:
    poll = select.poll()
    poll.register(file, select.POLLOUT)
    return any(events & select.POLLOUT for _, events in poll.poll(0))
