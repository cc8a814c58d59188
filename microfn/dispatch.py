"""The life of a request, top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound, RequestURITooLarge
from werkzeug.wsgi import ClosingIterator

from .codec import Codec
from .index import Leaf
from .log import log_exception
from .paths import decode_path, location, unquote_path_info
from .problems import ErrorHandlers, Found, extra_headers, internal_error, own_page, page
from .request import Request
from .response import (
    TEXT_HEADER,
    Answer,
    Encoders,
    Headers,
    answer,
    close,
    content_length,
    status_line,
)
from .route import Handle, Route
from .table import Table

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    Made = tuple[str, Headers, Iterable[bytes]]
    """An answer, as WSGI has it; an `Answer` is one. PERF: a plain tuple is made in a fourth of the time."""

__all__ = ["Site", "respond"]

_NOTHING = "There is nothing at this path."
_NO_TEXT = "The path is not UTF-8."


@dataclass(frozen=True, slots=True)
class Site:
    """All that a request is answered from. It is published as one value, and never changed."""

    table: Table
    request_class: type[Request]
    codec: Codec
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
        if route is not None:
            status, headers, body = _call(site, request, route, params)
        else:
            status, headers, body = _instead(site, request, params)
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
    encoder = site.encoders.get(type(result))
    if encoder is None or environ["REQUEST_METHOD"] == "HEAD":
        return answer(result, environ, site.codec, origin=route.handle)
    content_type, encode = encoder
    content = encode(result)
    return "200 OK", [content_type, content_length(content)], [content]


def _instead(site: Site, request: Request, leaves: list[Leaf] | None) -> Made:
    """The answer where the method has no route for the path: HEAD by GET, a redirect, OPTIONS, 405 or 404."""
    environ = request.environ
    raw = environ.get("PATH_INFO") or "/"
    if environ.get("REQUEST_METHOD", "HEAD") == "HEAD":
        environ.setdefault("REQUEST_METHOD", "GET")
        route, params = site.find("GET", raw)
        if route is not None:
            return _call(site, request, route, params)
    method = environ["REQUEST_METHOD"]
    if leaves is None:
        return _recover(site, request, BadRequest(_NO_TEXT))
    path = decode_path(raw)
    if len(path) > site.max_path_length:
        return _recover(site, request, RequestURITooLarge())
    if not path.startswith("/"):
        return _beside_the_paths(site, request, path)
    target = site.table.moved(method, path)
    if target is not None:
        return _redirect(site, request, target)
    if not leaves:
        return _not_found(site, request)
    return _elsewhere(site, request, {name for leaf in leaves for name in leaf})


def _beside_the_paths(site: Site, request: Request, path: str) -> Made:
    """The answer to a target that is no path. RFC 9110, section 9.3.7: `OPTIONS *` asks about the server."""
    if path != "*" or request.environ["REQUEST_METHOD"] != "OPTIONS":
        return _recover(site, request, BadRequest("The path does not begin with a slash."))
    methods = site.table.methods()
    if not methods or not site.handle_options:
        return _not_found(site, request)
    return _elsewhere(site, request, methods)


def _elsewhere(site: Site, request: Request, methods: Iterable[str]) -> Made:
    """The answer where other methods have the path: OPTIONS, 405, or 404 where neither is wanted."""
    is_options = request.environ["REQUEST_METHOD"] == "OPTIONS"
    names = {*methods, "OPTIONS"} if site.handle_options else {*methods}
    if "GET" in names:
        names.add("HEAD")
    allow = ", ".join(sorted(names))
    if is_options and site.handle_options:
        return _options(site, request, allow)
    if not site.handle_method_not_allowed:
        return _not_found(site, request)
    if site.errors:
        return _recover(site, request, MethodNotAllowed(allow.split(", ")))
    return own_page(405, MethodNotAllowed.description, (("Allow", allow),), request.environ)


def _not_found(site: Site, request: Request) -> Made:
    if site.errors:
        return _recover(site, request, NotFound(_NOTHING))
    return own_page(404, _NOTHING, (), request.environ)


def _redirect(site: Site, request: Request, path: str) -> Made:
    # RFC 9110, sections 15.4.2, 15.4.8, 15.4.9: after a 301 a POST may turn into a GET, after 307 and 308 it may not.
    environ = request.environ
    method = environ["REQUEST_METHOD"]
    status = (301 if method in ("GET", "HEAD") else 308) if site.permanent_redirects else 307
    line = status_line(status)
    content = line[4:].encode() + b"\n"
    target = location(environ.get("SCRIPT_NAME", ""), path, environ.get("QUERY_STRING", ""))
    headers = [TEXT_HEADER, content_length(content), ("Location", target)]
    return line, headers, [] if method == "HEAD" else [content]


def _options(site: Site, request: Request, allow: str) -> Made:
    if site.global_options is None:
        return "204 No Content", [("Allow", allow)], []
    result = site.global_options(request, request.params)
    made = answer(result, request.environ, site.codec, origin=site.global_options)
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


def _by_handler(site: Site, request: Request, found: Found, meant: HTTPException) -> Answer:
    result = found.handler(request, found.error)
    made = answer(result, request.environ, site.codec, origin=found.handler, status=meant.code or 500)
    if made.status.startswith(str(meant.code)):
        return _with_headers(made, extra_headers(meant, request.environ))
    return made


def _by_itself(site: Site, environ: WSGIEnvironment, meant: HTTPException) -> Answer | None:
    """What an error says that carries a response, or makes one of its own kind."""
    cls = type(meant)
    is_plain = cls.get_response is HTTPException.get_response and cls.get_body is HTTPException.get_body
    if meant.response is None and is_plain:
        return None
    return answer(meant.get_response(environ), environ, site.codec, origin=cls)


def _with_headers(made: Answer, extra: list[tuple[str, str]]) -> Answer:
    """Add the headers that are not there yet."""
    present = {name.lower() for name, _ in made.headers}
    return made._replace(headers=made.headers + [pair for pair in extra if pair[0].lower() not in present])
