"""Call a WSGI application as a server does, and inspect the whole response."""

from __future__ import annotations

import io
import itertools
import json
import re
from dataclasses import dataclass, field
from typing import Any
from wsgiref.validate import validator


class Input:
    """`wsgi.input` that knows how far it may be read, and can break like a lost connection."""

    def __init__(self, data: bytes, *, allowed: int | None, error: Exception | None = None) -> None:
        self.file = io.BytesIO(data)
        self.allowed = allowed
        self.error = error
        self.read_beyond = False

    def read(self, size: int = -1) -> bytes:
        self._check(size)
        return self.file.read(size)

    def readline(self, size: int = -1) -> bytes:
        self._check(size)
        return self.file.readline(size)

    def readlines(self, hint: int = -1) -> list[bytes]:
        self._check(hint)
        return self.file.readlines(hint)

    def __iter__(self):
        self._check(-1)
        return iter(self.file)

    def _check(self, size: int) -> None:
        if self.error is not None:
            raise self.error
        if self.allowed is not None and (size < 0 or self.file.tell() + size > self.allowed):
            self.read_beyond = True
            raise AssertionError("the application read beyond the body; on a real server it would hang")


@dataclass
class Reply:
    status: str = ""
    header_list: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    errors: str = ""
    error: BaseException | None = None
    iterable: Any = None

    @property
    def code(self) -> int:
        return int(self.status[:3])

    @property
    def headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.header_list}

    @property
    def lasting(self) -> list[tuple[str, str]]:
        """The headers but for Date, which is another one a second later."""
        return [pair for pair in self.header_list if pair[0].lower() != "date"]

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def environ_of(
    method: str = "GET", path: str = "/", *, body: bytes = b"", query: str = "", **extra: Any
) -> dict[str, Any]:
    """An environ as a server makes it; `path` and `query` are as WSGI has them. A value of None leaves the key out."""
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "site.test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "site.test",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    for name, value in extra.items():
        environ[name.replace("__", ".")] = value
    length = str(environ.get("CONTENT_LENGTH") or "")
    allowed = (
        None if environ.get("wsgi.input_terminated") else int(length) if re.fullmatch("[0-9]{1,20}", length) else 0
    )
    environ.setdefault("wsgi.input", Input(body, allowed=allowed))
    return {name: value for name, value in environ.items() if value is not None}


def call(
    app: Any, method: str = "GET", path: str = "/", *, validate: bool = True, chunks: int | None = None, **options: Any
) -> Reply:
    """Send one request. By default, `wsgiref.validate` checks it. With `chunks`, the client disconnects after these."""
    environ = environ_of(method, path, **options)
    errors, source = environ["wsgi.errors"], environ["wsgi.input"]  # the validator puts its own in their place
    reply = Reply()

    def start_response(status, headers, exc_info=None):
        assert not reply.status or exc_info, "start_response was called twice"
        reply.status, reply.header_list = status, list(headers)
        return lambda data: setattr(reply, "body", reply.body + data)

    application = validator(app) if validate else app
    try:
        reply.iterable = iterable = application(environ, start_response)
        try:
            for chunk in itertools.islice(iterable, chunks):
                reply.body += chunk
        finally:
            if hasattr(iterable, "close"):
                iterable.close()
    except Exception as error:
        reply.error = error
    reply.errors = errors.getvalue()
    assert not source.read_beyond
    return reply
