"""The agent: it decides which calls are executed and when, and knows those that are."""

from __future__ import annotations

import logging
import math
import os
import re
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..log import escape
from .call import Call
from .deadline import Deadline, began_at, check_seconds
from .errors import Busy, Closed
from .fork import renew_in_child
from .host import HostLedger
from .ledger import Ledger, check_count
from .slot import Slot

if TYPE_CHECKING:
    from ..handle import Middleware

__all__ = ["Agent"]

Hook = TypeVar("Hook", bound=Callable[[Call], object])
_LOOK_AGAIN = 0.01
"""Seconds between two looks at whether the last call has ended."""
logger = logging.getLogger("microfn.agent")
logger.addFilter(escape)


class Agent:
    """Deadlines and admission for calls; one for an application.

    `tokens` is how many the calls of this process have together, `host_tokens` the same for all processes of the host
    that name the same `directory`; None is no limit. `start_header` names the header in which a proxy says when a
    request began (`X-Request-Start`): only for who has a proxy that sets it, since it is believed. `longest_wait` is
    how many seconds a call may wait at most, however much time it has.

    Raises TypeError and ValueError for what is no such number, OSError where the directory cannot be used, RuntimeError
    where the platform has no locks on files.
    """

    def __init__(
        self,
        *,
        tokens: int | None = None,
        host_tokens: int | None = None,
        directory: str | None = None,
        start_header: str | None = None,
        longest_wait: float = 30.0,
    ) -> None:
        is_header = isinstance(start_header, str) and re.fullmatch("[A-Za-z0-9-]+", start_header)
        if start_header is not None and not is_header:
            raise ValueError(f"start_header is the name of a header, not {start_header!r}")
        self.start_header = start_header
        self.longest_wait = check_seconds("longest_wait", longest_wait)
        self._ledgers: list[Ledger | HostLedger] = []
        if tokens is not None:
            self._ledgers.append(Ledger(check_count("tokens", tokens)))
        if host_tokens is None and directory is not None:
            raise ValueError("directory is where the files of host_tokens are: say host_tokens= too")
        if host_tokens is not None:
            if directory is None:
                raise ValueError("host_tokens are files in a directory that all processes share: say directory=")
            if not isinstance(directory, (str, os.PathLike)):
                raise TypeError(f"directory is a path, not {directory!r}")
            self._ledgers.append(HostLedger(check_count("host_tokens", host_tokens), directory))
        self._before: list[Callable[[Call], object]] = []
        self._after: list[Callable[[Call], object]] = []
        self.renew()
        renew_in_child(self)

    def renew(self) -> None:
        """Begin anew, in a child that was forked."""
        self._is_closed = False
        self._running: set[Call] = set()
        self._lock = threading.Lock()

    def inline(self, *, timeout: float, tokens: int = 1) -> Middleware:
        """A middleware: calls take so many tokens, have so many seconds, and are refused with 503 where that cannot be.

        The handle finds its `Deadline` in `request.deadline`, and has to respect it by itself: a thread cannot be
        stopped. Raises TypeError and ValueError for what is no such number, or more tokens than there are.

        >>> from microfn import Router
        >>> app, agent = Router(), Agent(tokens=8)
        >>> @app.get("/", use=[agent.inline(timeout=2)])
        ... def index(request, params):
        ...     return f"{request.deadline.left():.0f} seconds left"
        >>> app.test_client().get("/").text
        '2 seconds left'
        """
        from .wsgi import inline  # noqa: PLC0415 - the door to requests; nothing else of the agent knows them

        check_seconds("timeout", timeout)
        check_count("tokens", tokens)
        least = min((ledger.total for ledger in self._ledgers), default=tokens)
        if tokens > least:
            raise ValueError(f"a call would take {tokens} tokens, and there are {least}")
        return inline(self, timeout=float(timeout), tokens=tokens)

    def before_call(self, hook: Hook) -> Hook:
        """Have this called with each `Call` before it starts; what it raises ends the call."""
        self._before.append(_checked(hook))
        return hook

    def after_call(self, hook: Hook) -> Hook:
        """Have this called with each `Call` that has ended, refused ones too; what it raises is logged."""
        self._after.append(_checked(hook))
        return hook

    def deadline(self, timeout: float, start: str | None = None) -> Deadline:
        """The deadline of a call with so many seconds, which began now, or when a proxy's header says."""
        now = time.monotonic()
        began = began_at(start, clock=time.time(), now=now) if start else now
        return Deadline(began, timeout, self.longest_wait)

    def enter(self, call: Call) -> Slot:
        """A slot for this call, as soon as there is one. Raises `Busy` or `Closed` (503), and what a hook raises."""
        slot = Slot(call, self, self._leave)
        try:
            with self._lock:
                if self._is_closed:
                    raise Closed("The server is being stopped.")
                self._running.add(call)
            self._take_tokens(slot)
            for hook in self._before:
                hook(call)
            call.start()
        except BaseException as error:
            slot.close(error)
            raise
        return slot

    def narrow(self, slot: Slot, deadline: Deadline, tokens: int) -> None:
        """Have the call of a slot go on with other tokens, and no later than this. Raises `Busy`, as `enter` does.

        It waits for them with empty hands, or calls that have some could wait for each other.
        """
        call = slot.call
        call.deadline = min(call.deadline, deadline, key=lambda one: one.end)
        slot.tokens.close()
        call.tokens = tokens
        self._take_tokens(slot)

    def _take_tokens(self, slot: Slot) -> None:
        call = slot.call
        late = time.monotonic() - call.deadline.latest_start
        if late > 0:
            raise Busy("The server cannot keep up.", int(late) + 1)
        for ledger in self._ledgers:
            slot.tokens.callback(ledger.take(call.tokens, call.deadline.latest_start).give_back)

    def _leave(self, slot: Slot, error: BaseException | None) -> None:
        slot.tokens.close()
        slot.call.end(error)
        try:
            for hook in self._after:
                _tell(hook, slot.call)
        finally:
            with self._lock:
                self._running.discard(slot.call)

    @property
    def running(self) -> int:
        """How many calls of this process wait or are executed."""
        return len(self._running)

    def close(self, timeout: float | None = None) -> bool:
        """Refuse new calls, and wait until all others have ended, or for so many seconds; whether they have.

        For a server's own hook; the calls of a process that only ends are its server's to wait for.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        with self._lock:
            self._is_closed = True
        # A condition that was made before gevent's patches would stop all greenlets, and so would never come true.
        while self._running and time.monotonic() < end:
            time.sleep(_LOOK_AGAIN)
        return not self._running


def _checked(hook: Hook) -> Hook:
    if not callable(hook):
        raise TypeError(f"a hook is called with a Call, and {hook!r} cannot be called")
    return hook


def _tell(hook: Callable[[Call], object], call: Call) -> None:
    try:
        hook(call)
    except Exception:
        logger.exception("%r raised after call %s", hook, call.id)
