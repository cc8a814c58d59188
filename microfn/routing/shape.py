"""Shapes of patterns: the order of text, params and a catch-all in their segments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

__all__ = ["KeyOf", "Shape", "is_wildcard", "shape_of"]

KeyOf = Callable[[Sequence[str]], Any]
"""Maps the segments of a path to the key of the pattern that can match."""

# Literal text is tried first, then a param by the length of the text before it, then a catch-all. Text right before a
# catch-all ranks between them. For "/v1/y", the patterns "/v1:x/y" and "/v1/*rest" differ at the second slash: one
# has a param there, and the other its catch-all.
_LITERAL, _CATCH_ALL = -(1 << 30), 2


class Shape:
    """Patterns with text, params and a catch-all in the same order of segments. One key distinguishes them.

    Patterns of one shape have the same outline, which has "x" for text and no names. Only the text before a wildcard
    counts, by its length:

        /users/:id/posts and /items/:item/parts     /x/:/x      the key is the last segment
        /v:number/*rest and /w:number/*rest         /x:/*       the key is the text before the number
    """

    __slots__ = ("has_literals", "is_open", "key_of", "params", "positions", "ranks", "size")

    ranks: tuple[int, ...]
    """The rank of each segment. If two shapes match a path, the one with lower ranks is tried first."""
    size: int
    """The number of segments of a path, negative if the last is empty. For a catch-all, the minimum."""
    is_open: bool
    """True if the shape ends with a catch-all."""
    params: tuple[tuple[int, int], ...]
    """The positions of params, with the length of the text before each in its segment."""
    positions: tuple[int, ...] | None
    """The positions of params, if all values are whole segments."""
    has_literals: bool
    """True if text follows the first segment. The first segment belongs to the bucket."""
    key_of: KeyOf
    """Picks that text out of the segments of a path or a pattern."""

    def __init__(self, outline: str) -> None:
        segments = outline.split("/")
        last = len(segments) - 1
        end = len(segments) if segments[last] else last
        params = tuple((position, text.index(":")) for position, text in enumerate(segments) if ":" in text)
        prefixes = tuple((position, length) for position, length in params if length)
        literals = tuple(position for position in range(2, end) if not is_wildcard(segments[position]))
        last_prefix = params[-1][1] if params and params[-1][0] == last else 0
        self.ranks = tuple(map(_rank_of, segments, [*segments[1:], ""]))
        self.is_open = segments[last] == "*"
        self.size = len(segments) if segments[last] else -len(segments)
        self.params = params
        self.positions = None if self.is_open or prefixes else tuple(position for position, _ in params)
        self.has_literals = bool(literals or prefixes)
        self.key_of = _key_function(literals, prefixes, last_prefix)

    def accepts(self, count: int) -> bool:
        """Return True if a path with this number of segments can match."""
        return self.size <= abs(count) if self.is_open else self.size == count


def is_wildcard(segment: str) -> bool:
    """Return True if a segment of a pattern, or of an outline, has a wildcard."""
    return ":" in segment or "*" in segment


def _rank_of(segment: str, following: str) -> int:
    """Return the rank of a segment of an outline; a lower rank is tried first. `following` is the next segment."""
    if segment == "*":
        return _CATCH_ALL
    if ":" in segment:
        return -2 * segment.index(":")
    return 1 - 2 * len(segment) if following == "*" else _LITERAL


@lru_cache(maxsize=4096)
def _outline_of(segment: str) -> str:
    """Return the outline of a segment: its wildcard without a name, after an "x" for each character; or one "x"."""
    if ":" in segment:
        return "x" * segment.index(":") + ":"
    return segment and ("*" if segment[0] == "*" else "x")


def shape_of(segments: Sequence[str]) -> Shape:
    """Return the shape of the pattern with these segments. Patterns with one outline share it."""
    outline = list(map(_outline_of, segments))
    if outline[-1] == "*" and outline[-2] == "x":
        outline[-2] = "x" * len(segments[-2])
    return _shape_by_outline("/".join(outline))


_shape_by_outline = lru_cache(maxsize=4096)(Shape)


def _key_function(literals: tuple[int, ...], prefixes: tuple[tuple[int, int], ...], last_prefix: int) -> KeyOf:
    """Return the function of the key. `last_prefix` is the length of the text before a param at the end."""
    if not prefixes:
        return itemgetter(*(literals or (0,)))

    def key_of(segments: Sequence[str]) -> tuple[str, ...] | None:
        if last_prefix and len(segments[-1]) == last_prefix:
            return None
        return (
            *[segments[position] for position in literals],
            *[segments[position][:length] for position, length in prefixes],
        )

    return key_of
