"""The life of a request, top to bottom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound, RequestURITooLarge
from werkzeug.wsgi import ClosingIterator

from .codec import Codec
from .log import log_exception
from .paths import decode_path, location, unquote_path_info
from .problems import ErrorHandlers, Found, extra_headers, internal_error, page
from .request import Request
from .response import TEXT, Answer, answer, close, finish, status_line
from .route import Handle
from .table import Elsewhere, Hit, Moved, Table

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Site", "respond"]

_NOTHING = "There is nothing at this path."


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


def respond(site: Site, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request: find its route, call the handle, send what it returned."""
    method = environ.setdefault("REQUEST_METHOD", "GET")
    request = site.request_class(environ)
    try:
        if request.trusted_hosts:
            request.host  # noqa: B018 - it is checked by being read
        path = _path(site, environ)
        hit = site.table.find(method, path)
        made = _call(site, request, hit) if hit is not None else _instead(site, request, path)
    except Exception as error:
        made = _recover(site, request, error)
    body = ClosingIterator(made.body, request.on_close) if request.on_close else made.body
    try:
        start_response(made.status, made.headers)
    except BaseException:
        close(body)
        raise
    return body


def _path(site: Site, environ: WSGIEnvironment) -> str:
    try:
        if site.path_info_encoded:
            environ["PATH_INFO"] = unquote_path_info(environ.get("PATH_INFO", ""))
        return decode_path(environ.get("PATH_INFO", ""))
    except ValueError:
        raise BadRequest("The path is not UTF-8.") from None


def _call(site: Site, request: Request, hit: Hit) -> Answer:
    """The answer of the handle, or 404 where a converter refuses what the path holds."""
    route, environ = hit.route, request.environ
    request.route = route
    environ["microfn.route"] = route.pattern
    params = route.bind(hit.params)
    if params is None:
        request.route = None
        del environ["microfn.route"]
        return _recover(site, request, NotFound(_NOTHING))
    request.params = params
    return answer(route.handle(request, params), environ, site.codec, origin=route.handle)


def _instead(site: Site, request: Request, path: str) -> Answer:
    """The answer where no route matches: a redirect, OPTIONS, 405 or 404 (httprouter's order)."""
    method = request.environ["REQUEST_METHOD"]
    if len(path) > site.max_path_length:
        return _recover(site, request, RequestURITooLarge())
    if path == "*" and method == "OPTIONS":  # RFC 9110, section 9.3.7: asks about the server, not a resource
        methods = site.table.methods() if site.handle_options else ()
        found: Moved | Elsewhere | None = Elsewhere(methods) if methods else None
    elif not path.startswith("/"):
        return _recover(site, request, BadRequest("The path does not begin with a slash."))
    else:
        found = site.table.instead(method, path)
    if isinstance(found, Moved):
        return _redirect(site, request, found.path)
    if found is not None and method == "OPTIONS" and site.handle_options:
        return _options(site, request, _allow(site, found))
    if found is not None and site.handle_method_not_allowed:
        return _recover(site, request, MethodNotAllowed(_allow(site, found)))
    return _recover(site, request, NotFound(_NOTHING))


def _allow(site: Site, found: Elsewhere) -> list[str]:
    return sorted({*found.methods, "OPTIONS"} if site.handle_options else found.methods)


def _redirect(site: Site, request: Request, path: str) -> Answer:
    # RFC 9110, sections 15.4.2, 15.4.8 and 15.4.9: after a 301 a POST may turn into a GET, after 307 and 308 it may
    # not.
    environ = request.environ
    method = environ["REQUEST_METHOD"]
    status = (301 if method in ("GET", "HEAD") else 308) if site.permanent_redirects else 307
    line = status_line(status)
    content = line[4:].encode() + b"\n"
    target = location(environ.get("SCRIPT_NAME", ""), path, environ.get("QUERY_STRING", ""))
    headers = [("Content-Type", TEXT), ("Content-Length", str(len(content))), ("Location", target)]
    return finish(Answer(line, headers, [content]), method)


def _options(site: Site, request: Request, allow: list[str]) -> Answer:
    made = Answer("204 No Content", [], [])
    if site.global_options is not None:
        result = site.global_options(request, request.params)
        made = answer(result, request.environ, site.codec, origin=site.global_options)
    return _with_headers(made, [("Allow", ", ".join(allow))])


def _recover(site: Site, request: Request, error: Exception, tried: tuple[Handle, ...] = ()) -> Answer:
    """The answer to an error: the user's handler's, its own, or the built-in page. What nobody foresaw is logged."""
    environ = request.environ
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
    if meant is not error and made.status.startswith("5") and not (found and found.is_foreseen):
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
