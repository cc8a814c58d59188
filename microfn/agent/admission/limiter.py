"""Tokens of one process: how many calls may run at once.

They are admission, not measurement: a call acquires some before it starts, and releases them when it has ended.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from ...fork import register_fork_reset
from ..errors import Busy, TooLarge
from .book import Book, TokenBook

__all__ = ["Limiter", "LimiterToken"]

_LONGEST_RETRY = 3600
_LOOK_AGAIN = 0.05
"""Seconds between two calls of a reclaimer."""


class LimiterToken:
    """Tokens that a call has acquired. Releasing them twice releases them once.

    `granted` is there if the call has to wait.
    """

    __slots__ = ("_limiter", "acquired_at", "count", "granted")
    granted: threading.Event

    def __init__(self, limiter: Limiter, count: int) -> None:
        self._limiter = limiter
        self.count = count
        self.acquired_at = time.monotonic()

    def release(self) -> None:
        """Give them to other calls."""
        self._limiter.release(self)


class Limiter:
    """The tokens of one process, which are granted in the order in which they were asked for.

    >>> limiter = Limiter(2)
    >>> token = limiter.acquire(2, until=0.0)
    >>> limiter.free
    0
    >>> token.release()
    >>> limiter.free
    2
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self._reclaimers: list[Callable[[], object]] = []
        self._make_book: Callable[[], TokenBook[LimiterToken]] = lambda: Book(total)
        self.reset_after_fork()
        register_fork_reset(self)

    def reset_after_fork(self) -> None:
        """Open another book in a forked child, which has none of its parent's tokens."""
        self._book = self._make_book()
        self._lock = threading.Lock()
        self._average = 0.0

    def move_to(self, make_book: Callable[[], TokenBook[LimiterToken]]) -> None:
        """Replace the book, and use `make_book` in each forked child.

        Calls keep their tokens. The new book can grant tokens at any time. Then it sets the event `granted` of a token.
        """
        with self._lock:
            self._make_book, old = make_book, self._book
            self._book = make_book()
            for token, count in old.keys.items():
                _notify([other for other in self._book.ask(token, count) if hasattr(other, "granted")])

    def reclaim_with(self, reclaimer: Callable[[], object]) -> None:
        """Call this again and again while a call waits: it releases tokens that are no longer used."""
        self._reclaimers.append(reclaimer)

    @property
    def free(self) -> int:
        """The number of tokens that no call has."""
        return self._book.free

    @property
    def waiting(self) -> int:
        """The number of calls that wait."""
        return self._book.waiting

    def acquire(self, count: int, until: float) -> LimiterToken:
        """Acquire so many tokens, and wait for them until then, a time of `time.monotonic()`.

        Raises `TooLarge` if there are never so many, `Busy` if the time came first.
        """
        if count > self.total:
            raise TooLarge(f"The call takes {count} tokens, and there are {self.total}.")
        token = LimiterToken(self, count)
        with self._lock:
            if self._book.ask(token, count):
                return token
            token.granted = granted = threading.Event()
            if self._book.holds(token):  # the keeper granted it meanwhile, without this limiter's lock
                granted.set()
        try:
            self._wait(granted, until)
        except BaseException:  # a server's timeout, or a Control-C
            self.release(token)
            raise
        with self._lock:
            _notify(self._book.cancel(token))
            if not self._book.holds(token):
                raise Busy("All places are taken.", self._retry_after(count))
        token.acquired_at = time.monotonic()
        return token

    def release(self, token: LimiterToken) -> None:
        """Take back the tokens of a call, which waits for none either. Tokens of a parent process count for nothing."""
        with self._lock:
            if self._book.holds(token):
                seconds = time.monotonic() - token.acquired_at
                self._average += (seconds - self._average) / 8 if self._average else seconds
            _notify(self._book.cancel(token))
            _notify(self._book.give_back(token))

    def _wait(self, granted: threading.Event, until: float) -> None:
        longest = _LOOK_AGAIN if self._reclaimers else math.inf
        while True:
            for reclaimer in self._reclaimers:
                reclaimer()
            left = max(0.0, until - time.monotonic())
            if granted.wait(min(left, longest)) or left <= longest:
                return

    def _retry_after(self, count: int) -> int:
        """Whole seconds until a call like this would have its tokens, if calls go on to take as long as they did."""
        ahead = self._book.demand + count
        return min(_LONGEST_RETRY, max(1, math.ceil(self._average * ahead / self.total)))


def _notify(tokens: list[LimiterToken]) -> None:
    """Wake the threads that wait for these tokens."""
    for token in tokens:
        token.granted.set()
