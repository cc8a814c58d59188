"""From an error to an answer: the user's handler's, its own, or the built-in page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException

from ..http.conversion import answer
from ..http.headers import Headers, WSGIResponse, status_line, validate_headers
from ..http.problems import extra_headers, internal_error, page
from ..http.request import Request
from ..log import log_exception
from ..routing.handle import Handle
from .error_handlers import Found
from .snapshot import Site

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["recover", "with_headers"]


def recover(site: Site, request: Request, error: Exception, tried: tuple[Handle, ...] = ()) -> WSGIResponse:
    """The answer to an error that a handle raised, or the framework itself. What nobody foresaw is logged."""
    environ = request.environ
    request.error = error
    made: WSGIResponse
    meant = error if isinstance(error, HTTPException) and (error.code or error.response) else internal_error(error)
    is_nameless = isinstance(error, HTTPException) and meant is not error
    found = site.handlers_of(request).find(meant if is_nameless else error, tried) if meant.response is None else None
    try:
        if found is not None:
            made = _by_handler(site, request, found, meant)
        else:
            made = _by_itself(site, environ, meant) or page(meant, environ)
    except Exception as another:
        if found is None:
            log_exception(another, environ)  # with the error that it came of, which is its context
            return page(internal_error(another), environ)
        made = recover(site, request, another, (*tried, found.handler))
        if not isinstance(another, HTTPException):
            return made
    if is_nameless or (meant is not error and not (found and found.is_foreseen)):
        log_exception(error, environ)
    return made


def _by_handler(site: Site, request: Request, found: Found, meant: HTTPException) -> WSGIResponse:
    extra = extra_headers(meant, request.environ)
    validate_headers(status_line(meant.code or 500), extra)
    result = found.handler(request, found.error)
    made = answer(result, request.environ, site.encoders, origin=found.handler, status=meant.code or 500)
    return with_headers(made, extra) if made[0].startswith(str(meant.code)) else made


def _by_itself(site: Site, environ: WSGIEnvironment, meant: HTTPException) -> WSGIResponse | None:
    """What an error says that carries a response, or makes one of its own kind."""
    cls = type(meant)
    is_plain = cls.get_response is HTTPException.get_response and cls.get_body is HTTPException.get_body
    if meant.response is None and is_plain:
        return None
    return answer(meant.get_response(environ), environ, site.encoders, origin=cls)


def with_headers(made: WSGIResponse, extra: Headers) -> WSGIResponse:
    """Add the headers that are not there yet."""
    status, headers, body = made
    present = {name.lower() for name, _ in headers}
    return status, headers + [pair for pair in extra if pair[0].lower() not in present], body
