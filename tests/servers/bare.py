"""A WSGI function that responds like the application, without any framework. It shows the server's own behaviour."""

from __future__ import annotations

import json

from .app import OnPurpose


def app(environ, start_response):
    if environ["PATH_INFO"].startswith("/breaks/"):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return _break()
    body = json.dumps({"params": {"rest": environ["PATH_INFO"].removeprefix("/echo")}}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _break():
    yield b"first\n"
    raise OnPurpose("secret of a stream")
