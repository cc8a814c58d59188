"""The application that the tests with real servers drive.

The application and a test exchange lines through a file, which the environment variable `MICROFN_TEST_RECORD` names.
A test waits for a line of the application, and the application for a line of the test.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from typing import Any, NoReturn

from werkzeug.utils import send_file
from werkzeug.wrappers import Response as WerkzeugResponse

from microfn import Request, Router

Params = dict[str, Any]

MAX_UPLOAD = 4096
BIG = bytes(range(256)) * 16 * 1024
LONGEST_WAIT = 5.0

app = Router(overlap=True, max_content_length=MAX_UPLOAD)
imported_by = os.getpid()


class OnPurpose(Exception):
    """An error that handles and streams raise here: a server's log may hold its tracebacks."""


def record(line: str) -> None:
    with open(os.environ["MICROFN_TEST_RECORD"], "a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def count_recorded(line: str) -> int:
    with open(os.environ["MICROFN_TEST_RECORD"], encoding="utf-8") as file:
        return file.read().splitlines().count(line)


def wait_for_record(line: str, times: int = 1) -> bool:
    deadline = time.monotonic() + LONGEST_WAIT
    while count_recorded(line) < times:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Recorded:
    """A stream that records when it is closed."""

    def __init__(self, key: str, chunks: Iterator[str | bytes]) -> None:
        self._key = key
        self._chunks = chunks

    def __iter__(self) -> Recorded:
        return self

    def __next__(self) -> str | bytes:
        return next(self._chunks)

    def close(self) -> None:
        record(f"closed {self._key}")


@app.route("/echo/*rest", methods=["GET", "POST", "PUT"])
@app.route("/:first/:second", methods=["GET", "POST"])
def echo(request: Request, params: Params) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.path,
        "params": params,
        "query": request.args.to_dict(flat=False),
    }


@app.get("/docs")
@app.post("/docs")
def docs(request: Request, params: Params) -> str:
    return "the docs\n"


@app.post("/upload/:key")
def upload(request: Request, params: Params) -> dict[str, Any]:
    data = request.get_data()
    record(f"uploaded {params['key']}")
    return {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@app.post("/measure/:key", max_content_length=1 << 20)
def measure(request: Request, params: Params) -> dict[str, Any]:
    """Measure the body like the upload, but leave no line in the record."""
    data = request.get_data()
    assert data.startswith(params["key"].encode() + b".")
    return {"length": len(data)}


@app.get("/stream/:key")
def stream(request: Request, params: Params) -> Recorded:
    """Send the second chunk after the test has recorded the first."""

    def chunks() -> Iterator[str]:
        yield "first\n"
        yield "zweitens: ☃\n" if wait_for_record(f"go on {params['key']}") else "the wait was in vain\n"
        yield "third\n"

    return Recorded(params["key"], chunks())


@app.get("/ticks/:key")
def ticks(request: Request, params: Params) -> Recorded:
    """Send more than any socket buffers, for longer than any test waits."""

    def chunks() -> Iterator[bytes]:
        for _ in range(2000):
            yield b"tick" * 4096
            time.sleep(0.005)

    return Recorded(params["key"], chunks())


@app.get("/stumbles/:key")
def stumbles(request: Request, params: Params) -> Recorded:
    def chunks() -> Iterator[str]:
        raise OnPurpose("secret of a stream")
        yield ""

    return Recorded(params["key"], chunks())


@app.get("/breaks/:key")
def breaks(request: Request, params: Params) -> Recorded:
    def chunks() -> Iterator[str]:
        yield "first\n"
        raise OnPurpose("secret of a stream")

    return Recorded(params["key"], chunks())


@app.get("/raises/:key")
def raises(request: Request, params: Params) -> NoReturn:
    raise OnPurpose("secret of a handle")


@app.get("/sleep/:key")
def sleep(request: Request, params: Params) -> str:
    record(f"sleeping {params['key']}")
    time.sleep(2)
    return "slept\n"


@app.get("/meet/:key")
def meet(request: Request, params: Params) -> tuple[str, int]:
    """Respond as soon as two requests are here at once."""
    line = f"here {params['key']}"
    record(line)
    return ("met\n", 200) if wait_for_record(line, times=2) else ("alone\n", 503)


@app.get("/nothing")
@app.post("/nothing")
def nothing(request: Request, params: Params) -> tuple[str, int]:
    return "", 204


@app.get("/big")
def big(request: Request, params: Params) -> bytes:
    return BIG


@app.get("/file")
def file(request: Request, params: Params) -> WerkzeugResponse:
    """Return a file that the server itself sends, through `wsgi.file_wrapper`."""
    return send_file(__file__, request.environ, mimetype="text/x-python")


@app.get("/header")
def header(request: Request, params: Params) -> tuple[str, int, dict[str, str]]:
    return "sent\n", 200, {"X-Chosen": request.args["value"]}


@app.get("/process")
def process(request: Request, params: Params) -> dict[str, int]:
    return {"imported_by": imported_by, "parent": os.getppid()}
