"""Mounted applications inside middleware."""

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
    """Call a mounted application in a separate environ, so that middleware keeps the path of the request."""
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
    # RFC 9110, section 5.5: a value can contain a tab, which means the same as a space.
    headers = _without_tabs(headers)
    try:
        validate_headers(status, headers)
    except BaseException:
        close_body(body)
        raise
    return status, headers, body


def _hand_on_body(request: Request, environ: WSGIEnvironment) -> None:
    """Pass the body that middleware has read to the application. Raises RuntimeError if it was not kept."""
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
