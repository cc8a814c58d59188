"""Checks of options: switches, numbers, sizes, times and lists of names."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

__all__ = [
    "ENDLESS",
    "check_flags",
    "check_names",
    "check_number",
    "check_seconds",
    "check_size",
    "nearest",
    "refuse_other_options",
]

F = TypeVar("F", bound=Callable[..., Any])

ENDLESS = 10**20
"""A size beyond any body."""


def check_flags(**flags: object) -> None:
    """Refuse a switch that is neither True nor False."""
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be True or False, got {value!r}")


def check_number(name: str, value: object, what: str = "a number") -> int:
    """Return a number of 1 or more; `what` is its name in errors. Raises TypeError or ValueError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be {what}, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be 1 or more, got {value}")
    return value


def check_seconds(name: str, value: object, most: float = threading.TIMEOUT_MAX) -> float:
    """Return a time in seconds as a float. Raises TypeError or ValueError if it is invalid."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, got {value!r}")
    if not 0 < value <= most:
        raise ValueError(f"{name} must be a number of seconds above 0 and at most {most:.0f}, got {value!r:.40}")
    return float(value)


def check_size(name: str, value: object, *, optional: bool = False) -> None:
    """Refuse a value that is not a number of bytes or characters. Raises TypeError or ValueError."""
    if optional and value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int{' or None' if optional else ''}, got {value!r}")
    if value < 0:
        raise ValueError(f"{name} must be 0 or more, got {value}")


def check_names(name: str, values: object) -> str:
    """Return a list of names in the form of a header. Raises TypeError if it is not a list of str."""
    listed = [] if isinstance(values, str) or not isinstance(values, Iterable) else list(values)
    if not all(isinstance(value, str) for value in listed) or (not listed and values not in ([], ())):
        raise TypeError(f"{name} must be a list of str, got {values!r}")
    return ", ".join(listed)


def refuse_other_options(kind: str) -> Callable[[F], F]:
    """Decorate a constructor with keyword-only options: refuse others, with a hint, and keep its signature."""

    def decorate(init: F) -> F:
        known = (init.__kwdefaults__ or {}).keys()

        @functools.wraps(init)
        def checked(self: object, *positional: object, **options: object) -> None:
            if positional:
                first = positional[0]
                is_module = isinstance(first, str) and first.replace(".", "_").isidentifier()  # Flask(__name__)
                hint = f"; {kind} takes no import name" if is_module else ""
                raise TypeError(f"options of {kind} must be passed by keyword, got {first!r:.200}{hint}")
            for name in options.keys() - known:
                near = nearest(name, known)
                hint = f"did you mean {near!r}?" if near else f"its options are {', '.join(known)}"
                raise TypeError(f"{kind} has no option {name!r}; {hint}")
            init(self, **options)

        return cast("F", checked)

    return decorate


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the most similar known name, or None."""
    from difflib import get_close_matches  # noqa: PLC0415 - needed only for errors

    return next(iter(get_close_matches(name, list(known), 1)), None)
