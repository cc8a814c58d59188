"""Converters of params: from the text of a path to a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from ..arguments import nearest
from .pattern import Pattern

__all__ = ["Converter", "converters_for", "natural"]

Converter = Callable[[str], Any]
# Digits as many as `int` takes where Python limits it; it takes time quadratic in them.
_INTEGER = re.compile(r"-?[0-9]{1,4300}")
_NATURAL = re.compile(r"[0-9]{1,4300}")
# Not compiled when this is imported, which takes longer than most programs need it.
_DECIMAL = r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"

_PIECES = "makes single characters of the text; use a function that splits it"
_UNFIT: dict[object, str] = {
    bool: "takes any text for True, also 'false'; use a function that raises ValueError for other texts",
    **dict.fromkeys((list, tuple, set, frozenset), _PIECES),
    **dict.fromkeys((bytes, bytearray), "takes no text alone; use str.encode"),
    dict: "takes no text; use a function",
}
"""Classes that make no sense of the text of a param."""


def converters_for(pattern: Pattern, convert: Mapping[str, Converter]) -> dict[str, Converter]:
    """Return the converters of a pattern by param; `convert` is as it was given. Raises TypeError and ValueError."""
    if not isinstance(convert, Mapping):
        raise TypeError(f"convert maps params to callables, like {{'id': int}}; it is no {type(convert).__name__}")
    for name, converter in convert.items():
        if name not in pattern.names:
            near = nearest(str(name), pattern.names)
            hint = f"; did you mean {near!r}?" if near else ""
            raise ValueError(f"convert names {name!r}, which is no param of {pattern.text!r}{hint}")
        if not callable(converter):
            raise TypeError(f"the converter of {name!r} is not callable: {converter!r}")
        _check_class(name, converter)
    plain: dict[Converter, Converter] = {int: integer, float: decimal}
    return {name: plain.get(convert[name], convert[name]) for name in pattern.names if name in convert}


def _check_class(name: str, converter: Any) -> None:
    """Refuse a class that no text of a path can be handed to as it is."""
    hint = _UNFIT.get(converter) if isinstance(converter, type) else None
    if hint is None and isinstance(converter, type) and hasattr(converter, "fromisoformat"):
        hint = f"takes no text; did you mean {converter.__name__}.fromisoformat?"
    if hint is not None:
        raise TypeError(
            f"the converter of {name!r} must be a function of a text, got {converter.__name__}, which {hint}"
        )


def natural(text: str) -> int:
    """A converter for whole numbers from 0 on, in ASCII digits: `int`, but for a minus.

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
    """`int`, but for what it takes beyond plain ASCII numbers: " 5", "1_000", "１２"."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def decimal(text: str) -> float:
    """`float`, likewise, and never an infinity or NaN."""
    if not re.fullmatch(_DECIMAL, text) or not isfinite(number := float(text)):
        raise ValueError(text)
    return number
