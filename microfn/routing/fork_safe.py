"""A lock and a pause of the garbage collector that a forked child has to reset."""

from __future__ import annotations

import gc
import threading
from contextlib import AbstractContextManager

from ..fork import register_fork_reset

__all__ = ["CollectorPause", "ForkSafeLock"]


class ForkSafeLock:
    """A reentrant lock that nobody holds in a forked child.

    It is another lock if threads have become greenlets since it was made: gevent replaces the locks of the standard
    library, and a worker of gunicorn's does that after `--preload` has imported the application.

    >>> lock = ForkSafeLock()
    >>> with lock.current, lock.current:
    ...     print("held twice")
    held twice
    """

    def __init__(self) -> None:
        self._kind, self._lock = threading.Lock, threading.RLock()
        register_fork_reset(self)

    @property
    def current(self) -> AbstractContextManager[bool]:
        """The lock to hold."""
        if self._kind is not threading.Lock:
            self.reset_after_fork()
        return self._lock

    def reset_after_fork(self) -> None:
        """Make a lock that nobody holds."""
        self._kind, self._lock = threading.Lock, threading.RLock()


class CollectorPause:
    """A block in which the garbage collector does not run, for code that makes much and drops nothing."""

    def __init__(self) -> None:
        self._is_active = False
        register_fork_reset(self)

    def __enter__(self) -> None:
        if gc.isenabled():
            self._is_active = True
            gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._is_active:
            self._is_active = False
            gc.enable()

    reset_after_fork = __exit__
    """In a forked child the block of another thread does not end."""
