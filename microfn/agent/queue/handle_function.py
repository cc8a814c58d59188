"""A handle that a worker executes in one of its threads. The call takes a deadline and a token, as inline calls do."""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from werkzeug.exceptions import HTTPException

from ...http.request import Request
from ...routing.handle import Handle, check_handle
from ..call import Call
from ..call_request import request_without_http
from ..engine import logger
from ..errors import CallError, Failed, TimedOut
from ..log import of_call
from ..wsgi.calls import CALL_ID_KEY, turns

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ..deadline import Deadline
    from ..engine import Engine
    from .record import QueuedCall

__all__ = ["TIMEOUT", "HandleFunction", "Response"]

TIMEOUT = 60.0
"""The default `timeout` of a handle, in seconds."""


class Response(NamedTuple):
    """The status and the headers of a response. The body was written to the `writer` of the call."""

    status: str
    headers: tuple[tuple[str, str], ...]


class HandleFunction:
    """A `handle(request, params)` that is executed in this process.

    Raises TypeError if it is not a handle, and ValueError if workers cannot import it.
    """

    def __init__(self, engine: Engine, handle: Handle) -> None:
        check_handle(handle)
        self.name = _name_of(handle)
        self._engine = engine
        self._handle = handle

    def __repr__(self) -> str:
        return f"<HandleFunction {self.name}>"

    def respond(self, queued: QueuedCall, executions: int, writer: IO[bytes]) -> Response:
        """Write the body of the response to `writer`, and return its head. `executions` includes this one.

        Raises `Busy` if the handle did not start, `Failed` if it raised an exception other than an HTTP exception, and
        `TimedOut` if it raised one after its deadline. A response after the deadline is still a result.
        """
        timeout = TIMEOUT if queued.timeout is None else queued.timeout
        engine = self._engine
        path = queued.path.partition("?")[0]
        call = Call(queued.method, path, deadline=engine.deadline(timeout), tokens=1, name=self.name)
        call.id = queued.id
        turn = engine.open(call)
        try:
            engine.admit(turn)
            call.start()
            token = turns.set((turn,))
            try:
                with of_call(call.id):
                    response = self._run_to_end(queued, executions, call.deadline, writer)
            finally:
                turns.reset(token)
        except BaseException as error:
            turn.close(error)
            raise
        call.status, call.headers = response.status, list(response.headers)
        turn.close()
        return response

    def _run_to_end(self, queued: QueuedCall, executions: int, deadline: Deadline, writer: IO[bytes]) -> Response:
        """Return the response, as `_run` does. A handle that calls `sys.exit` has failed: the worker goes on."""
        try:
            return self._run(queued, executions, deadline, writer)
        except Exception:
            raise
        except BaseException as error:
            logger.exception("%s ended its thread", self.name)
            raise _failure(error, deadline) from error

    def _run(self, queued: QueuedCall, executions: int, deadline: Deadline, writer: IO[bytes]) -> Response:
        from ...router import Router  # noqa: PLC0415 - only workers need it

        requests: list[Request] = []

        @functools.wraps(self._handle)
        def called(request: Request, _: object) -> Any:
            request.deadline = deadline
            requests.append(request)
            return self._handle(request, dict(queued.params))

        app = Router(max_content_length=None)
        app.use(lambda _: called)
        heads: list[Response] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Any:  # noqa: ARG001
            heads.append(Response(status, tuple(headers)))

        content = app(self._environ(queued, executions), cast("StartResponse", start_response))
        pieces = iter(content)
        try:
            while (piece := self._next(pieces, deadline)) is not None:
                writer.write(piece)
        finally:
            getattr(content, "close", lambda: None)()
        error = requests[0].error
        if isinstance(error, Exception) and not isinstance(error, HTTPException):  # an HTTP exception is a response
            raise _failure(error, deadline) from error
        return heads[0]

    def _environ(self, queued: QueuedCall, executions: int) -> WSGIEnvironment:
        ours = {"Fn-Call-Id": queued.id, "Fn-Attempt": str(executions)}
        request = request_without_http(queued.method, queued.path, {**queued.headers, **ours}, queued.params)
        headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers}
        content_type = headers.pop("HTTP_CONTENT_TYPE", "")
        return {
            **request.connection,
            **headers,
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": request.script_name,
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query,
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(queued.body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(queued.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            CALL_ID_KEY: queued.id,
            "FN_CALL_ID": queued.id,  # as in the environment of a cold function
            "microfn.route": self.name,
        }

    def _next(self, pieces: Iterator[bytes], deadline: Deadline) -> bytes | None:
        """Return the next piece of a body, or None at its end. A generator may run code of the handle here."""
        try:
            return next(pieces, None)
        except Exception as error:
            logger.exception("the response of %s broke off", self.name)
            raise _failure(error, deadline) from error


def _failure(error: BaseException, deadline: Deadline) -> CallError:
    name = type(error).__name__
    if isinstance(error, TimedOut) or deadline.is_over:
        return TimedOut(f"The handle raised {name} after its deadline.")
    return Failed(f"The handle raised {name}.")


def _name_of(handle: Handle) -> str:
    """Return `module:qualname`, the name of the handle in the store."""
    module, name = getattr(handle, "__module__", None), getattr(handle, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or name.endswith("<lambda>"):
        raise ValueError(f"function must have a module and a name for stored calls, got {handle!r:.200}")
    if module == "__main__":
        raise ValueError(f"function must be in a module that workers can import, got {handle!r:.200} of __main__")
    return f"{module}:{name}"
