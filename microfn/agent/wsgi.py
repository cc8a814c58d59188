"""The agent's door to requests: calls that are executed by a handle, in the thread of the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import ServiceUnavailable

from ..handle import Handle, Middleware
from ..request import Request
from ..response import Response
from .call import Call
from .errors import Busy
from .log import current
from .slot import Slot

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from .agent import Agent

__all__ = ["CALL_ID", "inline"]

CALL_ID = "Fn-Call-Id"


class _Refused(ServiceUnavailable):
    """The 503 of a call that was not executed, which names the call."""

    def __init__(self, call: Call, busy: Busy) -> None:
        super().__init__(busy.detail, retry_after=busy.retry_after)
        self.call = call

    def get_headers(self, environ: WSGIEnvironment | None = None, scope: Any = None) -> list[tuple[str, str]]:
        return [*super().get_headers(environ, scope), (CALL_ID, self.call.id)]


def inline(agent: Agent, *, timeout: float, tokens: int) -> Middleware:
    """`Agent.inline`, which has checked what it was given."""
    name = agent.start_header
    key = f"HTTP_{name.upper().replace('-', '_')}" if name else ""

    def enter(request: Request) -> Slot:
        deadline = agent.deadline(timeout, request.environ.get(key) if key else None)
        call = Call(request.method, request.path, deadline=deadline, tokens=tokens)
        request.environ["microfn.call_id"] = call.id
        try:
            slot = agent.enter(call)
        except Busy as busy:
            raise _Refused(call, busy) from None
        current.set(slot)
        return slot

    def middleware(handle: Handle) -> Handle:
        def admitted(request: Request, params: Any) -> Response:
            slot = _outer_slot(agent, request)
            if slot is not None:
                try:
                    agent.narrow(slot, agent.deadline(timeout), tokens)
                except Busy as busy:
                    raise _Refused(slot.call, busy) from None
                request.deadline = slot.call.deadline
                return handle(request, params)  # type: ignore[no-any-return]
            slot = enter(request)
            request.deadline = slot.call.deadline
            try:
                response: Response = handle(request, params)
            except BaseException as error:  # a server's timeout, or a Control-C
                slot.close(error)
                current.set(None)
                raise
            if response.is_sequence:
                slot.close(request.error)
            else:
                request.call_on_close(lambda: slot.close(request.error))
            request.call_on_close(lambda: current.set(None))  # the last, so that what others log at the end has the id
            response.headers[CALL_ID] = slot.call.id
            return response

        return admitted

    return middleware


def _outer_slot(agent: Agent, request: Request) -> Slot | None:
    """The slot that the call has already, from this agent's middleware around this one."""
    slot = current.get()
    is_mine = slot is not None and slot.agent is agent and slot.call.id == request.environ.get("microfn.call_id")
    return slot if is_mine else None
