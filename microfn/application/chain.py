"""Composed middleware. Each middleware gets a handle that always returns a Response and never raises."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response as WerkzeugResponse

from ..http.content_length import forget_length, remember_length
from ..http.conversion import encode_response, to_wsgi
from ..http.headers import WSGIResponse
from ..http.problems import error_page, internal_error
from ..http.request import Request
from ..http.response import Response, check_response, copy_response
from ..http.streams import close_with_request, own_stream
from ..log import log_exception
from ..routing.handle import HANDLE_CALL, Handle, Middleware, wrap
from ..routing.mount import Mount
from .error_response import handle_error
from .fallback import fallback, find_target
from .misses import Missed, Moved, Rejected, Unconverted, Unmoved
from .mounted import run_mount
from .snapshot import Snapshot

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Composer", "chain_of_miss", "compose"]

new_object = object.__new__


class Composer:
    """Composes middleware, each list once, so that the state of a middleware exists once."""

    def __init__(self) -> None:
        self._by_ids: dict[tuple[int, ...], Handle] = {}

    def __call__(self, layers: tuple[Middleware, ...]) -> Handle:
        """Return the handle for all requests of a scope with this middleware."""
        key = tuple(map(id, layers))
        return self._by_ids.get(key) or self._by_ids.setdefault(key, compose(layers))


def chain_of_miss(snapshot: Snapshot, environ: WSGIEnvironment, miss: Missed) -> tuple[Handle | None, Missed]:
    """Return the middleware for a request without a route, and the miss, with details if the path has moved.

    For a redirect, it is the middleware of the target route. If a converter rejects a param, it is that of its route.
    Otherwise it is the middleware that all routes of the path share, so that their guards also guard the 405. A path
    without routes has the middleware of its scope.
    """
    if snapshot.has_one_chain:
        return snapshot.chains[snapshot.root], miss
    if isinstance(miss, (Rejected, Unconverted)) and miss.scope is not None:
        return snapshot.chains.get(miss.scope), miss
    target = find_target(snapshot, environ, miss)
    if target is not None:
        route = snapshot.table.find(environ["REQUEST_METHOD"], target)[0]
        return snapshot.chains.get(route.scope if route else snapshot.root), Moved(target)
    path = environ.get("PATH_INFO") or "/"
    scopes = [snapshot.find(method, path)[0].scope for method in miss.methods] or [snapshot.scope_of(environ)]
    first, *others = (snapshot.layers.get(scope, ()) for scope in scopes)
    common = tuple(layer for layer in first if all(layer in layers for layers in others))
    return (snapshot.composer(common) if common else None), Unmoved(miss.methods) if miss.may_redirect else miss


def compose(middleware: Iterable[Middleware]) -> Handle:
    """Return the handle for all requests of a scope: the first middleware is outermost, route or fallback innermost."""
    handle: Handle = _innermost
    for number, layer in enumerate(reversed(list(middleware))):
        handle = wrap(handle if number == 0 else _guarded(handle), layer)
    return handle


def _innermost(request: Request, params: Any) -> WerkzeugResponse:
    """Call the route's handle, or the fallback without a route. Return a Response in any case."""
    snapshot, route = request._snapshot, request.route
    try:
        if route is None:
            return _respond_to_miss(snapshot, request)
        result = route.handle(request, params)
        encode = snapshot.encoders.get(type(result))
        if encode is None:
            return _as_response(request, result, route.handle)
        wsgi = encode(result)
    except Exception as error:
        return _as_object(request, handle_error(snapshot, request, error))
    # PERF: the code of `Response._from_wsgi`, without a call.
    response = new_object(Response)
    response._wsgi = wsgi
    return response


# Python uses this name in the error if code calls it with other arguments, such as handle(request).
_innermost.__qualname__ = HANDLE_CALL


def _respond_to_miss(snapshot: Snapshot, request: Request) -> Response:
    miss = request._miss
    if not isinstance(miss, Mount):
        return _as_object(request, fallback(snapshot, request.environ, miss, request))
    try:
        return _as_object(request, run_mount(miss, request))
    except Exception as error:
        request.error = error
        log_exception(error, request.environ)
        return _as_object(request, error_page(internal_error(error), request.environ))


def _guarded(handle: Handle) -> Handle:
    """Return the handle of a middleware as the next outer one sees it: it returns a Response and never raises."""

    def guarded(request: Request, params: Any) -> WerkzeugResponse:
        try:
            return _as_response(request, handle(request, params), handle)
        except Exception as error:
            return _as_object(request, handle_error(request._snapshot, request, error))

    guarded.__qualname__ = HANDLE_CALL
    return guarded


def _as_response(request: Request, result: Any, origin: object) -> WerkzeugResponse:
    if type(result) is Response and len(state := result.__dict__) == 1 and type(state["_wsgi"][2]) is list:
        # PERF: an unchanged response was checked before; saves a no-op middleware a tenth of its time.
        return Response._from_wsgi(state["_wsgi"])
    if not isinstance(result, WerkzeugResponse):
        made = to_wsgi(result, request.environ, request._snapshot.encoders, origin=origin, is_final=False)
        return _as_object(request, made)
    wsgi = result._to_wsgi() if isinstance(result, Response) and result._is_remade else None
    if wsgi is not None:
        return Response._from_wsgi(wsgi)
    response = copy_response(result)
    forget_length(response)
    if not (isinstance(response, Response) and type(response._original_body) is list):
        response = encode_response(response, request._snapshot.encoders)
        own_stream(request, response)
    remember_length(response)
    check_response(response, request.environ)
    return response


def _as_object(request: Request, wsgi: WSGIResponse) -> Response:
    """Return the response as an object. The end of the request closes its body."""
    line, headers, body = wsgi
    return Response._from_wsgi(wsgi if type(body) is list else (line, headers, close_with_request(request, body)))
