"""The agent's door to requests: calls that are executed by a handle, in the thread of the request."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import ServiceUnavailable

from ..http.request import Request
from ..http.response import Response
from ..http.types import Handle, Middleware, Params
from .call import Call
from .errors import Busy
from .log import current_id
from .slot import Slot

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from .agent import Agent

__all__ = ["CALL_ID", "inline"]

CALL_ID = "Fn-Call-Id"
slots: ContextVar[tuple[Slot, ...]] = ContextVar("microfn.slots", default=())
"""What the request has that a thread is answering, the outermost first."""


class _Refused(ServiceUnavailable):
    """The 503 of a call that was not executed, which names the call."""

    def __init__(self, call: Call, busy: Busy) -> None:
        super().__init__(busy.detail, retry_after=busy.retry_after)
        self.call = call

    def get_headers(self, environ: WSGIEnvironment | None = None, scope: Any = None) -> list[tuple[str, str]]:
        return [*super().get_headers(environ, scope), (CALL_ID, self.call.id)]


def inline(agent: Agent, *, timeout: float, tokens: int) -> Middleware:
    """`Agent.inline`, which has checked what it was given."""
    door = _Door(agent, timeout, tokens)

    def middleware(handle: Handle[Response]) -> Handle[Response]:
        return lambda request, params: door.admit(request, params, handle)

    return middleware


class _Door:
    """Where requests become calls of an agent."""

    def __init__(self, agent: Agent, timeout: float, tokens: int) -> None:
        self._agent = agent
        self._timeout = timeout
        self._tokens = tokens
        name = agent.start_header
        self._key = f"HTTP_{name.upper().replace('-', '_')}" if name else ""

    def admit(self, request: Request, params: Params, handle: Handle[Response]) -> Response:
        """What the handle answers, in a slot of the agent's: one that the request has already, or one of its own."""
        outer = _slots_of(request)
        slot = next((one for one in outer if one.agent is self._agent), None)
        if slot is not None:
            self._narrow(slot)
            request.deadline = slot.call.deadline
            return handle(request, params)
        if outer:
            return self._answer(request, params, handle, outer)
        try:
            return self._answer(request, params, handle, outer)
        finally:
            request.call_on_close(_forget)  # the last, so that what others log at the end has the id

    def _answer(self, request: Request, params: Params, handle: Handle[Response], outer: tuple[Slot, ...]) -> Response:
        slot = self._enter(request, outer)
        slots.set((*outer, slot))
        request.deadline = slot.call.deadline
        try:
            response = handle(request, params)
        except BaseException as error:  # a server's timeout, or a Control-C
            slot.close(error)
            raise
        if response.is_sequence:
            slot.close(request.error)
        else:
            request.call_on_close(lambda: slot.close(request.error))
        response.headers[CALL_ID] = slot.call.id
        return response

    def _enter(self, request: Request, outer: tuple[Slot, ...]) -> Slot:
        deadline = self._agent.deadline(self._timeout, request.environ.get(self._key) if self._key else None)
        call = Call(request.method, request.path, deadline=deadline, tokens=self._tokens)
        if outer:  # another agent's: the request has one id
            call.id = outer[0].call.id
        request.environ["microfn.call_id"] = call.id
        current_id.set(call.id)
        try:
            return self._agent.enter(call)
        except Busy as busy:
            raise _Refused(call, busy) from None

    def _narrow(self, slot: Slot) -> None:
        try:
            self._agent.narrow(slot, self._agent.deadline(self._timeout), self._tokens)
        except Busy as busy:
            raise _Refused(slot.call, busy) from None


def _slots_of(request: Request) -> tuple[Slot, ...]:
    """The slots that this request has already, from agents' middleware around this one; the outermost is the first."""
    found = slots.get()
    return found if found and found[0].call.id == request.environ.get("microfn.call_id") else ()


def _forget() -> None:
    slots.set(())
    current_id.set("-")
