"""Tokens: how many calls may run at once, in a process and on a host.

They are admission, not measurement: a call takes some before it begins, and gives them back when it has ended.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from ...fork import register_fork_reset
from ..errors import Busy, TooLarge

__all__ = ["Limiter", "LimiterToken"]

_LONGEST_RETRY = 3600
_LOOK_AGAIN = 0.05
"""Seconds between two looks at whether tokens can be given back that nobody gives back by himself."""


class LimiterToken:
    """What a call has taken. Giving it back twice gives back once."""

    __slots__ = ("_book", "_limiter", "acquired_at", "count")

    def __init__(self, limiter: Limiter, book: _Book, count: int) -> None:
        self._limiter = limiter
        self._book: _Book | None = book
        self.count = count
        self.acquired_at = time.monotonic()

    def release(self) -> None:
        """Let others have it."""
        self._limiter.take_back(self)


class Limiter:
    """The tokens of one process, given in the order in which they were asked for.

    `look_again` is called while somebody waits; it gives back what it can.

    >>> limiter = Limiter(2)
    >>> token = limiter.acquire(2, until=0.0)
    >>> limiter.free
    0
    >>> token.release()
    >>> limiter.free
    2
    """

    def __init__(self, total: int, look_again: Callable[[], object] | None = None) -> None:
        self.total = total
        self._look_again = look_again
        self.reset_after_fork()
        register_fork_reset(self)

    def reset_after_fork(self) -> None:
        """Begin anew, in a child that was forked."""
        self._book = _Book(self.total, self._look_again)

    @property
    def free(self) -> int:
        """How many are there for the next call."""
        return self._book.free

    @property
    def waiting(self) -> int:
        """How many calls wait for tokens."""
        return len(self._book.queue)

    def acquire(self, count: int, until: float) -> LimiterToken:
        """Take so many, and wait for them until then, a time of `time.monotonic()`.

        Raises `TooLarge` where there are never so many, `Busy` where the time came first.
        """
        if count > self.total:
            raise TooLarge(f"The call takes {count} tokens, and there are {self.total}.")
        book = self._book
        book.acquire(count, until)
        return LimiterToken(self, book, count)

    def take_back(self, token: LimiterToken) -> None:
        """Take a token back; one that is back already, or was taken before a fork, counts for nothing."""
        book, token._book = token._book, None  # noqa: SLF001 - the two are one
        if book is not None and book is self._book:
            book.release(token.count, time.monotonic() - token.acquired_at)


class _Book:
    """What a limiter knows; a forked child opens a new one."""

    def __init__(self, total: int, look_again: Callable[[], object] | None) -> None:
        self.total = total
        self._look_again = look_again
        self.free = total
        self.queue: deque[_Waiter] = deque()
        self._lock = threading.Lock()
        self._average = 0.0

    def acquire(self, count: int, until: float) -> None:
        with self._lock:
            if not self.queue and count <= self.free:
                self.free -= count
                return
            waiter = _Waiter(count)
            self.queue.append(waiter)
        try:
            self._wait(waiter, until)
        except BaseException:  # a server's timeout, or a Control-C
            if self._has_its_turn(waiter):
                self._free_up(count)
            raise
        if not self._has_its_turn(waiter):
            raise Busy("All places are taken.", self._retry_after(count))

    def _wait(self, waiter: _Waiter, until: float) -> None:
        longest = math.inf if self._look_again is None else _LOOK_AGAIN
        while True:
            if self._look_again is not None:
                self._look_again()
            left = max(0.0, until - time.monotonic())
            if waiter.granted.wait(min(left, longest)) or left <= longest:
                return

    def _has_its_turn(self, waiter: _Waiter) -> bool:
        """Whether the call got its tokens; one that did not waits no longer, and makes place for those behind it."""
        with self._lock:
            if waiter.granted.is_set():
                return True
            self.queue.remove(waiter)
            self._grant()
            return False

    def release(self, count: int, seconds: float) -> None:
        self._average += (seconds - self._average) / 8 if self._average else seconds
        self._free_up(count)

    def _free_up(self, count: int) -> None:
        with self._lock:
            self.free += count
            self._grant()

    def _grant(self) -> None:
        while self.queue and self.queue[0].count <= self.free:
            waiter = self.queue.popleft()
            self.free -= waiter.count
            waiter.granted.set()

    def _retry_after(self, count: int) -> int:
        """Whole seconds until a call like this would get its turn, if calls go on to take as long as they did."""
        ahead = sum(waiter.count for waiter in list(self.queue)) + count
        return min(_LONGEST_RETRY, max(1, math.ceil(self._average * ahead / self.total)))


class _Waiter:
    """A call that waits, and whether it got what it waits for."""

    __slots__ = ("count", "granted")

    def __init__(self, count: int) -> None:
        self.count = count
        self.granted = threading.Event()
