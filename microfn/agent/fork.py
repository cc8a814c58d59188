"""A forked child begins anew: calls, slots and tokens are its parent's (gunicorn's --preload, mod_wsgi, uWSGI)."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["Renewed", "renew_in_child"]


class Renewed(Protocol):
    """What forgets in a child all that is its parent's."""

    def renew(self) -> None:
        """Begin anew."""


_known: weakref.WeakSet[Renewed] = weakref.WeakSet()


def renew_in_child(thing: Renewed) -> None:
    """Have it begin anew in each child that is forked from now on, as long as it is there."""
    _known.add(thing)


def _after_fork_in_child() -> None:
    for thing in list(_known):
        thing.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
