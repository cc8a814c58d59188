"""The door to functions: a request becomes a call, which a process answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from socket import socket
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable, abort

from ...http.problems import error_page
from ...http.request import Request
from ...log import log_exception
from ..body import spool_body
from ..call import Call
from ..call_request import request_from_environ
from ..deadline import Deadline, nearest_deadline
from ..driver import Head
from ..engine import AdmittedExecution, Engine
from ..errors import Busy, CallError
from ..functions.function import Function
from ..log import of_call
from ..turn import Turn
from .calls import CALL_ID, CALL_ID_KEY, enclosing_turns
from .gate import read_valid_head

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["FunctionApp"]


class FunctionApp:
    """A function as a WSGI application to mount, and as the handle of a route. `Agent.cold` returns one."""

    def __init__(self, engine: Engine, function: Function, *, max_content_length: int) -> None:
        self.function = function
        self._engine = engine
        self._max_content_length = max_content_length

    def __repr__(self) -> str:
        return f"<FunctionApp {ascii(' '.join(self.function.program.argv))[1:-1]:.300}>"

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer a request: `(environ, start_response)` of WSGI, or `(request, params)` of a route."""
        if isinstance(environ, Request):
            # An error handler gets the error instead of params.
            params = start_response if isinstance(start_response, Mapping) else None
            return _BoundFunction(self, params, self._limit_of(environ), environ._cached_data)  # noqa: SLF001
        return self._respond(environ, start_response, None, self._max_content_length, None)

    def _limit_of(self, request: Request) -> int:
        """Return the bytes that a body may have: its route, or else its Router, may allow fewer."""
        limit = request._body_limit()  # noqa: SLF001 - of the same package
        return self._max_content_length if limit is None else min(limit, self._max_content_length)

    def _respond(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        params: Mapping[str, Any] | None,
        max_content_length: int,
        body: bytes | None,
    ) -> Iterable[bytes]:
        """Return the function's response, or an error page with the call's id. `body` was read before if given."""
        request = Request(environ)
        request.max_content_length = max_content_length
        around = enclosing_turns(environ)
        inline = next((turn for turn in around if turn.engine is self._engine and turn.call.function is None), None)
        call = Call(request.method, request.path, deadline=self._deadline(environ)) if inline is None else inline.call
        if around:
            call.id = around[0].call.id  # the request has one id
        environ[CALL_ID_KEY] = call.id
        call.name, call.function, call.limits = self.function.name, self.function, self.function.limits
        call.request = request_from_environ(environ, params)
        call.client = _connection(environ)
        with of_call(call.id):
            try:
                head, response = self._run(call, inline, request, body)
            except Exception as error:
                return _respond_with_error(error, call, environ, start_response)
        try:
            start_response(head.status, head.headers)
        except BaseException:
            response.close()
            raise
        return response

    def _deadline(self, environ: WSGIEnvironment) -> Deadline:
        """Return the function's deadline, or an earlier one of the calls around this one."""
        key = self._engine.start_key
        own = self._engine.deadline(self.function.timeout, environ.get(key) if key else None)
        return nearest_deadline(own, *(turn.call.deadline for turn in enclosing_turns(environ)))

    def _run(self, call: Call, inline: Turn | None, request: Request, body: bytes | None) -> tuple[Head, _Body]:
        """Run the call until the head of its response is there.

        An inline call of the same agent around the function is the same call: it is admitted already.
        """
        turn = self._engine.open(call) if inline is None else inline
        try:
            call.started_at = None
            call.body = spool_body(request.stream if body is None else body)
            call.deadline = self._deadline(request.environ)  # time that the client takes for its body is the client's
            run = self._engine.run if inline is None else self._engine.run_admitted
            execution = run(turn)
        except BaseException as error:
            turn.close(error)
            raise
        try:
            status, headers = read_valid_head(execution)
            headers = [pair for pair in headers if pair[0].lower() != CALL_ID.lower()] + [(CALL_ID, call.id)]
        except BaseException as error:
            execution.close(error)
            raise
        return Head(status, headers), _Body(execution)


class _BoundFunction:
    """A function with the params of a route, as the return value of its handle."""

    def __init__(
        self, app: FunctionApp, params: Mapping[str, Any] | None, max_content_length: int, body: bytes | None
    ) -> None:
        self._app = app
        self._options = (params, max_content_length, body)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._app._respond(environ, start_response, *self._options)  # noqa: SLF001 - one object in two halves


class _Body:
    """The body of a function's response, as it comes; closing it ends the call."""

    def __init__(self, execution: AdmittedExecution) -> None:
        self._execution = execution
        self._is_whole = False
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = self._execution.read()
        except BaseException as error:
            self._error = error
            self.close()
            raise
        if not piece:
            self._is_whole = True
            if self._execution.has_ended:
                self.close()
            raise StopIteration
        return piece

    def close(self) -> None:
        """End the call: let the function finish after a whole response, else kill it."""
        try:
            if self._is_whole:
                self._execution.finish()
        finally:
            with of_call(self._execution.call.id):
                self._execution.close(self._error)


def _connection(environ: WSGIEnvironment) -> int | None:
    """Return the descriptor of the client's connection, if the server is gunicorn or werkzeug's."""
    connection = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    return connection.fileno() if isinstance(connection, socket) else None


def _respond_with_error(
    error: Exception, call: Call, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Return the error page of a call without a response. An unexpected error is logged, and not shown."""
    if not isinstance(error, (CallError, HTTPException)):
        log_exception(error, environ)
    status, headers, content = error_page(_as_http_exception(error), environ)
    start_response(status, [*headers, (CALL_ID, call.id)])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else content


def _as_http_exception(error: Exception) -> HTTPException:
    if isinstance(error, HTTPException):
        return error
    if isinstance(error, Busy):
        return ServiceUnavailable(error.detail, retry_after=error.retry_after)
    if not isinstance(error, CallError):
        return InternalServerError()
    try:
        abort(error.status, error.detail)
    except HTTPException as http_error:
        return http_error
