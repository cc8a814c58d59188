"""What a server does by itself: a WSGI function that answers as the application does, without any framework."""

from __future__ import annotations

import json


def app(environ, start_response):
    body = json.dumps({"params": {"rest": environ["PATH_INFO"].removeprefix("/echo")}}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
