"""Clients never see internals, on any server, for any environment and any request."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .process import ROOT, wait_until
from .wire import TIMEOUT

pytestmark = [pytest.mark.server, pytest.mark.slow]

APP = "tests.servers.app:app"
GUNICORN = ["-m", "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0", APP, "--worker-class"]
WSGIREF = """
from wsgiref.simple_server import make_server
from tests.servers.app import app

server = make_server("127.0.0.1", 0, app)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""
WERKZEUG = "from werkzeug import run_simple; from tests.servers.app import app; run_simple('127.0.0.1', 0, app)"
SERVERS = {
    "sync": [*GUNICORN, "sync"],
    "gthread": [*GUNICORN, "gthread", "--threads", "4"],
    "gevent": [*GUNICORN, "gevent"],
    "microfn serve": ["-m", "microfn", "serve", APP, "--bind", "127.0.0.1:0", "--workers", "1"],
    "waitress": ["-m", "waitress", "--listen=127.0.0.1:0", APP],
    "wsgiref": ["-c", WSGIREF],
    "werkzeug": ["-c", WERKZEUG],
}
ON = """
    DEBUG DJANGO_DEBUG FLASK_DEBUG BOTTLE_DEBUG WERKZEUG_DEBUG MICROFN_DEBUG MICROFN_RUN MICROFN_IS_TRUSTED
    TESTING PROPAGATE_EXCEPTIONS TRAP_HTTP_EXCEPTIONS PYTHONDEVMODE PYTHONASYNCIODEBUG
""".split()
MISLEADING = {
    **dict.fromkeys(ON, "1"),
    **dict.fromkeys(["ENV", "APP_ENV", "FLASK_ENV", "MICROFN_ENV", "PYTHON_ENV", "ENVIRONMENT"], "development"),
    "WERKZEUG_DEBUG_PIN": "off",
    "MICROFN_TRUSTED_HOST": "*",
    "FLASK_APP": APP,
}
RELOADED = {"WERKZEUG_RUN_MAIN": "true", "WERKZEUG_SERVER_FD": "3"}
"""The variables by which werkzeug's reloader marks the server that it starts."""
HEADERS = [
    {},
    {
        "Host": "localhost",
        "Origin": "http://localhost",
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Host": "localhost",
    },
    {"X-Debug": "1", "Debug": "true", "X-Debug-Token": "1", "Werkzeug-Debug": "1", "X-Werkzeug-Debug-Pin": "off"},
    {"Microfn.Is-Trusted": "1", "microfn.is_trusted": "1", "Microfn-Is-Trusted": "1", "X-Microfn-Debug": "1"},
    {"werkzeug.debug": "1", "werkzeug.server.shutdown": "1", "wsgi.errors": "1", "microfn.route": "/forged"},
    {"Cookie": "__wzd=9999999999|0; debug=1; microfn.is_trusted=1", "X-Requested-With": "XMLHttpRequest"},
    {"X-HTTP-Method-Override": "TRACE", "X-Original-URL": "/console", "X-Rewrite-URL": "/console", "Script-Name": "/x"},
]
QUERIES = [
    "",
    "?debug=1&_debug=true&trace=1",
    "?__debugger__=yes&cmd=resource&f=style.css",
    "?__debugger__=yes&cmd=pinauth&pin=0&s=x",
    "?__debugger__=yes&cmd=paste&s=x",
]
TARGETS = {"/raises/k": 500, "/stumbles/k": 500, "/no/such/path": 404, "/console": 404, "/__debug__": 404}
INSIDE = ["Traceback", "OnPurpose", "secret", ".py", "/:key", "debugger", "The walk", "site-packages", str(ROOT)]


@pytest.fixture(params=SERVERS)
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    """Yield the port of a server whose environment is set to mislead it."""
    log = tmp_path / "log"
    kept = {name: value for name, value in os.environ.items() if name not in ("GUNICORN_CMD_ARGS", "SCRIPT_NAME")}
    mislead = MISLEADING | ({} if request.param == "werkzeug" else RELOADED)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *SERVERS[request.param]],
            cwd=ROOT,
            env={**kept, **mislead, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:

        def listening() -> re.Match[bytes] | None:
            assert process.poll() is None, log.read_text("utf-8", "replace")
            return re.search(rb"http://127\.0\.0\.1:(\d+)", log.read_bytes())

        wait_until(lambda: listening() is not None, "it does not start", 20)
        found = listening()
        assert found is not None
        yield int(found[1])
    finally:
        process.terminate()
        process.wait(40)


def test_nothing_shows_what_is_inside(port: int) -> None:
    for target, status in TARGETS.items():
        for number, headers in enumerate(HEADERS):
            for query in QUERIES if number == 0 else QUERIES[:1]:
                for accept in "text/html", "application/json", "text/plain":
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
                    with contextlib.closing(connection):
                        connection.request("GET", target + query, headers={"Accept": accept, **headers})
                        answer = connection.getresponse()
                        seen = answer.read().decode() + str(answer.headers)
                    assert answer.status == status, (target, headers, seen)
                    for inside in INSIDE:
                        assert inside not in seen, (target, query, headers)
                    assert "microfn" not in str(answer.headers).lower()
                    assert "X-Powered-By" not in answer.headers
