"""The life of a request, top to bottom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequest

from ..http.conversion import answer
from ..http.headers import LENGTH_HEADERS, TEXT_HEADER, WSGIResponse
from ..http.problems import internal_error, page
from ..http.streams import close_body, with_close
from ..log import log_exception
from ..routing.index import NO_PREFIX, Miss
from ..routing.mount import Mount
from ..routing.paths import unquote_path_info
from ..routing.route import Route
from .error_handling import recover
from .fallback import NO_TEXT, Rejected, instead
from .snapshot import Served, Site

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["resolve_slow", "respond"]

_BY_GET = ("HEAD", None)
"""Methods whose requests GET's routes answer too: HEAD, and none at all."""
new_object = object.__new__


def respond(  # noqa: C901, PLR0912 - the life of a request is told in one place
    app: Served, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer a request: find its route, call the handle, send what it returned."""
    site = app.site
    if site is None:
        try:
            site = app.first_site()
        except Exception as error:  # what is registered cannot be published: a middleware makes no handle
            return _fail(error, environ, start_response)
    method = environ.get("REQUEST_METHOD")
    route, found = site.find(method, environ.get("PATH_INFO") or "/")
    if site.is_guarded or (route.converters if route is not None else method in _BY_GET or site.mounts):
        route, found = resolve_slow(site, environ, route, found)
        if isinstance(found, Mount):
            return found(environ, start_response)
    request = None
    try:
        if route is None:
            made = _through_middleware(site, environ, found) if site.chains else instead(site, environ, found)
            status, headers, body = made
        else:
            # PERF: a call of the class, which would call __init__, costs 100 ns more.
            request = new_object(site.request_class)
            request.environ = environ
            request.route = route
            request.params = found
            environ["microfn.route"] = route.pattern
            handle = route.run
            if site.chains:
                request.site = site
                handle = site.chains.get(route.scope, handle)
            result = handle(request, found)
            if type(result) is str and method != "HEAD" and not request.on_close:
                # PERF: what `answer` would make of it, made in place; saves a tenth of the smallest request.
                content = result.encode()
                status, headers, body = "200 OK", [TEXT_HEADER, LENGTH_HEADERS[len(content)]], [content]
            else:
                status, headers, body = answer(result, environ, site.encoders, origin=handle)
                if type(body) is not list or request.on_close:
                    body = with_close(request, body)
    except Exception as error:
        request = request or site.request_class(environ)
        status, headers, body = recover(site, request, error)
        body = with_close(request, body)
    except BaseException:
        if request is not None:
            request.end()
        raise
    try:
        start_response(status, headers)
    except BaseException:
        close_body(body)
        raise
    return body


def _fail(error: Exception, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with 500, where there is nothing yet that requests could be answered from."""
    log_exception(error, environ)
    status, headers, body = page(internal_error(error), environ)
    start_response(status, headers)
    return body


def resolve_slow(
    site: Site, environ: WSGIEnvironment, route: Route | None, found: Any
) -> tuple[Route | None, dict[str, Any] | Miss | Mount | Rejected]:
    """What is rarely asked for: what comes before a route, or stands in for one that is not there."""
    environ.setdefault("REQUEST_METHOD", "GET")
    try:
        if site.is_guarded:
            _check_host_and_path(site, environ)
        path = environ.get("PATH_INFO") or "/"
        mount = site.mounts.find(path) if site.mounts else None
        if mount is not None:
            return None, mount
        if site.is_guarded:
            route, found = site.find(environ["REQUEST_METHOD"], path)
        if route is None and environ["REQUEST_METHOD"] in ("HEAD", "GET"):  # RFC 9110, section 9.3.2
            route, found = site.find("GET", path)
        if route is not None and route.converters:
            environ["microfn.route"] = route.pattern
            bound = route.bind(found)
            if bound is None:  # there is no match, and nothing instead
                del environ["microfn.route"]
                return None, NO_PREFIX
            found = bound
    except Exception as error:
        return None, Rejected(error)
    return route, found


def _check_host_and_path(site: Site, environ: WSGIEnvironment) -> None:
    if site.path_info_encoded and environ.get("microfn.path_info") is None:
        environ["microfn.path_info"] = environ.get("PATH_INFO") or ""  # as it came; what is decoded is decoded once
        try:
            environ["PATH_INFO"] = unquote_path_info(environ["microfn.path_info"])
        except ValueError:
            raise BadRequest(NO_TEXT) from None
    if site.request_class.trusted_hosts:
        site.request_class(environ).host  # noqa: B018 - it is checked by being read


def _through_middleware(site: Site, environ: WSGIEnvironment, miss: Miss | Rejected) -> WSGIResponse:
    """The answer to a request without a route, through the middleware of where it belongs."""
    handle = site.chains.get(site.scope_of_miss(environ, miss.methods))
    if handle is None:
        return instead(site, environ, miss)
    request = site.request_class(environ)
    request.site, request.miss = site, miss
    try:
        status, headers, body = answer(handle(request, request.params), environ, site.encoders, origin=handle)
    except Exception as error:
        status, headers, body = recover(site, request, error)
    except BaseException:
        request.end()
        raise
    return status, headers, with_close(request, body)
