"""Timing applications against each other: interleaved, shuffled, the harness subtracted, answers checked before."""

from __future__ import annotations

import gc
import io
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import IO, Any

from .contestants import Application
from .contestants.common import LOG, NOTHING

Check = Callable[[bytes, dict[str, str]], bool]
Clock = Callable[[], float]


class FileWrapper:
    """A copy of gunicorn's wrapper, for bodies that cannot use sendfile."""

    def __init__(self, filelike: IO[bytes], blksize: int = 8192) -> None:
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> FileWrapper:
        return self

    def __next__(self) -> bytes:
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration


# As gunicorn makes it for a browser's request.
ENVIRON: dict[str, Any] = {
    "wsgi.errors": io.StringIO(),
    "wsgi.version": (1, 0),
    "wsgi.multithread": False,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.file_wrapper": FileWrapper,
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


class Body(io.BytesIO):
    """The body of a request. Reading copies, as from a socket; a BytesIO returns the object it was given."""

    def read(self, size: int | None = -1, /) -> bytes:
        return bytes(memoryview(super().read(size)))

    def read1(self, size: int | None = -1, /) -> bytes:
        return bytes(memoryview(super().read1(size)))

    def readline(self, size: int | None = -1, /) -> bytes:
        return bytes(memoryview(super().readline(size)))

    def readlines(self, size: int | None = None, /) -> list[bytes]:
        return [bytes(memoryview(line)) for line in super().readlines(size)]

    def __next__(self) -> bytes:
        return bytes(memoryview(super().__next__()))


def input_of(body: bytes) -> io.BytesIO:
    """Return the wsgi.input of a request."""
    return Body(body) if body else io.BytesIO()


@dataclass
class Observed:
    """Other facts about the last checked response."""

    sent: list[int]
    """The length of each chunk that is not empty."""
    calls: Counter[Any]
    """The number of calls of each no-op middleware, by its code."""


OBSERVED = Observed([], Counter())


@dataclass(frozen=True)
class Request:
    """A request, and a check of the response: one of `statuses`, and the conditions of `check` for body and headers.

    `headers` are keys of the environ (`HTTP_ACCEPT`). The check gets the headers of the response, by lower-case name.
    """

    method: str
    path: str
    status: int
    check: Check = lambda body, headers: True
    body: bytes = b""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"
    other_status: int | None = None
    """A second status that is right: frameworks differ in a few."""

    def environ(self) -> dict[str, Any]:
        environ = {
            **ENVIRON,
            "REQUEST_METHOD": self.method,
            "PATH_INFO": self.path.encode().decode("latin-1"),
            "QUERY_STRING": self.query,
            **dict(self.headers),
        }
        if self.body:
            environ.update(CONTENT_LENGTH=str(len(self.body)), CONTENT_TYPE=self.content_type)
        return environ

    def accepts(self, status: str, headers: dict[str, str], body: bytes) -> bool:
        """Return True if this is the right answer; a check that cannot find its way through it refuses it."""
        try:
            return int(status[:3]) in (self.status, self.other_status) and self.check(body, headers)
        except (ValueError, LookupError):
            return False


def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
    """Do nothing."""


def nothing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Respond without an application, to time the harness alone."""
    return [b""]


def check(name: str, app: Application, requests: Sequence[Request]) -> None:
    """Raise AssertionError if an answer is wrong."""
    for request in requests:
        status, headers, body = answer(app, request)
        if not request.accepts(status, headers, body):
            sent = f"{status} {headers} {body[:200]!r}"
            raise AssertionError(f"{name} answers {request.method} {request.path} with {sent}")


def answer(app: Application, request: Request) -> tuple[str, dict[str, str], bytes]:
    """Return the status, the headers by lower-case name, and the body. OBSERVED and LOG have the rest."""
    seen: list[Any] = []
    LOG.clear()  # so that each contestant has to write its own line
    OBSERVED.calls.clear()
    environ = request.environ()
    environ["wsgi.input"] = input_of(request.body)
    before = sys.getprofile()
    sys.setprofile(_count_call)
    try:
        iterable = app(environ, lambda status, headers, exc_info=None: seen.extend((status, headers)))
        chunks = list(iterable)
        getattr(iterable, "close", lambda: None)()
    finally:
        sys.setprofile(before)
    OBSERVED.sent[:] = [len(chunk) for chunk in chunks if chunk]
    return seen[0], {name.lower(): value for name, value in seen[1]}, b"".join(chunks)


def _count_call(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code in NOTHING:
        OBSERVED.calls[frame.f_code] += 1


def drive(
    app: Application,
    environs: Sequence[dict[str, Any]],
    bodies: Sequence[bytes],
    clock: Clock = time.perf_counter,
) -> float:
    """Return the seconds for these requests, each with a new environ. Drain and close the bodies as a server does."""
    began = clock()
    for template, body in zip(environs, bodies, strict=True):
        environ = template.copy()
        environ["wsgi.input"] = input_of(body)
        iterable = app(environ, start_response)
        for _ in iterable:
            pass
        if hasattr(iterable, "close"):
            iterable.close()
    return clock() - began


@dataclass
class Timer:
    """An application with the requests of one turn, as many as take about the same time for every contestant."""

    app: Application
    environs: list[dict[str, Any]]
    bodies: list[bytes]
    clock: Clock

    @classmethod
    def prepare(
        cls, name: str, app: Application, requests: Sequence[Request], clock: Clock = time.perf_counter
    ) -> Timer:
        """Return a timer of each request once, after a check and a first run. Raises AssertionError."""
        check(name, app, requests)
        timer = cls(app, [request.environ() for request in requests], [request.body for request in requests], clock)
        drive(app, timer.environs, timer.bodies)
        return timer

    def count(self, seconds: float) -> int:
        """Return how many requests take so long by this timer's clock; at most 20,000.

        They are doubled until they take long enough, the faster of two times: one alone can be an interrupted one.
        """
        times = 1
        while True:
            environs, bodies = self.environs * times, self.bodies * times
            took = min(drive(self.app, environs, bodies, self.clock) for _ in range(2))
            if took >= seconds or len(environs) >= 20_000:
                return min(20_000, int(len(environs) * seconds / took))
            times *= 2

    def repeat(self, count: int) -> None:
        """Make the turn one of at least `count` requests, each as often as the others."""
        times = max(1, -(-count // len(self.environs)))
        self.environs *= times
        self.bodies *= times

    def turn(self) -> float:
        """Return µs per request of one turn, without the time of the harness."""
        gc.disable()
        harness = drive(nothing, self.environs, self.bodies, self.clock)
        total = drive(self.app, self.environs, self.bodies, self.clock)
        gc.enable()
        return (total - harness) / len(self.environs) * 1e6


def race(
    contestants: Mapping[str, Application],
    requests: Mapping[str, Sequence[Request]],
    *,
    rounds: int = 15,
    seconds: float = 0.02,
) -> dict[str, list[float]]:
    """Return µs for a request, a list of rounds for each contestant; `seconds` is about how long one turn takes."""
    timers = {name: Timer.prepare(name, app, requests[name]) for name, app in contestants.items()}
    for timer in timers.values():
        timer.repeat(timer.count(seconds))
    results: dict[str, list[float]] = {name: [] for name in contestants}
    gc.collect()
    gc.freeze()
    try:
        for _ in range(rounds):
            for name in random.sample(list(timers), len(timers)):
                results[name].append(timers[name].turn())
    finally:
        gc.unfreeze()
    return results


def ratio(results: dict[str, list[float]], one: str, other: str) -> float:
    """Return the median of the ratios of the rounds."""
    return statistics.median(a / b for a, b in zip(results[one], results[other], strict=True))
