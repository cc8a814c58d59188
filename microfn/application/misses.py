"""The ways in which a request has no route, for the middleware and the response that it gets."""

from __future__ import annotations

from typing import NamedTuple

from ..routing.index import Miss
from ..routing.scope import Scope

__all__ = ["Missed", "Moved", "Rejected", "Unconverted", "Unmoved"]


class Rejected(NamedTuple):
    """An error raised before route lookup, such as an untrusted host."""

    error: Exception
    may_redirect: bool = False
    methods: tuple[str, ...] = ()
    scope: Scope | None = None
    """That of the route, if one of its converters raised the error."""


class Unconverted(NamedTuple):
    """A route has the path, and one of its converters does not take a value. So there is no match, and no other one."""

    scope: Scope
    may_redirect: bool = False
    methods: tuple[str, ...] = ()


class Unmoved(NamedTuple):
    """A miss of which it is known that no other spelling of the path has a route."""

    methods: tuple[str, ...]
    may_redirect: bool = True


class Moved(NamedTuple):
    """The path is another spelling of one that has a route."""

    target: str
    may_redirect: bool = False
    methods: tuple[str, ...] = ()


Missed = Miss | Rejected | Unconverted | Unmoved | Moved
