"""The life of a request, top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound, RequestURITooLarge
from werkzeug.wsgi import ClosingIterator

from .index import Leaf
from .log import log_exception
from .paths import decode_path, location, unquote_path_info
from .problems import ErrorHandlers, Found, extra_headers, internal_error, own_page, page
from .request import Request
from .response import (
    LENGTH_HEADERS,
    TEXT_HEADER,
    Encoders,
    Headers,
    Made,
    answer,
    close,
    status_line,
)
from .route import Handle, Route
from .table import Table

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Site", "respond"]

_NOTHING = "There is nothing at this path."
_NOT_ALLOWED = "This path answers other methods, those in Allow."
_NO_TEXT = "The path is not UTF-8."


@dataclass(frozen=True, slots=True)
class Site:
    """All that a request is answered from. It is published as one value, and never changed."""

    table: Table
    request_class: type[Request]
    errors: ErrorHandlers
    handle_method_not_allowed: bool
    handle_options: bool
    global_options: Handle | None
    permanent_redirects: bool
    max_path_length: int
    path_info_encoded: bool
    is_guarded: bool
    """Whether something is to be looked at before the route: the host, or a path that is still encoded."""
    find: Callable[[str, str], tuple[Any, Any]]
    """The table's index, asked by each request."""
    encoders: Encoders
    """How plain values become bodies."""


class Served(Protocol):
    """What `respond` serves."""

    @property
    def site(self) -> Site | None:
        """What is published now; None before the first request."""

    def first_site(self) -> Site:
        """Publish what is registered."""


def respond(app: Served, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request: find its route, call the handle, send what it returned."""
    site = app.site or app.first_site()
    # PERF: a call of the class, which would call __init__, costs 100 ns more.
    request = object.__new__(site.request_class)
    request.environ = environ
    try:
        if site.is_guarded:
            _guard(site, request)
        route, params = site.find(environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO") or "/")
        if route is None:
            status, headers, body = _instead(site, request, params)
        elif route.is_direct:
            request.route = route
            request.params = params
            environ["microfn.route"] = route.pattern
            result = route.handle(request, params)
            if type(result) is str:
                # PERF: what `answer` would make of it, made in place; saves a tenth of the smallest request.
                content = result.encode()
                status, headers, body = "200 OK", [TEXT_HEADER, LENGTH_HEADERS[len(content)]], [content]
            else:
                status, headers, body = answer(result, environ, site.encoders, origin=route.handle)
        else:
            status, headers, body = _call(site, request, route, params)
    except Exception as error:
        status, headers, body = _recover(site, request, error)
    if request.on_close:
        body = ClosingIterator(body, request.on_close)
    try:
        start_response(status, headers)
    except BaseException:
        close(body)
        raise
    return body


def _guard(site: Site, request: Request) -> None:
    """What is rarely asked for, before the route."""
    environ = request.environ
    if site.path_info_encoded:
        try:
            environ["PATH_INFO"] = unquote_path_info(environ.get("PATH_INFO", ""))
        except ValueError:
            raise BadRequest(_NO_TEXT) from None
    if request.trusted_hosts:
        request.host  # noqa: B018 - it is checked by being read


def _call(site: Site, request: Request, route: Route, params: dict[str, Any]) -> Made:
    """The answer of the handle, or 404 where a converter refuses what the path holds."""
    environ = request.environ
    request.route = route
    environ["microfn.route"] = route.pattern
    if route.converters:
        bound = route.bind(params)
        if bound is None:
            request.route = None
            del environ["microfn.route"]
            return _not_found(site, request)
        params = bound
    request.params = params
    result = route.handle(request, params)
    return answer(result, environ, site.encoders, origin=route.handle)


def _instead(site: Site, request: Request, leaves: tuple[Leaf, ...] | None) -> Made:
    """The answer where the method has no route for the path: HEAD by GET, a redirect, OPTIONS, 405 or 404."""
    environ = request.environ
    method = environ.get("REQUEST_METHOD", "HEAD")
    if method == "HEAD":
        environ.setdefault("REQUEST_METHOD", "GET")
        route, params = site.find("GET", environ.get("PATH_INFO") or "/")
        if route is not None:
            return _call(site, request, route, params)
    if leaves is None:
        return _recover(site, request, BadRequest(_NO_TEXT))
    path = decode_path(environ.get("PATH_INFO", ""))
    if len(path) > site.max_path_length:
        return _recover(site, request, RequestURITooLarge())
    if path[0] != "/":
        return _beside_the_paths(site, request, path)
    target = site.table.moved(method, path)
    if target is not None:
        return _redirect(site, request, target)
    if leaves:
        return _elsewhere(site, request, tuple(chain.from_iterable(leaves)))
    return _not_found(site, request)


def _beside_the_paths(site: Site, request: Request, path: str) -> Made:
    """The answer to a target that is no path. RFC 9110, section 9.3.7: `OPTIONS *` asks about the server."""
    if path != "*" or request.environ["REQUEST_METHOD"] != "OPTIONS":
        return _recover(site, request, BadRequest("The path does not begin with a slash."))
    methods = site.table.methods()
    if not methods or not site.handle_options:
        return _not_found(site, request)
    return _elsewhere(site, request, methods)


def _elsewhere(site: Site, request: Request, methods: tuple[str, ...]) -> Made:
    """The answer where other methods have the path: OPTIONS, 405, or 404 where neither is wanted."""
    allow = _allow(methods, site.handle_options)
    if site.handle_options and request.environ["REQUEST_METHOD"] == "OPTIONS":
        return _options(site, request, allow)
    if not site.handle_method_not_allowed:
        return _not_found(site, request)
    if site.errors:
        return _recover(site, request, MethodNotAllowed(allow.split(", "), _NOT_ALLOWED))
    return own_page(request.environ, 405, _NOT_ALLOWED, ("Allow", allow))


@lru_cache(maxsize=1024)
def _allow(methods: tuple[str, ...], handle_options: bool) -> str:
    """The value of Allow (RFC 9110, section 10.2.1). PERF: what it depends on is registered, not sent."""
    names = {*methods, "OPTIONS"} if handle_options else {*methods}
    return ", ".join(sorted(names | {"HEAD"} if "GET" in names else names))


def _not_found(site: Site, request: Request) -> Made:
    if site.errors:
        return _recover(site, request, NotFound(_NOTHING))
    return own_page(request.environ, 404, _NOTHING)


def _redirect(site: Site, request: Request, path: str) -> Made:
    # RFC 9110, sections 15.4.2, 15.4.8, 15.4.9: after a 301 a POST may turn into a GET, after 307 and 308 it may not.
    environ = request.environ
    method = environ["REQUEST_METHOD"]
    status = (301 if method in ("GET", "HEAD") else 308) if site.permanent_redirects else 307
    line = status_line(status)
    content = line[4:].encode() + b"\n"
    target = location(environ.get("SCRIPT_NAME", ""), path, environ.get("QUERY_STRING", ""))
    headers = [TEXT_HEADER, LENGTH_HEADERS[len(content)], ("Location", target)]
    return line, headers, [] if method == "HEAD" else [content]


def _options(site: Site, request: Request, allow: str) -> Made:
    if site.global_options is None:
        return "204 No Content", [("Allow", allow)], []
    result = site.global_options(request, request.params)
    made = answer(result, request.environ, site.encoders, origin=site.global_options)
    return _with_headers(made, [("Allow", allow)])


def _recover(site: Site, request: Request, error: Exception, tried: tuple[Handle, ...] = ()) -> Made:
    """The answer to an error: the user's handler's, its own, or the built-in page. What nobody foresaw is logged."""
    environ = request.environ
    made: Made
    meant = error if isinstance(error, HTTPException) and (error.code or error.response) else internal_error(error)
    found = site.errors.find(error) if meant.response is None else None
    if found is not None and found.handler in tried:
        found = None
    try:
        if found is not None:
            made = _by_handler(site, request, found, meant)
        else:
            made = _by_itself(site, environ, meant) or page(meant, environ)
    except Exception as another:
        if found is None or not isinstance(another, HTTPException):
            log_exception(another, environ)  # with the error that it came of, which is its context
            return page(internal_error(another), environ)
        made = _recover(site, request, another, (*tried, found.handler))
    if meant is not error and made[0].startswith("5") and not (found and found.is_foreseen):
        log_exception(error, environ)
    return made


def _by_handler(site: Site, request: Request, found: Found, meant: HTTPException) -> Made:
    result = found.handler(request, found.error)
    made = answer(result, request.environ, site.encoders, origin=found.handler, status=meant.code or 500)
    if made[0].startswith(str(meant.code)):
        return _with_headers(made, extra_headers(meant, request.environ))
    return made


def _by_itself(site: Site, environ: WSGIEnvironment, meant: HTTPException) -> Made | None:
    """What an error says that carries a response, or makes one of its own kind."""
    cls = type(meant)
    is_plain = cls.get_response is HTTPException.get_response and cls.get_body is HTTPException.get_body
    if meant.response is None and is_plain:
        return None
    return answer(meant.get_response(environ), environ, site.encoders, origin=cls)


def _with_headers(made: Made, extra: Headers) -> Made:
    """Add the headers that are not there yet."""
    status, headers, body = made
    present = {name.lower() for name, _ in headers}
    return status, headers + [pair for pair in extra if pair[0].lower() not in present], body
