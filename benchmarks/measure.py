"""Timing applications against each other: interleaved, shuffled, the harness subtracted, answers checked before."""

from __future__ import annotations

import gc
import io
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .contestants import Application

# As gunicorn makes it for a browser's request.
ENVIRON: dict[str, Any] = {
    "wsgi.errors": io.StringIO(),
    "wsgi.version": (1, 0),
    "wsgi.multithread": False,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.file_wrapper": type("FileWrapper", (), {}),
    "wsgi.input_terminated": True,
    "SERVER_SOFTWARE": "gunicorn",
    "wsgi.input": io.BytesIO(),
    "gunicorn.socket": None,
    "REQUEST_METHOD": "GET",
    "QUERY_STRING": "",
    "RAW_URI": "/",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "127.0.0.1:8000",
    "HTTP_CONNECTION": "keep-alive",
    "HTTP_CACHE_CONTROL": "max-age=0",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120 Safari/537.36",
    "HTTP_ACCEPT": "*/*",
    "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
    "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.9",
    "HTTP_COOKIE": "session=0123456789abcdef",
    "HTTP_REFERER": "http://127.0.0.1:8000/",
    "wsgi.url_scheme": "http",
    "REMOTE_ADDR": "127.0.0.1",
    "REMOTE_PORT": "54321",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8000",
    "PATH_INFO": "/",
    "SCRIPT_NAME": "",
}


@dataclass(frozen=True)
class Request:
    """One request, and what must come back."""

    method: str
    path: str
    status: int
    check: Callable[[bytes, dict[str, str]], bool] = lambda body, headers: True
    body: bytes = b""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def environ(self) -> dict[str, Any]:
        environ = {
            **ENVIRON,
            "REQUEST_METHOD": self.method,
            "PATH_INFO": self.path.encode().decode("latin-1"),
            "QUERY_STRING": self.query,
            **dict(self.headers),
        }
        if self.body:
            environ.update(CONTENT_LENGTH=str(len(self.body)), CONTENT_TYPE="application/json")
        return environ


def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
    """Nothing."""


def nothing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """The harness alone."""
    return [b""]


def check(name: str, app: Application, requests: Sequence[Request]) -> None:
    """Each answer is what it must be."""
    for request in requests:
        status, headers, body = answer(app, request)
        if int(status[:3]) != request.status or not request.check(body, headers):
            raise AssertionError(f"{name} answers {request.method} {request.path} with {status}: {body[:200]!r}")


def answer(app: Application, request: Request) -> tuple[str, dict[str, str], bytes]:
    """What comes back: the status, the headers by lower-case name, and the body."""
    seen: list[Any] = []
    environ = request.environ()
    environ["wsgi.input"] = io.BytesIO(request.body)
    iterable = app(environ, lambda status, headers, exc_info=None: seen.extend((status, headers)))
    body = b"".join(iterable)
    getattr(iterable, "close", lambda: None)()
    return seen[0], {name.lower(): value for name, value in seen[1]}, body


def drive(app: Application, environs: Sequence[dict[str, Any]], bodies: Sequence[bytes]) -> float:
    """Seconds for these requests, each with a fresh environ; the body is drained and closed as a server does."""
    began = time.perf_counter()
    for template, body in zip(environs, bodies, strict=True):
        environ = template.copy()
        environ["wsgi.input"] = io.BytesIO(body)
        iterable = app(environ, start_response)
        for _ in iterable:
            pass
        if hasattr(iterable, "close"):
            iterable.close()
    return time.perf_counter() - began


def race(
    contestants: dict[str, Application],
    requests: dict[str, Sequence[Request]],
    *,
    rounds: int = 15,
    seconds: float = 0.02,
) -> dict[str, list[float]]:
    """µs for a request, a list of rounds for each contestant; `seconds` is about how long one turn takes."""
    prepared = {}
    for name, app in contestants.items():
        check(name, app, requests[name])
        environs = [request.environ() for request in requests[name]]
        bodies = [request.body for request in requests[name]]
        drive(app, environs, bodies)
        once = drive(app, environs, bodies) / len(environs)
        count = max(len(environs), min(20_000, int(seconds / once)))
        times = -(-count // len(environs))
        prepared[name] = (app, environs * times, bodies * times)
    results: dict[str, list[float]] = {name: [] for name in contestants}
    gc.collect()
    gc.freeze()
    try:
        for _ in range(rounds):
            order = list(prepared)
            random.shuffle(order)
            for name in order:
                app, environs, bodies = prepared[name]
                gc.disable()
                harness = drive(nothing, environs, bodies)
                total = drive(app, environs, bodies)
                gc.enable()
                results[name].append((total - harness) / len(environs) * 1e6)
    finally:
        gc.unfreeze()
    return results


def ratio(results: dict[str, list[float]], one: str, other: str) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(results[one], results[other], strict=True))
