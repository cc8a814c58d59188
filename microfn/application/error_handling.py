"""Responses for errors: by a registered handler, by the error itself, or as the built-in page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException

from ..http.conversion import to_wsgi
from ..http.headers import Headers, WSGIResponse, status_line, validate_headers
from ..http.problems import error_page, extra_headers, internal_error
from ..http.request import Request
from ..log import log_exception
from ..routing.handle import Handle
from .error_handlers import Found
from .snapshot import Snapshot

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["handle_error", "with_headers"]


def handle_error(
    snapshot: Snapshot, request: Request, error: Exception, tried: tuple[Handle, ...] = ()
) -> WSGIResponse:
    """Respond to an error that a handle or the framework raised. Unexpected errors are logged."""
    environ = request.environ
    request.error = error
    made: WSGIResponse
    http_error = error if isinstance(error, HTTPException) and (error.code or error.response) else internal_error(error)
    has_no_code = isinstance(error, HTTPException) and http_error is not error
    found = (
        snapshot.handlers_of(request).find(http_error if has_no_code else error, tried)
        if http_error.response is None
        else None
    )
    try:
        if found is not None:
            made = _by_handler(snapshot, request, found, http_error)
        else:
            made = _by_itself(snapshot, environ, http_error) or error_page(http_error, environ)
    except Exception as handler_error:
        if found is None:
            log_exception(handler_error, environ)  # with the error that it came of, which is its context
            return error_page(internal_error(handler_error), environ)
        made = handle_error(snapshot, request, handler_error, (*tried, found.handler))
        if not isinstance(handler_error, HTTPException):
            return made
    if has_no_code or (http_error is not error and not (found and found.is_foreseen)):
        log_exception(error, environ)
    return made


def _by_handler(snapshot: Snapshot, request: Request, found: Found, http_error: HTTPException) -> WSGIResponse:
    extra = extra_headers(http_error, request.environ)
    validate_headers(status_line(http_error.code or 500), extra)
    result = found.handler(request, found.error)
    made = to_wsgi(result, request.environ, snapshot.encoders, origin=found.handler, status=http_error.code or 500)
    return with_headers(made, extra) if made[0].startswith(str(http_error.code)) else made


def _by_itself(snapshot: Snapshot, environ: WSGIEnvironment, http_error: HTTPException) -> WSGIResponse | None:
    """Return the response that an error carries or makes by itself; None if it does neither."""
    cls = type(http_error)
    is_plain = cls.get_response is HTTPException.get_response and cls.get_body is HTTPException.get_body
    if http_error.response is None and is_plain:
        return None
    return to_wsgi(http_error.get_response(environ), environ, snapshot.encoders, origin=cls)


def with_headers(made: WSGIResponse, extra: Headers) -> WSGIResponse:
    """Add the headers that are not there yet."""
    status, headers, body = made
    present = {name.lower() for name, _ in headers}
    return status, headers + [pair for pair in extra if pair[0].lower() not in present], body
