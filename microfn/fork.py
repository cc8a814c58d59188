"""Objects that a forked child must reset, since their locks, calls and tokens belong to the parent.

Servers fork after the import of an application: gunicorn's --preload, mod_wsgi, uWSGI.
"""

from __future__ import annotations

import gc
import os
import threading
import weakref
from contextlib import AbstractContextManager
from typing import Protocol

__all__ = ["CollectorPause", "ForkSafeLock", "Resettable", "register_fork_reset"]


class Resettable(Protocol):
    """An object that can discard the state of its parent process."""

    def reset_after_fork(self) -> None:
        """Discard the state of the parent process."""


_targets: weakref.WeakSet[Resettable] = weakref.WeakSet()


def register_fork_reset(target: Resettable) -> None:
    """Call `target.reset_after_fork()` in each child that is forked from now on, if the object still exists."""
    _targets.add(target)


def _after_fork_in_child() -> None:
    for target in list(_targets):
        target.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


class ForkSafeLock:
    """A reentrant lock that is free in a forked child.

    The lock is replaced if threads have become greenlets since its creation. gevent replaces the locks of the standard
    library, and gunicorn's worker does this after `--preload` has imported the application.

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
        """Create a free lock."""
        self._kind, self._lock = threading.Lock, threading.RLock()


class CollectorPause:
    """A block without garbage collection, for code that creates many objects and discards none.

    `is_kept`: the new objects live as long as the process, so the collector can skip them.
    """

    def __init__(self, *, is_kept: bool = False) -> None:
        self._is_active = False
        self._is_kept = is_kept
        register_fork_reset(self)

    def __enter__(self) -> None:
        if gc.isenabled():
            self._is_active = True
            gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._is_active:
            self._is_active = False
            if self._is_kept:
                _make_old()
            gc.enable()

    reset_after_fork = __exit__
    """In a forked child, the block of another thread never ends."""


_MANY = 100_000
"""New objects that one collection takes about 20 ms to check."""
_FEW = 5_000
"""Maximum number of Python's own frozen objects: Python 3.12 starts with some hundred. Applications freeze more."""


def _make_old() -> None:
    """Move all objects to the oldest generation, which is rarely collected, if there are many new ones.

    PERF: otherwise the next collections check each new object, which takes about as long as the pause has saved.
    """
    if hasattr(gc, "freeze") and gc.get_count()[0] > _MANY and gc.get_freeze_count() < _FEW:  # PyPy has no generations
        gc.freeze()
        gc.unfreeze()
