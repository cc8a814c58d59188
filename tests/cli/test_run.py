"""`microfn run`: a server for development, reloaded when a file changes."""

from __future__ import annotations

import contextlib
import logging
import os
import pty
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from microfn.cli import run

from ..servers.process import ROOT, wait_until
from ..servers.wire import Wire
from ..wsgi import call
from .shop import typed


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(port, path, until, seconds=30):
    """Fetch the page until it contains `until`."""
    deadline, seen = time.monotonic() + seconds, ""
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                seen = answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                seen = error.read().decode()
        except OSError as error:
            seen = str(error)
        if until in seen:
            return seen
        time.sleep(0.1)
    raise AssertionError(f"{until!r} did not come: {seen}")


@pytest.mark.slow
@pytest.mark.server
def test_run_reloads_what_changes_and_survives_what_is_broken(tmp_path):
    source = tmp_path / "app.py"
    say = "from microfn import Router\napp = Router()\napp.get('/')(lambda request, params: {!r})\n"
    source.write_text(say.format("first"), "utf-8")
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONUNBUFFERED": "1"}
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "microfn", "run", "--port", str(port)],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        assert fetch(port, "/", "first") == "first"
        time.sleep(1.1)  # the reloader compares times of files, some of which have seconds
        source.write_text("1 / 0\n", "utf-8")
        fetch(port, "/", "ZeroDivisionError")
        time.sleep(1.1)
        source.write_text(say.format("second"), "utf-8")
        assert fetch(port, "/", "second") == "second"
        assert "For development only" in (tmp_path / "log").read_text("utf-8")
    finally:
        os.killpg(server.pid, 15)
        server.wait(20)


def test_run_refuses_at_its_start_what_cannot_be_loaded(here):
    (here / "broken.py").write_text("1 / 0\n", "utf-8")
    shown = typed("run", "broken", code=1)
    assert re.search("For development only.*\nError: broken cannot be imported", shown)


def test_run_starts_werkzeugs_server(here, monkeypatch):
    ran = []
    monkeypatch.setattr("microfn.cli.run.run_simple", lambda *arguments, **options: ran.append((arguments, options)))
    (here / "plain.py").write_text("from microfn import Router\napp = Router()\n", "utf-8")
    typed("run", "plain", "--port", "5000", "--no-reload")
    (host, port, _), options = ran[0]
    assert (host, port, options) == ("127.0.0.1", 5000, {"use_reloader": False, "threaded": True})
    monkeypatch.setattr("microfn.cli.run.is_running_from_reloader", lambda: True)
    (here / "broken.py").write_text("1 / 0\n", "utf-8")
    assert "For development" not in typed("run", "broken")
    got = call(ran[1][0][2], HTTP_HOST="localhost:5000")
    assert got.code == 500
    assert "ZeroDivisionError" in got.text
    got = call(ran[1][0][2], HTTP_HOST="evil.example:5000")
    assert (got.code, got.text) == (500, "The application cannot be loaded.")


BROWSER = "text/html,*/*;q=0.8"


SHOP = """
from microfn import Router

app = Router()


@app.get("/broken")
def broken(request, params):
    raise ValueError("inside")
"""


@pytest.mark.server
@pytest.mark.parametrize(
    ("is_terminal", "environment", "is_coloured"),
    [(True, {}, True), (True, {"NO_COLOR": ""}, True), (True, {"NO_COLOR": "1"}, False), (False, {}, False)],
)
def test_colours_are_for_terminals_of_who_wants_them(is_terminal, environment, is_coloured, tmp_path):
    (tmp_path / "app.py").write_text(SHOP, "utf-8")
    reader, writer = pty.openpty() if is_terminal else os.pipe()
    os.set_blocking(reader, False)
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "microfn", "run", "--port", "0", "--no-reload"],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
    )
    printed = b""

    def prints(pattern):
        nonlocal printed
        with contextlib.suppress(BlockingIOError):
            printed += os.read(reader, 65536)
        return re.search(pattern, printed)

    try:
        wait_until(lambda: prints(rb"Running on http://127.0.0.1:[0-9]+"), "it does not start", 20)
        with Wire(int(prints(rb"127.0.0.1:([0-9]+)")[1]), host="localhost") as wire:
            wire.request("GET", "/broken?%1b[2J", f"Accept: {BROWSER}")
            assert b"ValueError: inside" in wire.rest()
        wait_until(lambda: prints(rb'"[^"]*GET /broken[^"]*" 500'), "the request is not printed")
    finally:
        process.terminate()
        process.wait(20)
        os.close(reader)
        os.close(writer)
    assert (b"\x1b[31mFor development only" in printed) is is_coloured
    assert (b"\x1b" in printed) is is_coloured
    assert b"\x1b[2J" not in printed


@pytest.fixture
def servers_log():
    """The logger of werkzeug's server, if only pytest has configured logging."""
    logger = logging.getLogger("werkzeug")
    kept = logger.handlers, logger.propagate, logger.level
    yield logger
    logger.handlers, logger.propagate = kept[:2]
    logger.setLevel(kept[2])


@pytest.mark.parametrize("is_set_up", [False, True])
def test_the_servers_log_is_left_alone_where_logging_is_set_up(is_set_up, servers_log, capsys):
    servers_log.handlers, servers_log.propagate = [], False
    if is_set_up:
        servers_log.addHandler(logging.StreamHandler())
    run.without_colours()
    servers_log.warning("\x1b[31mred\x1b[0m")
    assert capsys.readouterr().err == ("\x1b[31mred\x1b[0m\n" if is_set_up else "red\n")
