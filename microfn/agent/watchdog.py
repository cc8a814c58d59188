"""A thread that looks again when the next deadline of a call has come."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from ..fork import register_fork_reset

__all__ = ["Watchdog"]


class Watchdog:
    """Calls `look` when a watched time has come; `look` returns the next such time, `math.inf` for none.

    Times are of `time.monotonic()`. The thread starts with the first time to watch, in each process of its own. Other
    processes wait for tokens that a call here has locked, so that no call here would notice.
    """

    def __init__(self, look: Callable[[], float]) -> None:
        self._look = look
        self.reset_after_fork()
        register_fork_reset(self)

    def reset_after_fork(self) -> None:
        """Forget the thread, which a forked child does not have."""
        self._changed: threading.Condition | None = None
        self._next = math.inf

    def watch(self, end: float) -> None:
        """Have `look` called when this time has come."""
        if self._changed is None:  # made here, since gevent may have replaced threads since the import
            self._changed = threading.Condition()
            threading.Thread(target=self._run, args=(self._changed,), name="microfn-watchdog", daemon=True).start()
        with self._changed:
            if end < self._next:
                self._next = end
                self._changed.notify()

    def _run(self, changed: threading.Condition) -> None:
        while True:
            with changed:
                while (left := self._next - time.monotonic()) > 0:
                    changed.wait(min(left, threading.TIMEOUT_MAX))
                self._next = math.inf
            end = self._look()
            with changed:
                self._next = min(self._next, end)
