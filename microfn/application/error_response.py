"""Responses for errors: by a registered handler, by the error itself, or by the built-in page."""

from __future__ import annotations

from traceback import walk_tb

from werkzeug.exceptions import HTTPException

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
    told = _with_status(error)
    match = _find_handler(snapshot, request, told, tried)
    try:
        response = _render(snapshot, request, told, match)
    except Exception as handler_error:
        if match is None:
            log_exception(handler_error, request.environ, _origin_of(handler_error, request))  # `error` is its context
            return error_page(internal_error(handler_error), request.environ)
        response = handle_error(snapshot, request, handler_error, (*tried, match.handler))
        if not isinstance(handler_error, HTTPException):
            return response  # logged already, with `error`
    except BaseException:  # the handler exits, for example by SystemExit
        request._close()
        raise
    if not _is_expected(error, told, match):
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


def _with_status(error: Exception) -> Exception:
    """Return the error itself. An HTTPException without a status and a response becomes a 500, with it as the cause."""
    if isinstance(error, HTTPException) and not (error.code or error.response):
        return internal_error(error)
    return error


def _find_handler(snapshot: Snapshot, request: Request, error: Exception, tried: tuple[Handle, ...]) -> Match | None:
    """Return the registered handler. An error with a response needs none."""
    if isinstance(error, HTTPException) and error.response is not None:
        return None
    return snapshot.handlers_of(request).find(error, tried)


def _is_expected(error: Exception, told: Exception, match: Match | None) -> bool:
    """Return True if the error is intended: an HTTPException, or an error with a handler for its own kind."""
    return error is told if isinstance(error, HTTPException) else match is not None and match.is_foreseen


def _render(snapshot: Snapshot, request: Request, error: Exception, match: Match | None) -> WSGIResponse:
    """Respond by the handler, by the response of the error, or with the built-in page."""
    if match is not None:
        return _by_handler(snapshot, request, error, match)
    http_error = error if isinstance(error, HTTPException) else internal_error(error)
    cls = type(http_error)
    is_plain = cls.get_response is HTTPException.get_response and cls.get_body is HTTPException.get_body
    if http_error.response is None and is_plain:
        return error_page(http_error, request.environ, request._sent())
    response = http_error.get_response(request.environ)
    return to_wsgi(response, request.environ, snapshot.encoders, origin=cls, is_final=False)


def _by_handler(snapshot: Snapshot, request: Request, error: Exception, match: Match) -> WSGIResponse:
    code, extra = 500, []
    if isinstance(error, HTTPException):
        code, extra = error.code or 500, extra_headers(error, request.environ)
        validate_headers(status_line(code), extra)
    result = match.handler(request, match.error)
    response = to_wsgi(result, request.environ, snapshot.encoders, origin=match.handler, status=code, is_final=False)
    return with_headers(response, extra) if extra and response[0].startswith(str(code)) else response


def with_headers(response: WSGIResponse, extra: Headers) -> WSGIResponse:
    """Add the headers that are missing."""
    status, headers, body = response
    return status, headers + missing_headers(headers, extra), body
