"""Responses for errors: by a registered handler, by the error itself, or by the built-in page."""

from __future__ import annotations

from traceback import walk_tb

from werkzeug.exceptions import HTTPException, InternalServerError

from ..errors import name_of
from ..http.conversion import to_wsgi
from ..http.headers import Headers, WSGIResponse, missing_headers, status_line, validate_headers
from ..http.problems import error_page, extra_headers, internal_error
from ..http.request import Request
from ..http.streams import Stream
from ..http.validation import InvalidData
from ..http.wsgi_application import run_application
from ..log import log_exception
from ..routing.handle import Handle
from .error_handlers import Match
from .snapshot import Snapshot

__all__ = ["handle_error", "with_headers"]


def handle_error(
    snapshot: Snapshot, request: Request, error: Exception, tried: tuple[Handle, ...] = ()
) -> WSGIResponse:
    """Respond to an error of a handle or the framework, with a body. The caller runs `finish` on the response.

    Unexpected errors are logged. If an error handler raises, the handlers outside `tried` get that error.
    """
    request.error = error
    http_error = _as_http_exception(error)
    match = _find_handler(snapshot, request, error, http_error, tried)
    try:
        response = _render(snapshot, request, http_error, match)
    except Exception as handler_error:
        if match is None:
            log_exception(handler_error, request.environ, _origin_of(handler_error, request))  # `error` is its context
            return error_page(internal_error(handler_error), request.environ)
        response = handle_error(snapshot, request, handler_error, (*tried, match.handler))
        if not isinstance(handler_error, HTTPException):
            return response  # logged already, with `error`
    if not _is_expected(error, http_error, match):
        log_exception(error, request.environ, _origin_of(error, request))
    elif isinstance(error, InvalidData) and error.is_accident:
        log_exception(error.__cause__ or error, request.environ)
    return response


def _origin_of(error: Exception, request: Request) -> str | None:
    """Return the name of the handle whose result could not be sent. The traceback lacks it, since it has returned."""
    origin, module, is_running = None, "", False
    for frame, _ in walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__", "")
        if origin is None and module == to_wsgi.__module__:
            route = request.route
            origin = name_of(frame.f_locals.get("origin", route and route.handle))
        elif module == Stream.__module__ or frame.f_code is run_application.__code__:
            is_running = True
    return None if is_running and not module.startswith("microfn.") else origin


def _as_http_exception(error: Exception) -> HTTPException:
    """Return the error itself if it is an HTTPException, else a 500 with the error as its cause."""
    if isinstance(error, HTTPException) and (error.code or error.response):
        return error
    return internal_error(error)


def _find_handler(
    snapshot: Snapshot, request: Request, error: Exception, http_error: HTTPException, tried: tuple[Handle, ...]
) -> Match | None:
    """Return the registered handler. An error with a response needs none, and an error without a code is a 500."""
    if http_error.response is not None:
        return None
    return snapshot.handlers_of(request).find(http_error if isinstance(error, HTTPException) else error, tried)


def _is_expected(error: Exception, http_error: HTTPException, match: Match | None) -> bool:
    """Return True if the error is intended: an HTTPException, or an error with a handler for its own kind."""
    if isinstance(error, HTTPException):
        return error is http_error
    return match is not None and match.is_foreseen


def _render(snapshot: Snapshot, request: Request, http_error: HTTPException, match: Match | None) -> WSGIResponse:
    """Respond by the handler, by the response of the error, or with the built-in page."""
    if match is not None:
        return _by_handler(snapshot, request, http_error, match)
    cls = type(http_error)
    is_plain = cls.get_response is HTTPException.get_response and cls.get_body is HTTPException.get_body
    if http_error.response is None and is_plain:
        return error_page(http_error, request.environ, request._sent())
    response = http_error.get_response(request.environ)
    return to_wsgi(response, request.environ, snapshot.encoders, origin=cls, is_final=False)


def _by_handler(snapshot: Snapshot, request: Request, http_error: HTTPException, match: Match) -> WSGIResponse:
    # PERF: most errors with a handler are not HTTPExceptions, and the 500 around them has no headers.
    extra = [] if type(http_error) is InternalServerError else extra_headers(http_error, request.environ)
    code = http_error.code or 500
    if extra:
        validate_headers(status_line(code), extra)
    result = match.handler(request, match.error)
    response = to_wsgi(result, request.environ, snapshot.encoders, origin=match.handler, status=code, is_final=False)
    return with_headers(response, extra) if response[0].startswith(str(code)) else response


def with_headers(response: WSGIResponse, extra: Headers) -> WSGIResponse:
    """Add the headers that are missing."""
    status, headers, body = response
    return status, headers + missing_headers(headers, extra), body
