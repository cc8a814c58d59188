"""The agent's door to requests for functions: each call is a process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable, abort

from ..http.headers import Headers, validate_headers
from ..http.problems import error_page
from ..http.request import Request
from ..log import log_exception
from .call import Call
from .cgi import body_of, metavariables
from .errors import Busy, CallError, Failed
from .execution import Execution
from .function import Function
from .log import of_call
from .reply import Reply, read_reply
from .wsgi import CALL_ID, slots

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from .agent import Agent

__all__ = ["Cold"]


class Cold:
    """A function, which is a WSGI application to be mounted, and the handle of a route too. `Agent.cold` makes it."""

    def __init__(self, agent: Agent, function: Function, *, max_content_length: int) -> None:
        self.agent = agent
        self.function = function
        self._key = f"HTTP_{agent.start_header.upper().replace('-', '_')}" if agent.start_header else ""
        self._max_content_length = max_content_length

    def __repr__(self) -> str:
        return f"<Cold {' '.join(self.function.argv)}>"

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer a request: `(environ, start_response)` of WSGI, or `(request, params)` of a route."""
        if isinstance(environ, Request):
            # The handler of an error gets the error in the place of params.
            params = start_response if isinstance(start_response, Mapping) else None
            return _Bound(self, params, self._limit_of(environ), environ._cached_data)  # noqa: SLF001 - of a middleware
        return self.answer(environ, start_response, None, self._max_content_length)

    def answer(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        params: Mapping[str, Any] | None,
        most: int,
        body: bytes | None = None,
    ) -> Iterable[bytes]:
        """The function's answer to a body of so many bytes at most, or an error page that names the call.

        `body` is one that has been read already.
        """
        request = Request(environ)
        request.max_content_length = most
        call = Call(request.method, request.path, deadline=self.agent.deadline(self.function.timeout))
        around = _calls_around(environ)
        if around:
            call.id = around[0].id  # the request has one
        environ["microfn.call_id"] = call.id
        try:
            with of_call(call.id):
                call.body = body_of(request.stream if body is None else body)
                answer, status, headers = self._run(call, request, params, around)
        except Exception as error:
            if call.submitted_at is None:  # its body was not to be had
                with of_call(call.id):
                    self.agent.refuse(call, error)
            return _refuse(error, call, environ, start_response)
        try:
            start_response(status, headers)
        except BaseException:
            answer.close()
            raise
        return answer

    def _limit_of(self, request: Request) -> int:
        """The bytes that a body may have: its route may say fewer."""
        said = None if request.route is None else request.route.max_content_length
        return self._max_content_length if said is None else min(said, self._max_content_length)

    def _run(
        self, call: Call, request: Request, params: Mapping[str, Any] | None, around: list[Call]
    ) -> tuple[_Body, str, Headers]:
        """Have the function run, until it is known how its answer begins."""
        environ = request.environ
        call.function = self.function
        call.memory = self.function.memory
        call.environ = metavariables(environ, params)
        deadline = self.agent.deadline(self.function.timeout, environ.get(self._key) if self._key else None)
        call.deadline = min([deadline, *(one.deadline for one in around)], key=lambda one: one.end)
        execution = self.agent.run(call)
        try:
            reply = read_reply(self.function, call.method, execution.read)
            call.status, call.headers = reply.status, reply.headers
            headers = [pair for pair in reply.headers if pair[0].lower() != CALL_ID.lower()] + [(CALL_ID, call.id)]
            _check(reply.status, headers)
        except BaseException as error:
            execution.close(error)
            raise
        return _Body(call, execution, reply), reply.status, headers


class _Bound:
    """A function with the params of a route, as the answer of its handle."""

    def __init__(self, cold: Cold, params: Mapping[str, Any] | None, most: int, body: bytes | None) -> None:
        self._cold = cold
        self._params = params
        self._most = most
        self._body = body

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._cold.answer(environ, start_response, self._params, self._most, self._body)


class _Body:
    """What a function answers, as it comes; closing it ends the call."""

    def __init__(self, call: Call, execution: Execution, reply: Reply) -> None:
        self._id = call.id
        self._execution = execution
        self._pieces: Iterator[bytes] = reply.body
        self._is_whole = False
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = next(self._pieces)
        except StopIteration:
            self._is_whole = True
            if self._execution.has_ended:
                self.close()
            raise
        except BaseException as error:
            self._error = error
            self.close()
            raise
        return piece

    def close(self) -> None:
        """End the call: what has been answered to its end may end by itself, what nobody waits for is killed."""
        try:
            if self._is_whole:
                self._execution.finish()
        finally:
            with of_call(self._id):
                self._execution.close(self._error)


def _calls_around(environ: WSGIEnvironment) -> list[Call]:
    """The calls that this request is already, by agents' middleware."""
    found = [slot.call for slot in slots.get()]
    return found if found and found[0].id == environ.get("microfn.call_id") else []


def _refuse(error: Exception, call: Call, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The error page of a call that came to nothing. What nobody foresaw is logged, and told to nobody."""
    if not isinstance(error, (CallError, HTTPException)):
        log_exception(error, environ)
    line, headers, content = error_page(_told(error), environ)
    start_response(line, [*headers, (CALL_ID, call.id)])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else content


def _told(error: Exception) -> HTTPException:
    """The error as HTTP has it."""
    if isinstance(error, HTTPException):
        return error
    if isinstance(error, Busy):
        return ServiceUnavailable(error.detail, retry_after=error.retry_after)
    if not isinstance(error, CallError):
        return InternalServerError()
    try:
        abort(error.status, error.detail)
    except HTTPException as told:
        return told


def _check(status: str, headers: Headers) -> None:
    try:
        validate_headers(status, headers)
    except (ValueError, TypeError) as error:
        raise Failed("The function answered with what cannot be sent.", str(error)) from error
