"""Data and helpers that several contestants share, so that all of them send the same."""

from __future__ import annotations

import atexit
import json
import re
import shutil
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, TypeVar

TEXT = "text/plain; charset=utf-8"
BINARY = "application/octet-stream"
PNG = "image/png"

HELLO = "Hello, World!"
DOCUMENT = {"message": HELLO, "items": [1, 2, 3], "ok": True, "user": {"id": 7, "name": "Ann"}}
CREATED = {"id": 7, "name": "Ann"}
HEADERS = {"X-Version": "7", "Cache-Control": "no-store"}
COOKIE = {"max_age": 3600, "path": "/", "httponly": True, "samesite": "Lax"}
IMAGE = bytes(range(256)) * 4
ITEMS = [
    {"id": number, "name": f"user{number}", "tags": ["a", "b"], "ok": True, "price": number / 4, "note": "x" * 16}
    for number in range(100)
]
"""About 10 KB of JSON."""
CHUNK, CHUNKS = b"x" * 63 + b"\n", 1000

STYLE_SHEET = b"body { margin: 0 }\n" * 107 + b"p { margin: 0 }"
"""2,048 bytes."""

ORIGIN = "https://www.example.com"
HOST = "api.example.com"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

LOG: deque[str] = deque(maxlen=16)
"""The access log of every contestant: writing to a terminal or a file would hide the rest. A check begins with none."""

NOTHING: set[CodeType] = set()
"""The code of the middlewares that do nothing. Their calls are counted while an answer is checked."""

Function = TypeVar("Function", bound=Any)

_USABLE_ID = re.compile(r"[A-Za-z0-9._~+/=:@-]{1,128}")
_current_id: ContextVar[str] = ContextVar("benchmarks.request_id", default="-")


class ConflictError(Exception):
    """The exception for which the applications register an error handler."""


def does_nothing(function: Function) -> Function:
    """Register a middleware that does nothing; it stays as it is, so that counting takes no time when it is timed."""
    NOTHING.add(function.__code__)
    return function


def measured(data: bytes) -> str:
    """Return the response of rows with a body: its length and its last byte, so that applications must read it."""
    return f"{len(data)} {data[-1]}"


def joined(values: Iterable[str]) -> str:
    """Return the parameters of a path as one text."""
    return "/".join(values)


def chunks() -> Iterator[bytes]:
    """Yield the body of the rows that stream."""
    for _ in range(CHUNKS):
        yield CHUNK


def request_id_of(given: str | None) -> str:
    """Return the id that the client sent if it is a valid one, else a new one; log records can read it."""
    name = given if given and _USABLE_ID.fullmatch(given) else uuid.uuid4().hex
    _current_id.set(name)
    return name


def write_log(
    method: str, pattern: str, path: str, status: int, size: int, *, began: float, name: str | None = None
) -> None:
    """Append a line to the access log, with the members that microfn's has."""
    line = {"method": method, "pattern": pattern, "path": path, "status": status, "bytes": size}
    line |= {"ms": round((time.perf_counter() - began) * 1000, 3), "id": name}
    LOG.append(json.dumps(line))


@cache
def static_directory() -> str:
    """Return a directory with style.css in it; it is removed when the process exits."""
    directory = tempfile.mkdtemp(prefix="microfn-benchmark-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    Path(directory, "style.css").write_bytes(STYLE_SHEET)
    return directory


def msgspec_user() -> Any:
    """Return a class that msgspec converts a JSON object to."""
    import msgspec

    return msgspec.defstruct("User", [("name", str), ("age", int), ("tags", list[str])])


def pydantic_user() -> Any:
    """Return a class that pydantic validates a JSON object as."""
    import pydantic

    return pydantic.create_model("User", name=(str, ...), age=(int, ...), tags=(list[str], ...))


def mounted(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Respond below the prefix of a mount, with the same bare WSGI function for each framework."""
    body = f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']}".encode()
    start_response("200 OK", [("Content-Type", TEXT), ("Content-Length", str(len(body)))])
    return [body]
