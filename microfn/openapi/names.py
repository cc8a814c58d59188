"""Unique names."""

from __future__ import annotations

__all__ = ["UniqueNames"]


class UniqueNames:
    """A set of names. The second of equal names gets a number.

    >>> names = UniqueNames()
    >>> names.take("user"), names.take("user"), names.take("user")
    ('user', 'user_2', 'user_3')
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}

    def take(self, name: str) -> str:
        """Return the name if it is free, or the first free one with a number from 2 on."""
        free, number = name, self._numbers.get(name, 1)
        while free in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._numbers[name] = number
        self._taken.add(free)
        return free
