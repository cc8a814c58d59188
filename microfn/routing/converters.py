"""Converters of params: from the text of a path to a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from ..arguments import nearest
from .pattern import Pattern

__all__ = ["Converter", "converters_for"]

Converter = Callable[[str], Any]
# Digits as many as `int` takes where Python limits it; it takes time quadratic in them.
_INTEGER = re.compile(r"-?[0-9]{1,4300}")
# Not compiled when this is imported, which takes longer than most programs need it.
_DECIMAL = r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"


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
    plain: dict[Converter, Converter] = {int: integer, float: decimal}
    return {name: plain.get(convert[name], convert[name]) for name in pattern.names if name in convert}


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
