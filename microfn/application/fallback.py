"""Responses for requests that match no route: redirect, automatic OPTIONS, 405, or 404."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.exceptions import BadRequest, MethodNotAllowed, NotFound, RequestURITooLarge

from ..http.conversion import finish, to_wsgi
from ..http.headers import LENGTH_HEADERS, TEXT_HEADER, WSGIResponse, status_line
from ..http.problems import CachedErrorPage
from ..http.request import Request
from ..http.streams import with_close
from ..routing.index import NO_PREFIX, NOT_UTF8
from ..routing.paths import decode_path, location
from .error_response import handle_error, with_headers
from .misses import Missed, Moved, Rejected, Unconverted, Unmoved
from .snapshot import Snapshot

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["NO_TEXT", "Allowed", "fallback", "find_target"]

_NOTHING = "No resource at this path."
_NOT_ALLOWED = "Method not allowed. The Allow header lists the supported methods."
_MOVED = {
    status: (line, LENGTH_HEADERS[len(line) - 3], f"{line[4:]}\n".encode())
    for status, line in ((status, status_line(status)) for status in (301, 307, 308))
}
_NOT_FOUND = CachedErrorPage(404, _NOTHING)
NO_TEXT = "The path is not valid UTF-8."


def fallback(
    snapshot: Snapshot, environ: WSGIEnvironment, miss: Missed, request: Request | None = None
) -> WSGIResponse:
    """Respond to a request without a route, in httprouter's order.

    `request` exists if middleware has seen it and sees the response. Otherwise it is created only if a handler needs
    it, and the response is sent unchanged.
    """
    path = environ.get("PATH_INFO") or "/"
    if len(path) > snapshot.max_path_length and _is_too_long(snapshot, path, miss):
        return _reject(snapshot, environ, RequestURITooLarge(), request)
    if miss is NO_PREFIX:
        return _not_found(snapshot, environ, request)
    if not miss.may_redirect:
        return _invalid_target(snapshot, environ, miss, request)
    method = environ["REQUEST_METHOD"]
    may_move = method in snapshot.methods and type(miss) is not Unmoved  # otherwise no other spelling matches either
    if may_move and (target := snapshot.table.find_redirect(method, decode_path(path))) is not None:
        return _redirect(snapshot, environ, target, request)
    if miss.methods:
        return _method_not_allowed(snapshot, environ, miss.methods, request)
    return _not_found(snapshot, environ, request)


def find_target(snapshot: Snapshot, environ: WSGIEnvironment, miss: Missed) -> str | None:
    """Return the spelling of the path for a redirect of `fallback`, or None."""
    path, method = environ.get("PATH_INFO") or "/", environ["REQUEST_METHOD"]
    if not miss.may_redirect or method not in snapshot.methods or _is_too_long(snapshot, path, miss):
        return None
    return snapshot.table.find_redirect(method, decode_path(path))


def _is_too_long(snapshot: Snapshot, path: str, miss: Missed) -> bool:
    """Return True if the path has too many characters; False if it is not UTF-8."""
    longest = snapshot.max_path_length
    is_text = miss.may_redirect or miss is NO_PREFIX or isinstance(miss, Unconverted)
    return len(path) > longest and is_text and len(decode_path(path)) > longest


def _invalid_target(
    snapshot: Snapshot, environ: WSGIEnvironment, miss: Missed, request: Request | None
) -> WSGIResponse:
    """Respond if the target has no path. RFC 9110, section 9.3.7: `OPTIONS *` asks about the server."""
    if isinstance(miss, Moved):
        return _redirect(snapshot, environ, miss.target, request)
    if isinstance(miss, Unconverted):
        return _not_found(snapshot, environ, request)
    if isinstance(miss, Rejected):
        return _reject(snapshot, environ, miss.error, request)
    if miss is NOT_UTF8:
        return _reject(snapshot, environ, BadRequest(NO_TEXT), request)
    if environ.get("PATH_INFO") != "*" or environ["REQUEST_METHOD"] != "OPTIONS":
        return _reject(snapshot, environ, BadRequest("The path must begin with a slash."), request)
    if not snapshot.methods or not snapshot.handle_options:
        return _not_found(snapshot, environ, request)
    return _method_not_allowed(snapshot, environ, tuple(snapshot.methods), request)


def _method_not_allowed(
    snapshot: Snapshot, environ: WSGIEnvironment, methods: tuple[str, ...], request: Request | None
) -> WSGIResponse:
    """Respond if the path has other methods: OPTIONS, 405, or 404 if both are disabled."""
    allow, error_page = snapshot.allowed[methods]
    if snapshot.handle_options and environ["REQUEST_METHOD"] == "OPTIONS":
        return _options(snapshot, environ, allow, request)
    if not snapshot.handle_method_not_allowed:
        return _not_found(snapshot, environ, request)
    if snapshot.handles_errors:
        return _reject(snapshot, environ, MethodNotAllowed(allow.split(", "), _NOT_ALLOWED), request)
    if request is not None:
        request.error = MethodNotAllowed(allow.split(", "), _NOT_ALLOWED)
    line, headers, content = error_page[environ.get("HTTP_ACCEPT", "")]
    return line, headers.copy(), [] if request is None and environ["REQUEST_METHOD"] == "HEAD" else [content]


class Allowed(dict[tuple[str, ...], tuple[str, CachedErrorPage]]):
    """The value of Allow (RFC 9110, section 10.2.1), and the page of a 405, by the methods of a path.

    PERF: created once for each set of methods. Routes limit the number of sets, not clients.
    """

    def __init__(self, handle_options: bool) -> None:
        super().__init__()
        self._automatic = {"OPTIONS"} if handle_options else set[str]()

    def __missing__(self, methods: tuple[str, ...]) -> tuple[str, CachedErrorPage]:
        names = {*methods, *self._automatic, *(["HEAD"] if "GET" in methods else [])}
        allow = ", ".join(sorted(names))
        self[methods] = value = allow, CachedErrorPage(405, _NOT_ALLOWED, ("Allow", allow))
        return value


def _not_found(snapshot: Snapshot, environ: WSGIEnvironment, request: Request | None) -> WSGIResponse:
    if snapshot.handles_errors:
        return _reject(snapshot, environ, NotFound(_NOTHING), request)
    if request is not None:
        request.error = NotFound(_NOTHING)
    line, headers, content = _NOT_FOUND[environ.get("HTTP_ACCEPT", "")]
    return line, headers.copy(), [] if request is None and environ["REQUEST_METHOD"] == "HEAD" else [content]


def _redirect(snapshot: Snapshot, environ: WSGIEnvironment, path: str, request: Request | None) -> WSGIResponse:
    # RFC 9110, sections 15.4.2, 15.4.8, 15.4.9: after 301, a client may change POST to GET; after 307 and 308 it must
    # not.
    method = environ["REQUEST_METHOD"]
    line, length, content = _MOVED[(301 if method in ("GET", "HEAD") else 308) if snapshot.permanent_redirects else 307]
    target = location(environ.get("SCRIPT_NAME"), path, environ.get("QUERY_STRING"))
    return line, [TEXT_HEADER, length, ("Location", target)], [] if request is None and method == "HEAD" else [content]


def _options(snapshot: Snapshot, environ: WSGIEnvironment, allow: str, request: Request | None) -> WSGIResponse:
    if snapshot.global_options is None:
        return "204 No Content", [("Allow", allow)], []
    handle = snapshot.global_options
    own_request = request or snapshot.request_class(environ)
    try:
        response = to_wsgi(handle(own_request, {}), environ, snapshot.encoders, origin=handle, is_final=request is None)
    except Exception as error:
        response = handle_error(snapshot, own_request, error)
    status, headers, body = with_headers(response, [("Allow", allow)])
    return status, headers, with_close(own_request, body) if request is None else body


def _reject(snapshot: Snapshot, environ: WSGIEnvironment, error: Exception, request: Request | None) -> WSGIResponse:
    """Respond to an error raised before the call of a handle."""
    if request is not None:
        return handle_error(snapshot, request, error)
    request = snapshot.request_class(environ)
    status, headers, body = finish(environ, handle_error(snapshot, request, error))
    return status, headers, with_close(request, body)
