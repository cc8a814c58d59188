"""One request and its response on the socket of a hot process, with the log of the process meanwhile."""

from __future__ import annotations

import fcntl
import math
import os
import select
import socket
import struct
import termios
from typing import IO

from ..deadline import Deadline
from ..driver import Head
from ..errors import ClientLeft, Failed, TimedOut
from ..functions.client import ClientWatch
from ..limits import Limits
from .protocol import ResponseParser

__all__ = ["Exchange", "is_quiet", "read_available"]

_PIECE = 65536
_TOO_LONG = "The function took too long."
_NOT_READ = "The function responded before it had read the request."


class Exchange:
    """A call that a process answers on its stdin and stdout, which are one socket.

    `talk` is the agent's end of that socket, and `err` the end of the pipe that is the process's stderr; neither may
    block, and both stay open. `request` is the head of the request, and `body` follows it; the caller closes the body.
    `client` is the descriptor of the client's connection.

    Sending and receiving go on together, so a function may answer while it reads. The caller kills the process after
    any error, and unless `can_reuse` tells that the next call can be sent.
    """

    def __init__(
        self,
        talk: socket.socket,
        err: int,
        *,
        request: bytes,
        body: IO[bytes] | None,
        parser: ResponseParser,
        deadline: Deadline,
        limits: Limits,
        client: int | None = None,
    ) -> None:
        self._talk = talk
        self._err = err
        self._body = body
        self._unsent = memoryview(request + self._next_piece())
        self._parser = parser
        self._deadline = deadline
        self._left = limits.output
        self._most_log = limits.log
        self.log = bytearray()
        self._first = b""
        self._poll = select.poll()  # for two files that are watched once, epoll has too many system calls
        self._poll.register(talk, select.POLLIN | select.POLLOUT)
        self._poll.register(err, select.POLLIN)
        self._client = None if client is None else ClientWatch(client, self._poll)
        self.is_lost = False
        """Whether the process has closed its end of the socket."""

    def read_head(self) -> Head:
        """Send the request as far as possible, and return the head of the response.

        Raises `TimedOut` if the time is up before, `ClientLeft` if the client has left, and `Failed` if the process
        ends, or sends no response.
        """
        self._send()
        while self._parser.head is None:
            self._first = self._next()
        return self._parser.head

    def read(self) -> bytes:
        """Return the next piece of the body, nothing at its end. Raises the errors of `read_head`."""
        piece, self._first = self._first, b""
        while not piece and not self._parser.is_whole:
            piece = self._next()
        return piece

    @property
    def has_ended(self) -> bool:
        """Whether the response is whole."""
        return self._parser.is_whole

    @property
    def can_reuse(self) -> bool:
        """Whether the process can get another call.

        The response must be whole, the process must have read all of the request, and it must have sent nothing more.
        An unread rest of a request would be the next request, chosen by a client.
        """
        if not self._parser.can_reuse:
            return False
        # Of a socket of this machine: the bytes that the other end has not read.
        (unread,) = struct.unpack("i", fcntl.ioctl(self._talk, termios.TIOCOUTQ, bytes(4)))
        return not unread and is_quiet(self._talk)

    def drain_log(self) -> None:
        """Read the log of the process up to now, which belongs to this call."""
        self._keep(read_available(self._err))

    def _next(self) -> bytes:
        """Wait until something happens; the bytes of the body that came, if some did."""
        ready = dict(self._poll.poll(math.ceil(self._deadline.left() * 1000)))
        if self._deadline.is_over:  # however much comes: it may come a byte at a time
            raise TimedOut(_TOO_LONG)
        client = self._client
        if client is not None and client.file in ready and client.has_left(ready[client.file]):
            raise ClientLeft("The client has left.")
        if self._err in ready:
            data = self._read_log()
            if data:
                self._keep(data)
            elif data is not None:
                self._poll.unregister(self._err)
        events = ready.get(self._talk.fileno(), 0)
        if events & select.POLLOUT:
            self._send()
        return self._receive() if events & ~select.POLLOUT else b""

    def _send(self) -> None:
        """Send as much as there is room for."""
        try:
            self._unsent = self._unsent[self._talk.send(self._unsent, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) :]
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):  # its earlier output can still be read
            self._poll.modify(self._talk, select.POLLIN)
            return
        if not self._unsent:
            self._unsent = memoryview(self._next_piece())
            if not self._unsent:
                self._poll.modify(self._talk, select.POLLIN)

    def _receive(self) -> bytes:
        try:
            data = self._talk.recv(_PIECE)
        except ConnectionResetError:  # it ended, and had not read all
            data = b""
        if not data:
            self.is_lost = True
            self._parser.end()
        piece = self._parser.feed(data)
        self._left -= len(piece)
        if self._left < 0:
            raise Failed("The response of the function is too long.")
        if self._parser.is_whole and self._unsent:
            raise Failed(_NOT_READ)
        return piece

    def _next_piece(self) -> bytes:
        return b"" if self._body is None else self._body.read(_PIECE)

    def _read_log(self) -> bytes | None:
        """Return some of the log, nothing at its end, and None if there is none now."""
        try:
            return os.read(self._err, _PIECE)
        except BlockingIOError:
            return None

    def _keep(self, data: bytes) -> None:
        """Keep as much as the log has room for. The rest is forgotten, so that the function can go on."""
        self.log += data[: self._most_log - len(self.log)]


def is_quiet(talk: socket.socket) -> bool:
    """Return whether an idle process has sent nothing, and has not ended."""
    try:
        talk.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return True
    except ConnectionResetError:
        pass
    return False


def read_available(file: int) -> bytes:
    """Return the bytes that are in a pipe now, even if a process keeps writing."""
    (size,) = struct.unpack("i", fcntl.ioctl(file, termios.FIONREAD, bytes(4)))
    return os.read(file, size) if size else b""
