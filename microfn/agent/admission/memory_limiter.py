"""The memory that functions share, in MiB: those of one server process, or of the whole machine."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..errors import Busy, TooLarge
from .book import TokenBook
from .limiter import Limiter, LimiterToken
from .machine_limiter import MachineLimiter, MachineToken

__all__ = ["MemoryLimiter"]

_LEAST_UNIT = 16
_MOST_FILES = 128


class MemoryLimiter:
    """So many MiB. With a `directory`, all processes that name it share them, in units of a file each."""

    def __init__(self, total: int, directory: str | None = None) -> None:
        self.total = total
        self._unit = max(_LEAST_UNIT, math.ceil(total / _MOST_FILES)) if directory is not None else 1
        self._limiter: Limiter | MachineLimiter
        if directory is None:
            self._limiter = Limiter(total)
        else:
            self._limiter = MachineLimiter(max(1, total // self._unit), directory, "memory")

    def move_to(self, make_book: Callable[[], TokenBook[LimiterToken]]) -> None:
        """Replace the book of this process's memory, as `Limiter.move_to` describes."""
        if not isinstance(self._limiter, Limiter):
            raise TypeError("the memory of an agent with directory= is in files, and has no book to replace")
        self._limiter.move_to(make_book)

    def reclaim_with(self, reclaimer: Callable[[], object]) -> None:
        """Call this again and again while a call waits: it releases memory that is no longer used."""
        self._limiter.reclaim_with(reclaimer)

    def check(self, memory: int) -> None:
        """Raise `TooLarge` if there is never so much memory."""
        if memory > self.total:
            raise TooLarge(f"The call needs {memory} MiB of memory, but the agent has {self.total} MiB.")

    def acquire(self, memory: int, until: float) -> LimiterToken | MachineToken:
        """Acquire so many, and wait for them until then, a time of `time.monotonic()`. Raises `TooLarge` and `Busy`."""
        self.check(memory)
        try:
            return self._limiter.acquire(min(math.ceil(memory / self._unit), self._limiter.total), until)
        except Busy as busy:
            raise Busy("There is no memory free for the call.", busy.retry_after) from None
