"""The reasons for a request without a route, which select its middleware and its response."""

from __future__ import annotations

from typing import NamedTuple

from ..routing.index import Miss
from ..routing.scope import Scope

__all__ = ["Missed", "Moved", "Rejected", "Unconverted", "Unmoved"]


class Rejected(NamedTuple):
    """An error raised before a handle is called: by the check of the host or the path, or by a converter."""

    error: Exception
    may_redirect: bool = False
    methods: tuple[str, ...] = ()
    scope: Scope | None = None
    """The scope of the route, if one of its converters raised the error."""


class Unconverted(NamedTuple):
    """A route has the path, but one of its converters rejects a value. So no route matches."""

    scope: Scope
    may_redirect: bool = False
    methods: tuple[str, ...] = ()


class Unmoved(NamedTuple):
    """A miss whose path has no other spelling with a route."""

    methods: tuple[str, ...]
    may_redirect: bool = True


class Moved(NamedTuple):
    """The path is another spelling of one with a route."""

    target: str
    may_redirect: bool = False
    methods: tuple[str, ...] = ()


Missed = Miss | Rejected | Unconverted | Unmoved | Moved
