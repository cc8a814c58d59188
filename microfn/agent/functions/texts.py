"""Strings that a process can have: arguments, variables, paths."""

from __future__ import annotations

import os

__all__ = ["LONGEST_TEXT", "check_text"]

LONGEST_TEXT = 128 * 1024 - 1
"""Bytes of one argument or variable (Linux: `MAX_ARG_STRLEN`)."""


def check_text(name: str, text: object) -> str:
    """Return the text. Raises TypeError and ValueError if no process can have it; `name` is the argument's."""
    if not isinstance(text, str):
        raise TypeError(f"{name} must hold strings, got {text!r:.200}")
    if "\0" in text:
        raise ValueError(f"{name} must hold strings without NUL, got {text!r:.200}")
    try:
        size = len(os.fsencode(text))
    except UnicodeEncodeError:
        raise ValueError(f"{name} must contain strings that a process can have, got {text!r:.200}") from None
    if size > LONGEST_TEXT:
        raise ValueError(f"{name} must hold strings of {LONGEST_TEXT} bytes at most, got {size}")
    return text
