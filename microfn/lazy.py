"""Attributes that are computed when they are first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

__all__ = ["Lazy"]

T = TypeVar("T")


class Lazy(Generic[T]):
    """An attribute that is computed from its object when it is first read, and may be assigned like any other.

    PERF: not functools.cached_property, which takes a lock for all objects before Python 3.12.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> T:
        if instance is None:
            return cast("T", self)
        value = instance.__dict__[self.name] = self.compute(instance)
        return value
