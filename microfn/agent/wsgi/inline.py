"""The door to handles: a request becomes a call, which the thread of the request executes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, ServiceUnavailable

from ...http.request import Request
from ...http.response import Response
from ...http.types import Handle, Middleware, Params
from ..body import spool_body
from ..call import Call
from ..deadline import Deadline, nearest_deadline
from ..engine import Engine
from ..errors import Busy
from ..log import current_id
from ..turn import Turn
from .application import FunctionApp
from .calls import CALL_ID, CALL_ID_KEY, enclosing_turns, turns

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["inline"]

_MOST_IN_MEMORY = 64 * 1024
"""Bytes of a body that need no file."""


class _Refused(ServiceUnavailable):
    """The 503 of a call that was not executed, which names the call."""

    def __init__(self, call: Call, busy: Busy) -> None:
        super().__init__(busy.detail, retry_after=busy.retry_after)
        self.call = call

    def get_headers(self, environ: WSGIEnvironment | None = None, scope: Any = None) -> list[tuple[str, str]]:
        return [*super().get_headers(environ, scope), (CALL_ID, self.call.id)]


def inline(engine: Engine, *, timeout: float, tokens: int) -> Middleware:
    """Return the middleware of `Agent.inline`, which has checked these options."""
    admission = _Admission(engine, timeout, tokens)

    def middleware(handle: Handle[Response]) -> Handle[Response]:
        return lambda request, params: admission.respond(request, params, handle)

    return middleware


class _Admission:
    """Runs each request as a call of an agent, with tokens and a deadline."""

    def __init__(self, engine: Engine, timeout: float, tokens: int) -> None:
        self._engine = engine
        self._timeout = timeout
        self._tokens = tokens

    def respond(self, request: Request, params: Params, handle: Handle[Response]) -> Response:
        """Return the handle's response, in a turn of this agent: one that the request has already, or its own."""
        around = enclosing_turns(request.environ)
        turn = next((turn for turn in around if turn.engine is self._engine), None)
        if turn is not None:
            self._tighten(turn)
            request.deadline = nearest_deadline(*(turn.call.deadline for turn in around))
            return handle(request, params)
        if around:
            return self._respond_in_turn(request, params, handle, around)
        try:
            return self._respond_in_turn(request, params, handle, around)
        finally:
            request.call_on_close(_forget)  # the last, so that log records of other callbacks have the id

    def _respond_in_turn(
        self, request: Request, params: Params, handle: Handle[Response], around: tuple[Turn, ...]
    ) -> Response:
        turn = self._begin(request, around)
        turns.set((*around, turn))
        request.deadline = turn.call.deadline
        try:
            response = handle(request, params)
        except BaseException as error:  # a server's timeout, or a Control-C
            turn.close(error)
            raise
        if response.is_sequence:
            turn.close(request.error)
        else:
            request.call_on_close(lambda: turn.close(request.error))
        response.headers[CALL_ID] = turn.call.id
        return response

    def _begin(self, request: Request, around: tuple[Turn, ...]) -> Turn:
        deadline = self._deadline(request, around)
        call = Call(request.method, request.path, deadline=deadline, tokens=self._tokens, name=_name_of(request))
        if around:  # the request has one id
            call.id = around[0].call.id
        request.environ[CALL_ID_KEY] = call.id
        current_id.set(call.id)
        try:
            turn = self._engine.open(call)
            try:
                if self._engine.limiters and _receive_body(request):
                    call.deadline = self._deadline(request, around)  # time that the client took is the client's
                self._engine.admit(turn)
                call.start()
            except BaseException as error:
                turn.close(error)
                raise
        except Busy as busy:
            raise _Refused(call, busy) from None
        return turn

    def _deadline(self, request: Request, around: tuple[Turn, ...]) -> Deadline:
        """Return the deadline of a call here, or an earlier one of the calls around it."""
        key = self._engine.start_key
        own = self._engine.deadline(self._timeout, request.environ.get(key) if key else None)
        return nearest_deadline(own, *(turn.call.deadline for turn in around))

    def _tighten(self, turn: Turn) -> None:
        try:
            self._engine.tighten(turn, self._engine.deadline(self._timeout), self._tokens)
        except Busy as busy:
            raise _Refused(turn.call, busy) from None


def _receive_body(request: Request) -> bool:
    """Receive the body, so that a client that sends it slowly holds no tokens; return whether there was one.

    An invalid body, and one that is over the limit, fails when the handle reads it. Raises `Busy` if the machine has no
    room for it.
    """
    environ = request.environ
    if not (environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING")) or _is_read(request):
        return False
    try:
        body = spool_body(request.stream, most_in_memory=_MOST_IN_MEMORY)
    except HTTPException as error:
        request._fail_again(error)  # noqa: SLF001 - of the same package
        return True
    size = 0
    if body is not None:
        request.call_on_close(body.close)
        size = body.tell()
        body.seek(0)
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = body or io.BytesIO(), str(size)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    del request.stream  # it is opened again
    return True


def _is_read(request: Request) -> bool:
    return request._cached_data is not None or "stream" in request.__dict__  # noqa: SLF001 - of the same package


def _name_of(request: Request) -> str:
    """Return the name by which an inline call is counted: its handle's, never its path."""
    if request.route is None:
        return "-"
    handle = request.route.handle
    if isinstance(handle, FunctionApp):
        return handle.function.name
    name = getattr(handle, "__qualname__", None) or type(handle).__qualname__
    return f"{getattr(handle, '__module__', None) or type(handle).__module__}:{name}"


def _forget() -> None:
    turns.set(())
    current_id.set("-")
