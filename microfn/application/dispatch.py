"""The life of a request, top to bottom. docs/explanation/snapshot.md and scopes.md explain the terms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequest

from ..http.conversion import finish, to_wsgi
from ..http.headers import LENGTH_HEADERS, TEXT_HEADER, WSGIResponse
from ..http.problems import error_page, internal_error
from ..http.streams import close_body, with_close
from ..log import log_exception
from ..routing.handle import Handle
from ..routing.mount import Mount
from ..routing.paths import unquote_path_info
from ..routing.route import Route
from .chain import chain_of_miss
from .error_response import handle_error
from .fallback import NO_TEXT, fallback
from .misses import Missed, Rejected, Unconverted
from .snapshot import App, Snapshot

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["resolve_slow", "respond"]

_BY_GET = ("HEAD", None)
"""Methods that match GET routes too: HEAD, and a missing method."""
new_object = object.__new__


def respond(  # noqa: C901, PLR0912 - one function shows the life of a request
    app: App, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Respond to a request: find its route, call the handle, and send the result."""
    # 1. One snapshot serves the request, even if the registrations change.
    snapshot = app._snapshot
    if snapshot is None:
        try:
            snapshot = app._ensure_snapshot()
        except Exception as error:  # the snapshot cannot be built, for example if a middleware returns no handle
            return _startup_error(error, environ, start_response)
    # 2. Find the route. `match` is the params, the reason for a miss, or a mount.
    method = environ.get("REQUEST_METHOD")
    route, match = snapshot.find(method, environ.get("PATH_INFO") or "/")
    # Most requests skip the slow path. A guarded snapshot checks the host, decodes the path, or has mounts below
    # wildcards. Otherwise a route needs it only for converters, and a miss if GET may serve HEAD, or for mounts.
    if snapshot.is_guarded or (route.converters if route is not None else method in _BY_GET or snapshot.mounts):
        route, match = resolve_slow(snapshot, environ, route, match)
        # A mount without middleware gets the request as it is, and its errors are the server's.
        if isinstance(match, Mount) and (match.bare or match.scope not in snapshot.chains):
            return match(environ, start_response)
    request = None
    try:
        # 3. Without a route, the fallback responds: a redirect, OPTIONS, 405 or 404.
        if route is None:
            respond_to_miss = _run_middleware if snapshot.chains else fallback  # no middleware, no chains
            status, headers, body = respond_to_miss(snapshot, environ, match)
        else:
            # 4. Call the handle, with the middleware of its scope around it.
            # PERF: calling the class, and so __init__, costs 100 ns more.
            request = new_object(snapshot.request_class)
            request.environ = environ
            request.route = route
            request.params = match
            environ["microfn.route"] = route.pattern
            if "microfn.mount" in environ:
                environ["microfn.route"] = environ["microfn.mount"] + route.pattern
            handle = route.handle
            if snapshot.chains:
                request._snapshot = snapshot
                handle = snapshot.chains.get(route.scope, handle)
            result = handle(request, match)
            # 5. Convert the result.
            if type(result) is str and method != "HEAD" and not request._close_callbacks:
                # PERF: the conversion of text without a call; saves a tenth of the time of the smallest request.
                content = result.encode()
                status, headers, body = "200 OK", [TEXT_HEADER, LENGTH_HEADERS[len(content)]], [content]
            else:
                status, headers, body = to_wsgi(result, environ, snapshot.encoders, origin=handle)
                if type(body) is not list or request._close_callbacks:
                    body = with_close(request, body)
    except Exception as error:
        # 6. An error gets its handler, or its page.
        request = request or snapshot.request_class(environ)
        status, headers, body = finish(environ, handle_error(snapshot, request, error))
        body = with_close(request, body)
    except BaseException:
        if request is not None:
            request._close()
        raise
    # 7. Send the response. The server closes the body, which ends the request.
    try:
        start_response(status, headers)
    except BaseException:
        close_body(body)
        raise
    return body


def _startup_error(error: Exception, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Respond with 500 if the registrations cannot be published."""
    log_exception(error, environ)
    status, headers, body = finish(environ, error_page(internal_error(error), environ))
    start_response(status, headers)
    return body


def resolve_slow(
    snapshot: Snapshot, environ: WSGIEnvironment, route: Route | None, match: Any
) -> tuple[Route | None, dict[str, Any] | Missed | Mount]:
    """Route on the slow path: trusted hosts, encoded paths, mounts, HEAD falling back to GET, converters."""
    environ.setdefault("REQUEST_METHOD", "GET")
    try:
        if snapshot.is_guarded:
            _check_host_and_path(snapshot, environ)
        path = environ.get("PATH_INFO") or "/"
        mount = snapshot.mounts.find(path) if snapshot.mounts else None
        if mount is not None:
            return None, mount
        if snapshot.path_info_encoded:
            route, match = snapshot.find(environ["REQUEST_METHOD"], path)
        if route is None and environ["REQUEST_METHOD"] in ("HEAD", "GET"):  # RFC 9110, section 9.3.2
            route, match = snapshot.find("GET", path)
        if route is not None and route.converters:
            try:
                bound = route.bind(match)
            except Exception as error:
                environ["microfn.route"] = environ.get("microfn.mount", "") + route.pattern
                return None, Rejected(error, scope=route.scope)
            if bound is None:  # a converter refused the value, and no other route is tried
                return None, Unconverted(route.scope)
            match = bound
    except Exception as error:
        return None, Rejected(error)
    return route, match


def _check_host_and_path(snapshot: Snapshot, environ: WSGIEnvironment) -> None:
    if snapshot.path_info_encoded and environ.get("microfn.path_info") is None:
        environ["microfn.path_info"] = environ.get("PATH_INFO") or ""  # the original, so that it is decoded only once
        try:
            environ["PATH_INFO"] = unquote_path_info(environ["microfn.path_info"])
        except ValueError:
            raise BadRequest(NO_TEXT) from None
    if snapshot.request_class.trusted_hosts:
        snapshot.request_class(environ).host  # noqa: B018 - reading it runs its check


def _run_middleware(snapshot: Snapshot, environ: WSGIEnvironment, match: Missed | Mount) -> WSGIResponse:
    """Respond to a request for a mount or without a route, through the middleware of its scope."""
    handle: Handle | None
    miss: Missed | Mount
    if isinstance(match, Mount):
        handle, miss = snapshot.chains[match.scope], match
    else:
        handle, miss = chain_of_miss(snapshot, environ, match)
        if handle is None:
            return fallback(snapshot, environ, miss)
    request = snapshot.request_class(environ)
    request._snapshot, request._miss = snapshot, miss
    request._is_for_mount = isinstance(miss, Mount)
    try:
        status, headers, body = to_wsgi(handle(request, request.params), environ, snapshot.encoders, origin=handle)
    except Exception as error:
        status, headers, body = finish(environ, handle_error(snapshot, request, error))
    except BaseException:
        request._close()
        raise
    return status, headers, with_close(request, body)
