"""Middleware, composed: each gets a handle that always returns a Response and never raises."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from werkzeug.wrappers import Response as WerkzeugResponse

from .answer import Stream, answer, close
from .handle import Handle, Middleware, wrap
from .misses import instead
from .recovery import recover
from .request import Request
from .response import Response

__all__ = ["compose"]

new_object = object.__new__


def compose(middleware: Iterable[Middleware]) -> Handle:
    """The handle that is called for every request of a scope; the first middleware is the outermost.

    What stands within it is told by the request: the handle of its route, or what is answered where there is none.
    """
    handle: Handle = _innermost
    for number, one in enumerate(reversed(list(middleware))):
        handle = wrap(handle if number == 0 else _guarded(handle), one)
    return handle


def _innermost(request: Request, params: Any) -> WerkzeugResponse:
    """What the route's handle answers, or what is answered without a route: every outcome is a Response."""
    site, route = request.site, request.route
    try:
        if route is None:
            return Response.of(instead(site, request.environ, request.miss, request))
        result = route.run(request, params)
        encode = site.encoders.get(type(result))
        if encode is None:
            return _as_response(request, result, route.handle)
        made = encode(result)
    except Exception as error:
        made = recover(site, request, error)
    # PERF: Response.of, made in place.
    response = new_object(Response)
    response._made = made  # noqa: SLF001
    return response


def _guarded(handle: Handle) -> Handle:
    """The same for the handle that a middleware returned, as the next one outside of it sees it."""

    def guarded(request: Request, params: Any) -> WerkzeugResponse:
        try:
            return _as_response(request, handle(request, params), handle)
        except Exception as error:
            return Response.of(recover(request.site, request, error))

    return guarded


def _as_response(request: Request, result: Any, origin: object) -> WerkzeugResponse:
    if isinstance(result, WerkzeugResponse):
        response = result
    else:
        made = answer(result, request.environ, request.site.encoders, origin=origin, is_final=False)
        response = Response.of(made)
    own = response.own_body if isinstance(response, Response) else None
    if own is None:
        _tie(request, response)
    elif type(own) is not list:
        _close_at_end(request, own)
    return response


def _close_at_end(request: Request, body: object) -> None:
    """Close a body with the request, whoever drops the response that it is of."""
    if hasattr(body, "close") and body.close not in request.on_close:
        request.call_on_close(body.close)


def _tie(request: Request, response: WerkzeugResponse) -> None:
    """Begin a stream, so that its failure is seen here; and close what is open with the request, whoever drops it."""
    body = response.response
    callbacks, response._on_close = response._on_close, []  # noqa: SLF001 - there is no other way to take them over
    if isinstance(body, Stream) or response.is_sequence or response.direct_passthrough:
        for callback in callbacks:
            request.call_on_close(callback)
        _close_at_end(request, body)
        return
    owner = ExitStack()
    for callback in reversed(callbacks):
        owner.callback(callback)
    owner.callback(close, body)
    stream = Stream(body, owner)
    response.response = stream
    _close_at_end(request, stream)
