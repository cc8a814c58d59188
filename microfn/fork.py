"""Objects that a forked child has to reset: their locks, calls and tokens are its parent's.

Servers fork after they have imported an application: gunicorn's --preload, mod_wsgi, uWSGI.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["Resettable", "register_fork_reset"]


class Resettable(Protocol):
    """An object that can forget what belongs to its parent process."""

    def reset_after_fork(self) -> None:
        """Forget what belongs to the parent process."""


_targets: weakref.WeakSet[Resettable] = weakref.WeakSet()


def register_fork_reset(target: Resettable) -> None:
    """Call `target.reset_after_fork()` in each child that is forked from now on, as long as the object exists."""
    _targets.add(target)


def _after_fork_in_child() -> None:
    for target in list(_targets):
        target.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
