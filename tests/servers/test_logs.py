"""Log lines, each written once: requests under `microfn serve`, and errors on each server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .process import ROOT, wait_until
from .wire import Wire

pytestmark = pytest.mark.server

APP = "tests.servers.logged:app"
GUNICORN = ["gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0"]
SERVE = ["microfn", "serve", APP, "--bind", "127.0.0.1:0", "--workers", "1"]
COMMANDS = {
    "microfn serve": SERVE,
    "gunicorn sync": [*GUNICORN, APP],
    "gunicorn gthread": [*GUNICORN, "--worker-class", "gthread", APP],
    "gunicorn gevent": [*GUNICORN, "--worker-class", "gevent", APP],
    "gunicorn, with a file": [*GUNICORN, "--capture-output", "--error-logfile", "error.log", APP],
    "waitress": ["waitress", "--listen=127.0.0.1:0", APP],
    "wsgiref": ["tests.servers.logged"],
    "microfn run": ["microfn", "run", APP, "--port", "0", "--no-reload"],
}


class Server:
    """A server as a process, with its output and its own log."""

    def __init__(self, directory: Path, command: list[str]) -> None:
        self._files = [directory / "printed", directory / "error.log"]
        words = [str(directory / word) if word == "error.log" else word for word in command]
        kept = {name: value for name, value in os.environ.items() if name not in ("GUNICORN_CMD_ARGS", "SCRIPT_NAME")}
        with self._files[0].open("wb") as printed:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *words], cwd=ROOT, env=kept, stdout=printed, stderr=printed
            )

    def start(self) -> None:
        listening = re.compile(r"http://127\.0\.0\.1:(\d+)")
        wait_until(lambda: listening.search(self.text()) is not None, "the server does not start", 20)
        found = listening.search(self.text())
        assert found is not None
        self.port = int(found[1])

    def get(self, target: str) -> None:
        """Send a request and wait for the end of the connection, so that its log lines are written."""
        with Wire(self.port) as wire:
            wire.send(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            assert wire.rest().startswith(b"HTTP/1.")

    def text(self) -> str:
        return "".join(file.read_text("utf-8") for file in self._files if file.exists())

    def end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(40)


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    started = Server(tmp_path, request.param)
    try:
        started.start()
        yield started
    finally:
        started.end()


@pytest.mark.parametrize("server", COMMANDS.values(), ids=COMMANDS, indirect=True)
def test_error_is_shown_once(server: Server) -> None:
    for number, path in enumerate(["/fails", "/api/fails", "/first", "/late"], 1):
        server.get(path)
        entry = re.compile(rf"\bGET {path} \[{path}\] raised OnPurpose$", re.MULTILINE)
        wait_until(lambda entry=entry: entry.search(server.text()), "nothing is logged")  # type: ignore[misc]
        assert len(entry.findall(server.text())) == 1
        assert server.text().count("Traceback (most recent call last)") == number


TARGETS = {
    "/plain": 1,
    "/api/plain": 1,
    "/api/nothing": 1,
    "/nothing": 1,
    "/healthz/": 1,
    "/%2568ealthz": 1,
    "/api/fails": 1,
    "/healthz": 0,
    "/healthz?a=1": 0,
    "/%68ealthz": 0,
    "/api/healthz": 0,
    "/api/plain?last": 1,
}


@pytest.mark.parametrize("server", [[*SERVE, "--no-log", "/healthz", "--no-log=/api/healthz"]], indirect=True)
def test_request_is_shown_once_or_never(server: Server) -> None:
    for target in TARGETS:
        server.get(target)
    written = re.compile(r'"GET (\S+) HTTP/1\.1" [1-5]|"method": "GET", .*"path": "([^"]*)"')
    wait_until(lambda: len(written.findall(server.text())) >= sum(TARGETS.values()), "requests are not logged")
    found = sorted(one or other for one, other in written.findall(server.text()))
    assert found == sorted(target.partition("?")[0] for target, count in TARGETS.items() if count)
