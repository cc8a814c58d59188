"""Mounted applications, run inside of middleware."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from ..http.headers import Headers, WSGIResponse, validate_headers
from ..http.request import Request
from ..http.request_body import Body
from ..http.streams import close_body
from ..http.wsgi_application import run_application
from ..routing.mount import Mount
from ..server_log import IS_LOGGED

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["run_mount"]


def run_mount(mount: Mount, request: Request) -> WSGIResponse:
    """Call a mounted application in an environ of its own, so that middleware sees the path that was asked for."""
    outer = request.environ
    environ = {**outer}
    _hand_on_body(request, environ)
    try:
        response = run_application(mount, environ)
    finally:
        outer["microfn.route"] = environ["microfn.route"]
        if IS_LOGGED in environ:
            outer[IS_LOGGED] = True
    status, headers, body = response
    # A tab may stand in a value (RFC 9110, section 5.5), and means the same as a blank.
    headers = _without_tabs(headers)
    try:
        validate_headers(status, headers)
    except BaseException:
        close_body(body)
        raise
    return status, headers, body


def _hand_on_body(request: Request, environ: WSGIEnvironment) -> None:
    """Let the application read the body that middleware has read. Raises RuntimeError if nobody has kept it."""
    data = request.__dict__.get("_cached_data")
    stream = request.__dict__.get("stream")
    if data is not None:
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(data), str(len(data))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    elif isinstance(stream, Body) and stream.tell():
        raise RuntimeError(
            "a middleware has read the body, so the mounted application would get none; "
            "read it by request.get_data() there, or mount with bare=True"
        )


def _without_tabs(headers: Headers) -> Headers:
    return [(name, value.replace("\t", " ") if isinstance(value, str) else value) for name, value in headers]
