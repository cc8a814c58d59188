"""Converters of params, from the text of a path to a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from ..arguments import nearest
from .pattern import Pattern

__all__ = ["Converter", "converters_for", "natural"]

Converter = Callable[[str], Any]
# Python's `int` has the same limit, since it needs quadratic time.
_INTEGER = re.compile(r"-?[0-9]{1,4300}")
_NATURAL = re.compile(r"[0-9]{1,4300}")
# Compiled at the first use: compiling it during the import takes longer than the import of most modules.
_DECIMAL = r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"

_PIECES = "returns the characters of the text; use a function that splits it"
_UNFIT: dict[object, str] = {
    bool: "returns True for any text, even 'false'; use a function that raises ValueError for other texts",
    **dict.fromkeys((list, tuple, set, frozenset), _PIECES),
    **dict.fromkeys((bytes, bytearray), "does not accept a str alone; use str.encode"),
    dict: "does not accept a str; use a function",
}
"""Classes that cannot convert the text of a param."""


def converters_for(pattern: Pattern, convert: Mapping[str, Converter]) -> dict[str, Converter]:
    """Return the converters of a pattern by param. Raises TypeError and ValueError if `convert` is invalid."""
    if not isinstance(convert, Mapping):
        raise TypeError(f"convert must be a mapping of params to callables, like {{'id': int}}, got {convert!r:.200}")
    for name, converter in convert.items():
        if name not in pattern.names:
            near = nearest(str(name), pattern.names)
            hint = f"; did you mean {near!r}?" if near else ""
            raise ValueError(f"convert must have params of {pattern.text!r} as keys, got {name!r}{hint}")
        if not callable(converter):
            raise TypeError(f"the converter of {name!r} must be callable, got {converter!r}")
        _check_class(name, converter)
    plain: dict[Converter, Converter] = {int: integer, float: decimal}
    return {name: plain.get(convert[name], convert[name]) for name in pattern.names if name in convert}


def _check_class(name: str, converter: Any) -> None:
    """Refuse a class that does not accept a str."""
    hint = _UNFIT.get(converter) if isinstance(converter, type) else None
    if hint is None and isinstance(converter, type) and hasattr(converter, "fromisoformat"):
        hint = f"does not accept a str; did you mean {converter.__name__}.fromisoformat?"
    if hint is not None:
        raise TypeError(
            f"the converter of {name!r} must be a function of a str, got {converter.__name__}, which {hint}"
        )


def natural(text: str) -> int:
    """Convert ASCII digits to an int of 0 or more: `int` without a minus.

    >>> from microfn import Router, natural
    >>> app = Router()
    >>> app.handle("GET", "/users/:id", lambda request, params: params, convert={"id": natural})
    >>> app.test_client().get("/users/7").json, app.test_client().get("/users/-1").status_code
    ({'id': 7}, 404)

    Raises ValueError for any other text.
    """
    if not _NATURAL.fullmatch(text):
        raise ValueError(text)
    return int(text)


def integer(text: str) -> int:
    """Convert plain ASCII digits to an int. Unlike `int`, refuse " 5", "1_000" and "１２"."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def decimal(text: str) -> float:
    """Convert plain ASCII digits to a float. Unlike `float`, refuse infinity and NaN."""
    if not re.fullmatch(_DECIMAL, text) or not isfinite(number := float(text)):
        raise ValueError(text)
    return number
