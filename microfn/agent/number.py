"""Numbers of tokens, bytes, processes and the like, as they are given."""

from __future__ import annotations

__all__ = ["check_number"]


def check_number(name: str, value: object, what: str = "a number") -> int:
    """A number that is 1 or more; `what` says of what it is one. Raises TypeError or ValueError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is {what}, not {value!r}")
    if value < 1:
        raise ValueError(f"{name} is 1 or more, not {value}")
    return value
