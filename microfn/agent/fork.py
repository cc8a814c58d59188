"""A forked child begins anew: calls, slots and tokens are its parent's (gunicorn's --preload, mod_wsgi, uWSGI)."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable

__all__ = ["call_in_child"]

_methods: set[weakref.WeakMethod[Callable[[], None]]] = set()


def call_in_child(method: Callable[[], None]) -> None:
    """Call this bound method in each child that is forked from now on, as long as its object is there."""
    _methods.add(weakref.WeakMethod(method, _methods.discard))


def _after_fork_in_child() -> None:
    for reference in list(_methods):
        method = reference()
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
