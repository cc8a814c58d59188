"""The engine of an agent: it admits calls, runs those of functions, and knows all that have not ended."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ..fork import register_fork_reset
from ..log import escape, indented
from .admission.limiter import Limiter
from .admission.machine_limiter import MachineLimiter
from .call import Call
from .counts import Counts
from .deadline import Deadline, began_at, nearest_deadline
from .driver import Driver, Execution, Head
from .errors import Closed, Failed, Stopped, TimedOut
from .functions.function import Function
from .turn import Turn
from .watchdog import Watchdog

__all__ = ["AdmittedExecution", "Engine"]

Hook = TypeVar("Hook", bound=Callable[[Call], object])
_LOOK_AGAIN = 0.01
"""Seconds between two looks at whether the last call has ended."""
logger = logging.getLogger("microfn.agent")
logger.addFilter(escape)


class Engine:
    """The admission and execution of calls, without HTTP.

    `limiters` have the tokens, of this process and of the machine. `start_header` is the header in which a proxy says
    when a request began, `longest_wait` how many seconds a call may wait.
    """

    def __init__(
        self, limiters: list[Limiter | MachineLimiter], *, start_header: str | None, longest_wait: float
    ) -> None:
        self.limiters = limiters
        self.start_key = f"HTTP_{start_header.upper().replace('-', '_')}" if start_header else ""
        self._longest_wait = longest_wait
        self._drivers: dict[Function, Driver] = {}
        self._before: list[Callable[[Call], object]] = []
        self._after: list[Callable[[Call], object]] = []
        self.reset_after_fork()
        register_fork_reset(self)
        self._watchdog = Watchdog(self._release_overdue)
        self._is_watched = any(isinstance(limiter, MachineLimiter) for limiter in limiters)
        for limiter in limiters:
            limiter.reclaim_with(self._release_overdue)

    def reset_after_fork(self) -> None:
        """Forget the parent's calls, in a child that was forked."""
        self._is_closed = False
        self.has_killed = False
        self._running: set[Turn] = set()
        self._counts = Counts()
        for function in self._drivers:
            self._counts.add_name(function.name)
        self._lock = threading.Lock()

    # Functions and hooks, before the first call

    def register(self, function: Function, driver: Driver) -> None:
        """Have the calls of a function run by this driver. Raises ValueError if it could never run them."""
        driver.prepare(function)
        self._drivers[function] = driver
        self._counts.add_name(function.name)

    @property
    def functions(self) -> list[Function]:
        """The functions that are registered."""
        return [*self._drivers]

    def before_call(self, hook: Hook) -> Hook:
        """Call this with each call before it starts."""
        self._before.append(_check_hook(hook))
        return hook

    def after_call(self, hook: Hook) -> Hook:
        """Call this with each call that has ended."""
        self._after.append(_check_hook(hook))
        return hook

    # The way of a call

    def deadline(self, timeout: float, start: str | None = None) -> Deadline:
        """Return the deadline of a call with so many seconds, which began now or when a proxy's header says."""
        now = time.monotonic()
        began = began_at(start, clock=time.time(), now=now) if start else now
        return Deadline(began, timeout, self._longest_wait)

    def open(self, call: Call) -> Turn:
        """Return the turn of a call that has come, before anything of its body is read. `close` waits for it.

        Raises `Closed`, `Busy` if too much of its time has gone, the certain errors of its driver, and RuntimeError if
        the call was submitted before.
        """
        driver = None if call.function is None else self.driver_of(call)
        call.submit()
        turn = Turn(call, self, self._leave)
        try:
            with self._lock:
                if self._is_closed:
                    raise Closed("The server is being stopped.")
                self._running.add(turn)
            call.check_start()
            if driver is not None:
                driver.check(call)
        except BaseException as error:
            turn.close(error)
            raise
        return turn

    def admit(self, turn: Turn) -> None:
        """Acquire the tokens of a call, as soon as they are free, and run the hooks.

        `Call.start` is left to whatever executes the call, since a function waits for memory too. Raises `Busy`,
        `TooLarge` and the errors of hooks.
        """
        self._acquire(turn)
        for hook in self._before:
            hook(turn.call)

    def tighten(self, turn: Turn, deadline: Deadline, tokens: int) -> None:
        """Give a call other tokens, and a deadline that is no later than this. Raises `Busy`, as `admit` does.

        The call waits with empty hands, or calls with tokens could wait for each other.
        """
        call = turn.call
        call.deadline = nearest_deadline(call.deadline, deadline)
        turn.release()
        call.tokens = tokens
        self._acquire(turn)

    def run_call(self, call: Call) -> AdmittedExecution:
        """Open the turn of a call, and run it. Raises the errors of `open` and `run`."""
        turn = self.open(call)
        try:
            return self.run(turn)
        except BaseException as error:
            turn.close(error)
            raise

    def run(self, turn: Turn) -> AdmittedExecution:
        """Admit a call of a function, and have its driver run it. Raises the errors of `admit` and `Driver.run`."""
        self.admit(turn)
        return self.run_admitted(turn)

    def run_admitted(self, turn: Turn) -> AdmittedExecution:
        """Have a driver run a call that is admitted already. Raises the errors of `Driver.run`."""
        return AdmittedExecution(self, turn, self.driver_of(turn.call).run(turn.call))

    def driver_of(self, call: Call) -> Driver:
        """Return the driver of a call's function. Raises TypeError if this agent has no such function."""
        driver = None if call.function is None else self._drivers.get(call.function)
        if driver is None:
            raise TypeError(f"{call!r} has no function of this agent")
        return driver

    def _acquire(self, turn: Turn) -> None:
        call = turn.call
        call.check_start()
        for limiter in self.limiters if call.tokens else ():
            turn.hold(limiter.acquire(call.tokens, call.deadline.latest_start))
        if self._is_watched and call.tokens:
            self._watchdog.watch(call.deadline.end)

    def _release_overdue(self) -> float:
        """Release the tokens of calls whose time is up, since a client may read slowly; return the next end of one."""
        following = math.inf
        for turn in list(self._running):
            if turn.call.deadline.is_over:
                turn.release()
            elif turn.holds_tokens:
                following = min(following, turn.call.deadline.end)
        return following

    def _leave(self, turn: Turn, error: BaseException | None) -> None:
        turn.release()
        call = turn.call
        call.end(error)
        self._counts.add(call)
        if isinstance(error, (Failed, TimedOut)):
            reason = f" ({ascii(error.reason)[1:-1]:.300})" if error.reason else ""
            logger.warning("call %s of %r: %s%s", call.id, call.function or call.name, error.detail, reason)
        try:
            for hook in self._after:
                _run_hook(hook, call)
        finally:
            with self._lock:
                self._running.discard(turn)

    # All calls together

    @property
    def running(self) -> int:
        """How many calls of this process have not ended."""
        return len(self._running)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many calls wait and run now, and how many have ended in each way, by function."""
        return self._counts.with_calls(turn.call for turn in list(self._running))

    def close(self, timeout: float | None) -> bool:
        """Refuse new calls, wait until all others have ended or for so many seconds, and kill the rest.

        Return whether all had ended.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        with self._lock:
            self._is_closed = True
        # A condition that was made before gevent's patches would stop all greenlets, and so would never come true.
        while self._running and time.monotonic() < end:
            time.sleep(_LOOK_AGAIN)
        has_ended = not self._running
        self.has_killed = True
        for driver in set(self._drivers.values()):
            driver.close()
        return has_ended


class AdmittedExecution:
    """A call that has its turn and is being answered. Its turn ends when it is closed, after its function."""

    def __init__(self, engine: Engine, turn: Turn, execution: Execution) -> None:
        self._engine = engine
        self._turn = turn
        self._execution = execution
        self.call = turn.call

    def read_head(self) -> Head:
        """Return the head of the response, which the call has from now on. Raises `Failed` and `TimedOut`."""
        with self._stopped_if_killed():
            head = self._execution.read_head()
        self.call.status, self.call.headers = head
        return head

    def read(self) -> bytes:
        """Return the next piece of the body, nothing at its end. Raises `Failed` and `TimedOut`."""
        with self._stopped_if_killed():
            return self._execution.read()

    @contextmanager
    def _stopped_if_killed(self) -> Iterator[None]:
        try:
            yield
        except Failed as failed:
            if self._engine.has_killed:
                raise Stopped("The server is being stopped.") from failed
            raise

    @property
    def has_ended(self) -> bool:
        """Whether the function has done its work, so that `finish` does not wait."""
        return self._execution.has_ended

    def finish(self) -> None:
        """Wait until the function has done its work, at the latest until the deadline."""
        self._execution.finish()

    def close(self, error: BaseException | None = None) -> None:
        """End the execution, and the call with this error or with a response. Closing twice closes once."""
        try:
            self._execution.close()
            call = self.call
            if not call.log and self._execution.log:
                call.log = self._execution.log
                lines = call.log.decode("utf-8", "backslashreplace").splitlines()
                is_well = error is None and not (call.status or "").startswith("5")
                level = logging.INFO if is_well else logging.WARNING
                logger.log(level, "call %s wrote to stderr:\n%s", call.id, indented(lines))
        finally:  # a server's timeout, or a Control-C, may come here too
            self._turn.close(error)


def _check_hook(hook: Hook) -> Hook:
    if not callable(hook):
        raise TypeError(f"hook must be callable with a Call, got {hook!r:.200}")
    return hook


def _run_hook(hook: Callable[[Call], object], call: Call) -> None:
    try:
        hook(call)
    except Exception:
        logger.exception("%r raised after call %s", hook, call.id)
