"""A token: the tokens or the memory that a call has acquired."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

__all__ = ["Token", "release_all"]


class Token(Protocol):
    """Acquired tokens or memory. Releasing it twice releases it once."""

    count: int

    def release(self) -> None:
        """Give it to other calls."""


def release_all(tokens: list[Token]) -> None:
    """Release tokens and empty the list. Twice, or from two threads, releases each of them once."""
    with suppress(IndexError):
        while True:
            tokens.pop().release()
