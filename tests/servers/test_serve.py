"""`microfn serve` from the command line: requests cannot forge lines of its access log."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from .process import ROOT, wait_until
from .wire import Wire

pytestmark = pytest.mark.server

FORGED = b'x" 200 1\n127.0.0.1 - - forged \x1b[2J\x9b\xe2\x80\xa8\xff'
NAME = 'x" 200 1\n127.0.0.1 - - forged \x1b[2J\x9b\u2028'.encode()
HOSTILE = {
    "the name of Basic auth": b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic %s\r\n" % b64encode(NAME + b":x"),
    "the user agent": b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: %s\r\n" % FORGED,
    "the referer": b'GET / HTTP/1.1\r\nHost: a\r\nReferer: "\x1b[2J\x9b\x85\r\n',
    "the path": b"GET /\x1b[2J\x9b HTTP/1.1\r\nHost: a\r\n",
    "an escaped path": b"GET /%1b[2J%0Aforged%9b%E2%80%A8 HTTP/1.1\r\nHost: a\r\n",
    "the query": b"GET /?\x1b[2J\xe2\x80\xa8 HTTP/1.1\r\nHost: a\r\n",
    "the method": b"G\x1bT / HTTP/1.1\r\nHost: a\r\n",
    "the name of a header": b"GET / HTTP/1.1\r\nHost: a\r\nA\x1bB: c\r\n",
    "the version": b"GET / \x1bHTTP/1.1\r\nHost: a\r\n",
    "the host": b"GET / HTTP/1.1\r\nHost: a\x1b[2J\x9b\r\n",
}
ENTRY = re.compile(r"127\.0\.0\.1 - - \[|\[20\d\d-")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Yield the port that the server listens on, and the file with all of its output."""
    log = tmp_path / "log"
    words = [sys.executable, "-m", "microfn", "serve", "examples.hello:app", "--bind", "127.0.0.1:0", "--workers", "1"]
    kept = {name: value for name, value in os.environ.items() if name not in ("GUNICORN_CMD_ARGS", "SCRIPT_NAME")}
    with log.open("wb") as output:
        process = subprocess.Popen(words, cwd=ROOT, env=kept, stdout=output, stderr=output)
    try:
        wait_until(lambda: b"Booting worker" in log.read_bytes(), "gunicorn does not start", 20)
        found = re.search(r"Listening at: http://127\.0\.0\.1:(\d+) ", log.read_text("utf-8"))
        assert found is not None
        yield int(found[1]), log
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)


def test_no_request_makes_lines_of_the_access_log(served: tuple[int, Path]) -> None:
    port, log = served
    for request in HOSTILE.values():
        with Wire(port) as wire:
            wire.send(request + b"Connection: close\r\n\r\n")
            assert wire.rest().startswith(b"HTTP/1.1 ")
    wait_until(lambda: len(ENTRY.findall(log.read_text("latin-1"))) >= len(HOSTILE) + 3, "requests are not logged")
    text = log.read_text("utf-8")
    for line in text.rstrip("\n").split("\n"):
        assert ENTRY.match(line), line
        assert line.isprintable(), line
    assert "forged" not in re.sub("%0Aforged", "", text)
