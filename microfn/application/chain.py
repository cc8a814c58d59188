"""Middleware, composed: each gets a handle that always returns a Response and never raises."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from werkzeug.wrappers import Response as WerkzeugResponse

from ..http.conversion import to_wsgi
from ..http.headers import WSGIResponse
from ..http.request import Request
from ..http.response import Response, copy_response
from ..http.streams import close_with_request, own_stream
from ..routing.handle import Handle, Middleware, wrap
from .error_response import handle_error
from .fallback import fallback

__all__ = ["compose"]

new_object = object.__new__


def compose(middleware: Iterable[Middleware]) -> Handle:
    """The handle that is called for every request of a scope; the first middleware is the outermost.

    Innermost is the handle of the route, or the fallback if there is no route.
    """
    handle: Handle = _innermost
    for number, layer in enumerate(reversed(list(middleware))):
        handle = wrap(handle if number == 0 else _guarded(handle), layer)
    return handle


def _innermost(request: Request, params: Any) -> WerkzeugResponse:
    """Call the route's handle, or the fallback if there is no route. Every outcome is a Response."""
    snapshot, route = request._snapshot, request.route
    try:
        if route is None:
            return _as_object(request, fallback(snapshot, request.environ, request._miss, request))
        result = route.run(request, params)
        encode = snapshot.encoders.get(type(result))
        if encode is None:
            return _as_response(request, result, route.handle)
        wsgi = encode(result)
    except Exception as error:
        return _as_object(request, handle_error(snapshot, request, error))
    # PERF: `Response._from_wsgi`, in place of a call.
    response = new_object(Response)
    response._wsgi = wsgi
    return response


def _guarded(handle: Handle) -> Handle:
    """The same for the handle that a middleware returned, as the next one outside of it sees it."""

    def guarded(request: Request, params: Any) -> WerkzeugResponse:
        try:
            return _as_response(request, handle(request, params), handle)
        except Exception as error:
            return _as_object(request, handle_error(request._snapshot, request, error))

    return guarded


def _as_response(request: Request, result: Any, origin: object) -> WerkzeugResponse:
    if not isinstance(result, WerkzeugResponse):
        return _as_object(
            request, to_wsgi(result, request.environ, request._snapshot.encoders, origin=origin, is_final=False)
        )
    response = copy_response(result)
    if not (isinstance(response, Response) and type(response._original_body) is list):
        own_stream(request, response)
    return response


def _as_object(request: Request, wsgi: WSGIResponse) -> Response:
    """Return the response as an object whose body is closed with the request."""
    line, headers, body = wsgi
    return Response._from_wsgi(wsgi if type(body) is list else (line, headers, close_with_request(request, body)))
