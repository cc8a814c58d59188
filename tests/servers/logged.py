"""An application that logs a part of its requests itself, and fails on purpose."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NoReturn
from wsgiref.simple_server import make_server

from microfn import Request, Response, Router
from microfn.middleware import access_log

app = Router()
api = app.group("/api", use=[access_log()])


class OnPurpose(Exception):
    """An error that handles and streams raise here."""


@app.get("/healthz")
@api.get("/healthz")
@app.get("/plain")
@api.get("/plain")
def plain(request: Request, params: dict[str, Any]) -> str:
    return "plain\n"


@app.get("/fails")
@api.get("/fails")
def fail(request: Request, params: dict[str, Any]) -> NoReturn:
    raise OnPurpose


@app.get("/first")
def fail_at_first(request: Request, params: dict[str, Any]) -> Response:
    def chunks() -> Iterator[bytes]:
        yield from ()
        raise OnPurpose

    return Response(chunks())


@app.get("/late")
def fail_late(request: Request, params: dict[str, Any]) -> str:
    def end() -> None:
        raise OnPurpose

    request.call_on_close(end)
    return "late\n"


if __name__ == "__main__":
    with make_server("127.0.0.1", 0, app) as server:
        os.write(1, f"http://127.0.0.1:{server.server_port}\n".encode())
        server.serve_forever()
