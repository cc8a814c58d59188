"""The memory that functions in processes have together, in MiB: of one process, or of a whole host."""

from __future__ import annotations

import math
from collections.abc import Callable

from .errors import Busy, TooLarge
from .host import HostLedger, HostToken
from .ledger import Ledger, Token

__all__ = ["Ram"]

_LEAST_UNIT = 16
_MOST_FILES = 128


class Ram:
    """So many MiB. With a `directory` all processes of the host that name it share them, in units: each is a file.

    `look_again` is called while a call waits; it gives back what it can.
    """

    def __init__(self, total: int, directory: str | None, look_again: Callable[[], object]) -> None:
        self.total = total
        self._unit = max(_LEAST_UNIT, math.ceil(total / _MOST_FILES)) if directory is not None else 1
        self._ledger: Ledger | HostLedger
        if directory is None:
            self._ledger = Ledger(total, look_again)
        else:
            self._ledger = HostLedger(max(1, total // self._unit), directory, "memory")

    def take(self, memory: int, until: float) -> Token | HostToken:
        """Take so many, and wait for them until then, a time of `time.monotonic()`. Raises `TooLarge` and `Busy`."""
        if memory > self.total:
            raise TooLarge(f"The call takes {memory} MiB of memory, and there are {self.total}.")
        try:
            return self._ledger.take(min(math.ceil(memory / self._unit), self._ledger.total), until)
        except Busy as busy:
            raise Busy("There is no memory free for the call.", busy.retry_after) from None
