"""A handle in a process that answers call after call: a server of HTTP/1.1 on one socket, which it got as stdin.

The socket moves away from stdin and stdout, so that neither `print` nor a program that the handle starts can write into
a response: stdout is stderr, and stdin is empty.
"""

from __future__ import annotations

import functools
import io
import json
import os
import socket
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes
from wsgiref.handlers import SimpleHandler
from wsgiref.headers import Headers

from ..http.grammar import STATUSES_WITHOUT_CONTENT, TOKEN
from ..http.request import Request
from ..router import Router
from ..routing.handle import Handle
from .hot.protocol import LONGEST_HEAD, READY
from .log import of_call
from .worker import deadline_of, handle_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["application", "main", "serve"]

_PARAMS = "microfn.params"
_PIECE = 65536
_NAMED = ("CONTENT_TYPE", "CONTENT_LENGTH")
_OF_THE_AGENT = ("FN_CALL_ID", "FN_DEADLINE", "FN_ATTEMPT")
"""Headers that a handle finds under the names that they have in a cold function."""


def application(handle: Handle) -> Router:
    """Return a WSGI application that answers everything with one handle; each request brings its params."""

    @functools.wraps(handle)
    def called(request: Request, _: object) -> Any:
        deadline = deadline_of(request.environ.get("FN_DEADLINE", ""))
        if deadline is not None:
            request.deadline = deadline
        return handle(request, request.environ[_PARAMS])

    app = Router(max_content_length=None)
    app.use(lambda _: called)
    return app


class _Body(io.RawIOBase):
    """The body of one request, and nothing behind it."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file = file
        self.left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), self.left))
        if self.left and not data:
            raise ConnectionResetError("the agent left in the middle of a request")
        self.left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def drain(self) -> None:
        """Read the unread rest of the request, which would be the next request."""
        while self.left:
            self.read(min(_PIECE, self.left))


class _Handler(SimpleHandler):
    """Answers one request of WSGI in HTTP/1.1, with a length or in chunks.

    The last bytes of a response go out when all else is done: printed text is out then, the body is
    closed, and the request has been read to its end.
    """

    os_environ: dict[str, str] = {}  # noqa: RUF012 - a request's environ holds none of the process's
    status: str | None
    headers: Headers
    environ: dict[str, Any]

    def __init__(self, body: _Body, out: IO[bytes], environ: dict[str, Any]) -> None:
        super().__init__(io.BufferedReader(body), out, sys.stderr, environ, multithread=False, multiprocess=True)
        self.is_done = False
        self._has_failed = False
        self._pid = os.getpid()
        self._body = body
        self._has_content = environ["REQUEST_METHOD"] != "HEAD"
        self._left: int | None = 0
        """Bytes of the body that are to come; None for chunks, of which nobody knows."""
        self._unsent: list[bytes] = []

    def send_headers(self) -> None:
        """Take the head, without Date and Server: these are of the server in front."""
        self.cleanup_headers()
        self._unsent.append(f"HTTP/1.1 {self.status}\r\n".encode("latin-1") + bytes(self.headers))
        self.headers_sent = True

    def cleanup_headers(self) -> None:
        """Decide where the response ends."""
        status, headers = str(self.status), self.headers
        self._has_content = self._has_content and not status.startswith(STATUSES_WITHOUT_CONTENT)
        if self._has_content:
            super().cleanup_headers()
            length = headers.get("Content-Length")
            self._left = None if length is None else int(length)
            if length is None:
                headers["Transfer-Encoding"] = "chunked"
        headers["Fn-Call-Id"] = self.environ["FN_CALL_ID"]

    def finish_content(self) -> None:
        """Take the head of a response without a body."""
        if not self.headers_sent:
            self.write(b"")

    def _write(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self._left is None and data:
            self._unsent.append(b"%x\r\n%b\r\n" % (len(data), data))
        elif self._left is not None and self._has_content:
            self._left -= len(data)
            if self._left < 0:
                raise ValueError("the body is longer than its Content-Length")
            self._unsent.append(data)

    def _flush(self) -> None:
        """Send all of it, unless that is the end."""
        if self._left != 0:
            self._send()

    def close(self) -> None:
        """Close the response, and then send its last bytes."""
        super().close()
        if self._has_failed:
            return
        if self._left:
            raise SystemExit(1)  # it is shorter than it said
        for stream in sys.stdout, sys.stderr:
            stream.flush()
        self._body.drain()
        if self._left is None:
            self._unsent.append(b"0\r\n\r\n")
        self._send()
        self.is_done = True

    def _send(self) -> None:
        if os.getpid() != self._pid:  # a fork of the handle's, which is no worker
            os._exit(1)  # pragma: no cover - in a process of its own
        self.stdout.write(b"".join(self._unsent))
        self.stdout.flush()
        self._unsent.clear()

    def handle_error(self) -> None:
        """End the process: half a response cannot be taken back."""
        self._has_failed = True
        self.log_exception(sys.exc_info())
        raise SystemExit(1)


def serve(connection: socket.socket, app: WSGIApplication, reference: str) -> None:
    """Answer one request after the other, until the agent closes its end.

    Raises SystemExit after a request that is invalid, or that could not be answered to its end.
    """
    with connection.makefile("rb") as source, connection.makefile("wb") as out:
        while line := source.readline(LONGEST_HEAD):
            environ = _read_head(line, source)
            body = _Body(source, int(environ.get("CONTENT_LENGTH", 0)))
            environ |= {"microfn.call_id": environ["FN_CALL_ID"], "microfn.route": reference}
            handler = _Handler(body, out, environ)
            with of_call(environ["FN_CALL_ID"]):
                handler.run(app)
            if not handler.is_done:  # the handle raised an error of connections, which wsgiref takes for a client's
                raise SystemExit(1)


@functools.lru_cache(1024)
def _key_of(name: str) -> str:
    """Return the key of a header in an environ. PERF: most requests have the same headers."""
    if not TOKEN.fullmatch(name):
        raise SystemExit("the agent sent an invalid request")
    key = name.upper().replace("-", "_")
    return key if key in _NAMED else f"HTTP_{key}"


def _read_head(line: bytes, source: IO[bytes]) -> dict[str, Any]:
    """Return the environ of a request, as PEP 3333 has it."""
    method, target, _ = line.decode("latin-1").split(" ")
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "FN_CALL_ID": "-",
    }
    lines = []
    size = len(line)
    while (line := source.readline(LONGEST_HEAD)) not in (b"\r\n", b"\n", b""):
        lines.append(line)
        size += len(line)
        if size > LONGEST_HEAD:
            raise SystemExit("the agent sent an invalid request")
    for text in b"".join(lines).decode("latin-1").split("\n")[:-1]:
        name, _, value = text.partition(":")
        key, value = _key_of(name), value.strip(" \t\r")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    environ |= json.loads(environ.pop("HTTP_FN_CONNECTION", "{}"))
    environ[_PARAMS] = json.loads(environ.pop("HTTP_FN_PARAMS", "{}"))
    environ |= {name: environ[f"HTTP_{name}"] for name in _OF_THE_AGENT if f"HTTP_{name}" in environ}
    return environ


def main(reference: str) -> None:  # pragma: no cover - in a process of its own
    """Answer the requests of the socket that is this process's stdin."""
    connection = socket.socket(fileno=os.dup(0))
    os.dup2(2, 1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    # A line at a time, so that a handle that is killed has logged what it printed; and whatever the locale is.
    sys.stdout = open(1, "w", 1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115 - as long as the process
    app = application(handle_of(reference))
    with suppress(BrokenPipeError, ConnectionResetError):  # the agent has left
        connection.sendall(READY)
        serve(connection, app, reference)
