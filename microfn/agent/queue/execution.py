"""One execution of a queued call. Its result is an outcome, or another execution later."""

from __future__ import annotations

import io
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import Busy, CallError, Failed, Refused, Stopped, TimedOut, TooLarge
from .handle_function import HandleFunction
from .record import Outcome, QueuedCall

if TYPE_CHECKING:
    from ..call import Call
    from .queued import Queued

__all__ = ["LARGEST", "Again", "backoff", "execute"]

LARGEST = 16 * 1024 * 1024
"""Largest response in bytes, since a response is one row of the store."""
_FIRST, _LONGEST, _BUSY = 1.0, 300.0, 1.0
logger = logging.getLogger("microfn.agent")


class Again(NamedTuple):
    """The record that queues a call again, and the delay in seconds."""

    call: QueuedCall
    delay: float


class _TooLong(Exception):
    pass


class _Bounded(io.BytesIO):
    """A response in memory, up to a limit."""

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        if self.tell() + len(data) > LARGEST:
            raise _TooLong
        return super().write(data)


def execute(
    agent: Any,
    functions: Mapping[str, Queued],
    call: QueuedCall,
    *,
    executions: int,
    losses: int,
    clock: Callable[[], float] = time.time,
) -> Outcome | Again:
    """Execute a call with an `Agent`.

    `executions` includes this one. `losses` counts the executions that lost their worker. `clock` is for tests.
    """
    now = clock()
    refused = _refused(call, executions - 1, losses, now)
    if refused is not None:
        return refused
    attempt = _Attempt(call, executions, now, clock)
    try:
        return attempt.submit(agent, functions)
    except Busy as busy:  # the function did not start, so this is no execution
        changes = {"executions": executions - 1, "losses": losses}
        return Again(call.again(**changes), max(_BUSY, min(_LONGEST, float(busy.retry_after))))
    except _TooLong:
        return attempt.outcome("error", f"The response must have at most {LARGEST} bytes.")
    except (TooLarge, Refused) as error:  # each other execution would be refused too
        return attempt.outcome("error", error.detail)
    except Stopped:  # this worker is being stopped
        return Again(call.again(executions=executions, losses=losses, started_at=attempt.started), _FIRST)
    except CallError as error:
        state, message = "timeout" if isinstance(error, TimedOut) else "error", error.detail
    except Exception as error:
        logger.exception("call %s of %s could not be executed", call.id, call.function)
        state, message = "error", f"The call could not be executed: {type(error).__name__}."
    failed = {
        "executions": executions,
        "losses": losses,
        "started_at": attempt.started,
        "state": state,
        "error": message,
    }
    failures = call.failures + 1
    if failures > call.retries:
        return attempt.outcome(state, message)
    return Again(call.again(**failed, failures=failures), backoff(failures))


def _refused(call: QueuedCall, executions: int, losses: int, now: float) -> Outcome | None:
    """Return an outcome if the call has lost too many workers or has expired. Otherwise return None."""
    if losses > call.retries:
        times = f"{losses} execution{'s' if losses > 1 else ''}"
        state, error = "dead", f"The worker was lost during {times}."
    elif now < call.expires_at:
        return None
    elif call.failures:
        state, error = call.state, call.error or ""
    else:
        state, error = "expired", "No worker executed the call in time."
    return Outcome(state, executions, call.started_at, now, error)


class _Attempt:
    """One execution, with the data for its outcome if it fails."""

    def __init__(self, call: QueuedCall, executions: int, now: float, clock: Callable[[], float]) -> None:
        self._call = call
        self._executions = executions
        self._clock = clock
        self._submitted: Call | None = None
        self.started = now if call.started_at is None else call.started_at

    def submit(self, agent: Any, functions: Mapping[str, Queued]) -> Outcome:
        """Run the function. Raise the errors of `Agent.submit`, and `Failed` if the function is unknown."""
        call = self._call
        function = functions.get(call.function)
        if function is None:
            raise Failed(f"The agent has no queued function {call.function!r:.200}.")
        writer = _Bounded()
        if isinstance(function.function, HandleFunction):
            return self._success(*function.function.respond(call, self._executions, writer), writer)
        self._submitted = submitted = agent.get_call(
            call.method,
            call.path,
            function=function.function,
            body=call.body,
            headers={**call.headers, "Fn-Attempt": str(self._executions)},
            params=call.params,
            writer=writer,
            timeout=call.timeout,
        )
        submitted.id, submitted.attempt = call.id, self._executions
        agent.submit(submitted)
        return self._success(submitted.status, submitted.headers, writer)

    def _success(self, status: str | None, headers: Iterable[tuple[str, str]], writer: io.BytesIO) -> Outcome:
        return replace(self.outcome("success"), status=status, headers=tuple(headers), body=writer.getvalue())

    def outcome(self, state: str, error: str | None = None) -> Outcome:
        """Return the end of the call in this execution."""
        log = b"" if self._submitted is None else self._submitted.log
        return Outcome(state, self._executions, self.started, self._clock(), error, log=log)


def backoff(failures: int) -> float:
    """Return the seconds before the next execution: 1, 2, 4, … up to 300, each with a jitter of 20 %.

    >>> 1.6 <= backoff(2) <= 2.4
    True
    """
    return min(_LONGEST, _FIRST * 2.0 ** min(failures - 1, 30)) * random.uniform(0.8, 1.2)  # noqa: S311  # nosec B311
