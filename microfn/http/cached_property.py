"""Attributes that are computed at the first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["cached_property", "default_property"]

T = TypeVar("T")

if TYPE_CHECKING:
    # werkzeug declares plain attributes, and a property cannot override one. So type checkers see the type of the
    # value, and they check the body of the function.
    def cached_property(compute: Callable[[Any], T]) -> T:
        """Return the value of an instance."""

    default_property = cached_property

else:

    class cached_property:  # noqa: N801 - named after functools.cached_property
        """An attribute that is computed at the first read. Assignment replaces it.

        PERF: functools.cached_property takes a lock that all objects share before Python 3.12.
        """

        def __init__(self, compute):
            self.compute = compute
            self.__doc__ = compute.__doc__

        def __set_name__(self, owner, name):
            self.name = name

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            value = instance.__dict__[self.name] = self.compute(instance)
            return value

    class default_property(cached_property):  # noqa: N801
        """A cached property that is computed at each read until it is assigned."""

        def __get__(self, instance, owner=None):
            return self if instance is None else self.compute(instance)
