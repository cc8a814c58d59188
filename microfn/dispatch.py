"""The life of a request, top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound, RequestURITooLarge

from .answer import Encoders, Ending, answer, close, is_file
from .headers import LENGTH_HEADERS, TEXT_HEADER, Headers, Made, gate, status_line
from .index import NOT_UTF8, NOWHERE, Miss
from .log import log_exception
from .paths import decode_path, location, unquote_path_info
from .problems import ErrorHandlers, Found, OwnPage, extra_headers, internal_error, page
from .request import Request
from .route import Handle, Route
from .table import Table

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Site", "respond"]

_BY_GET = ("HEAD", None)
"""Methods whose requests GET's routes answer too: HEAD, and none at all."""
new_object = object.__new__

_NOTHING = "There is nothing at this path."
_NOT_ALLOWED = "This path answers other methods, those in Allow."
_NOT_FOUND = OwnPage(404, _NOTHING)
_NO_TEXT = "The path is not UTF-8."


@dataclass(frozen=True, slots=True)
class Site:
    """All that a request is answered from. It is published as one value, and never changed."""

    table: Table
    request_class: type[Request]
    errors: ErrorHandlers
    handles_errors: bool
    """Whether there are any handlers of errors."""
    handle_method_not_allowed: bool
    handle_options: bool
    global_options: Handle | None
    permanent_redirects: bool
    max_path_length: int
    path_info_encoded: bool
    is_guarded: bool
    """Whether something is to be looked at before the route: the host, or a path that is still encoded."""
    methods: frozenset[str]
    """Those that have routes; HEAD where GET has."""
    find: Callable[[str | None, str], tuple[Any, Any]]
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
    request = None
    try:
        if site.is_guarded:
            _guard(site, environ)
        method = environ.get("REQUEST_METHOD")
        route, found = site.find(method, environ.get("PATH_INFO") or "/")
        if route is None and method in _BY_GET:
            route, found = _find_by_get(site, environ)
        if route is not None and route.converters:
            route, found = _convert(environ, route, found)
        if route is None:
            status, headers, body = _instead(site, environ, found)
        else:
            # PERF: a call of the class, which would call __init__, costs 100 ns more.
            request = new_object(site.request_class)
            request.environ = environ
            request.route = route
            request.params = found
            environ["microfn.route"] = route.pattern
            result = route.handle(request, found)
            if type(result) is str and method != "HEAD" and not request.on_close:
                # PERF: what `answer` would make of it, made in place; saves a tenth of the smallest request.
                content = result.encode()
                status, headers, body = "200 OK", [TEXT_HEADER, LENGTH_HEADERS[len(content)]], [content]
            else:
                made = answer(result, environ, site.encoders, origin=route.handle)
                status, headers, body = _closing(request, made)
    except Exception as error:
        request = request or site.request_class(environ)
        status, headers, body = _closing(request, _recover(site, request, error))
    except BaseException:
        if request is not None:
            request.end()
        raise
    try:
        start_response(status, headers)
    except BaseException:
        close(body)
        raise
    return body


def _guard(site: Site, environ: WSGIEnvironment) -> None:
    """What is rarely asked for, before the route."""
    environ.setdefault("REQUEST_METHOD", "GET")
    if site.path_info_encoded and environ.get("microfn.path_info") is None:
        environ["microfn.path_info"] = environ.get("PATH_INFO") or ""  # as it came; what is decoded is decoded once
        try:
            environ["PATH_INFO"] = unquote_path_info(environ["microfn.path_info"])
        except ValueError:
            raise BadRequest(_NO_TEXT) from None
    if site.request_class.trusted_hosts:
        site.request_class(environ).host  # noqa: B018 - it is checked by being read


def _find_by_get(site: Site, environ: WSGIEnvironment) -> tuple[Route | None, Any]:
    """What answers HEAD without a route of its own (RFC 9110, section 9.3.2), or a request that names no method."""
    environ.setdefault("REQUEST_METHOD", "GET")
    return site.find("GET", environ.get("PATH_INFO") or "/")


def _convert(environ: WSGIEnvironment, route: Route, params: dict[str, str]) -> tuple[Route | None, Any]:
    """The route with its parameters converted; where a converter refuses one there is no match, and nothing instead."""
    environ["microfn.route"] = route.pattern
    bound = route.bind(params)
    if bound is not None:
        return route, bound
    del environ["microfn.route"]
    return None, NOWHERE


def _instead(site: Site, environ: WSGIEnvironment, miss: Miss) -> Made:
    """The answer where the method has no route for the path: a redirect, OPTIONS, 405 or 404 (httprouter's order)."""
    if miss is NOT_UTF8:
        return _refuse(site, environ, BadRequest(_NO_TEXT))
    path = environ.get("PATH_INFO") or "/"
    if len(path) > site.max_path_length and len(decode_path(path)) > site.max_path_length:
        return _refuse(site, environ, RequestURITooLarge())
    if miss is NOWHERE:
        return _not_found(site, environ)
    if path[0] != "/":
        return _beside_the_paths(site, environ, path)
    method = environ["REQUEST_METHOD"]
    if method in site.methods:  # of another there is no other spelling either
        target = site.table.moved(method, decode_path(path))
        if target is not None:
            return _redirect(site, environ, target)
    return _elsewhere(site, environ, miss.methods) if miss.methods else _not_found(site, environ)


def _beside_the_paths(site: Site, environ: WSGIEnvironment, path: str) -> Made:
    """The answer to a target that is no path. RFC 9110, section 9.3.7: `OPTIONS *` asks about the server."""
    if path != "*" or environ["REQUEST_METHOD"] != "OPTIONS":
        return _refuse(site, environ, BadRequest("The path does not begin with a slash."))
    if not site.methods or not site.handle_options:
        return _not_found(site, environ)
    return _elsewhere(site, environ, tuple(site.methods))


def _elsewhere(site: Site, environ: WSGIEnvironment, methods: tuple[str, ...]) -> Made:
    """The answer where other methods have the path: OPTIONS, 405, or 404 where neither is wanted."""
    allow, page = _not_allowed(methods, site.handle_options)
    if site.handle_options and environ["REQUEST_METHOD"] == "OPTIONS":
        return _options(site, environ, allow)
    if not site.handle_method_not_allowed:
        return _not_found(site, environ)
    if site.handles_errors:
        return _refuse(site, environ, MethodNotAllowed(allow.split(", "), _NOT_ALLOWED))
    return page.answer(environ)


@lru_cache(maxsize=1024)
def _not_allowed(methods: tuple[str, ...], handle_options: bool) -> tuple[str, OwnPage]:
    """The value of Allow (RFC 9110, section 10.2.1), and the page of a 405. Depends on what is registered, not sent."""
    names = {*methods, "OPTIONS"} if handle_options else {*methods}
    allow = ", ".join(sorted(names | {"HEAD"} if "GET" in names else names))
    return allow, OwnPage(405, _NOT_ALLOWED, ("Allow", allow))


def _not_found(site: Site, environ: WSGIEnvironment) -> Made:
    if site.handles_errors:
        return _refuse(site, environ, NotFound(_NOTHING))
    return _NOT_FOUND.answer(environ)


def _redirect(site: Site, environ: WSGIEnvironment, path: str) -> Made:
    # RFC 9110, sections 15.4.2, 15.4.8, 15.4.9: after a 301 a POST may turn into a GET, after 307 and 308 it may not.
    method = environ["REQUEST_METHOD"]
    line = status_line((301 if method in ("GET", "HEAD") else 308) if site.permanent_redirects else 307)
    content = f"{line[4:]}\n".encode()
    target = location(environ.get("SCRIPT_NAME") or "", path, environ.get("QUERY_STRING") or "")
    headers = [TEXT_HEADER, LENGTH_HEADERS[len(content)], ("Location", target)]
    return line, headers, [] if method == "HEAD" else [content]


def _options(site: Site, environ: WSGIEnvironment, allow: str) -> Made:
    if site.global_options is None:
        return "204 No Content", [("Allow", allow)], []
    request = site.request_class(environ)
    try:
        made = answer(site.global_options(request, {}), environ, site.encoders, origin=site.global_options)
    except Exception as error:
        made = _recover(site, request, error)
    return _closing(request, _with_headers(made, [("Allow", allow)]))


def _refuse(site: Site, environ: WSGIEnvironment, error: HTTPException) -> Made:
    """The answer to an error that comes before any handle."""
    request = site.request_class(environ)
    return _closing(request, _recover(site, request, error))


def _closing(request: Request, made: Made) -> Made:
    """The answer, whose end is the end of the request too; also where what is to be called then is told meanwhile."""
    status, headers, body = made
    if not request.on_close and (type(body) is list or is_file(body, request.environ)):
        return made
    return status, headers, Ending(body, request.end)


def _recover(site: Site, request: Request, error: Exception, tried: tuple[Handle, ...] = ()) -> Made:
    """The answer to an error: the user's handler's, its own, or the built-in page. What nobody foresaw is logged."""
    environ = request.environ
    made: Made
    meant = error if isinstance(error, HTTPException) and (error.code or error.response) else internal_error(error)
    is_nameless = isinstance(error, HTTPException) and meant is not error
    found = site.errors.find(meant if is_nameless else error, tried) if meant.response is None else None
    try:
        if found is not None:
            made = _by_handler(site, request, found, meant)
        else:
            made = _by_itself(site, environ, meant) or page(meant, environ)
    except Exception as another:
        if found is None:
            log_exception(another, environ)  # with the error that it came of, which is its context
            return page(internal_error(another), environ)
        made = _recover(site, request, another, (*tried, found.handler))
        if not isinstance(another, HTTPException):
            return made
    if is_nameless or (meant is not error and not (found and found.is_foreseen)):
        log_exception(error, environ)
    return made


def _by_handler(site: Site, request: Request, found: Found, meant: HTTPException) -> Made:
    extra = extra_headers(meant, request.environ)
    gate(status_line(meant.code or 500), extra)
    result = found.handler(request, found.error)
    made = answer(result, request.environ, site.encoders, origin=found.handler, status=meant.code or 500)
    return _with_headers(made, extra) if made[0].startswith(str(meant.code)) else made


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
