"""Mounted applications, run inside of middleware."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..http.headers import Headers, WSGIResponse, validate_headers
from ..http.streams import close_body
from ..http.wsgi_application import run_application
from ..routing.mount import Mount

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["run_mount"]


def run_mount(mount: Mount, outer: WSGIEnvironment) -> WSGIResponse:
    """Call a mounted application in an environ of its own, so that middleware sees the path that was asked for."""
    environ = {**outer}
    try:
        response = run_application(mount, environ)
    finally:
        outer["microfn.route"] = environ["microfn.route"]
    try:
        # A tab may stand in a value (RFC 9110, section 5.5), and goes out as it does without middleware.
        validate_headers(response[0], _without_tabs(response[1]))
    except BaseException:
        close_body(response[2])
        raise
    return response


def _without_tabs(headers: Headers) -> Headers:
    return [(name, value.replace("\t", " ") if isinstance(value, str) else value) for name, value in headers]
