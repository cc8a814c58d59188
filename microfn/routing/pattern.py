"""Patterns of routes, and their parser.

    /users/:id          static text "/users/", then the param ":id"
    /users/:id/posts    a param extends to the end of its segment, and text follows
    /src/*filepath      static text "/src", then the catch-all "/*filepath": its value begins with the slash

The parser checks a single pattern. The tree checks conflicts between patterns.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple, NoReturn, TypeVar

from ..errors import InvalidPattern

__all__ = ["Pattern", "casefold_pattern", "or_root", "parse", "shared", "with_pattern_case"]

T = TypeVar("T")

_WILDCARD = re.compile(r"([:*][^/]*)")


class Pattern(NamedTuple):
    """The text of a pattern and the names of its wildcards. `parse` creates only valid ones."""

    text: str
    names: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """Return static text, which can be empty, alternating with wildcards (":id", "/*path"). A catch-all is last.

        Computed on demand: stored, the parts are a tenth of the memory of a large table.
        """
        return _parts(self.text) if self.names else (self.text,)


def parse(text: str) -> Pattern:
    """Check and parse a pattern.

    >>> parse("/users/:id/posts")
    Pattern(text='/users/:id/posts', names=('id',))
    >>> parse("/src/*filepath").parts
    ('/src', '/*filepath')

    Raises `InvalidPattern` if the pattern is invalid, and TypeError if it is not a `str`.
    """
    if not isinstance(text, str):
        raise TypeError(f"pattern must be a str, got {type(text).__name__}: {text!r}")
    if not text.startswith("/"):
        raise InvalidPattern(
            text, "a pattern must begin with a slash" if text else "a pattern must not be empty; the root is '/'"
        )
    wildcard = _WILDCARD.search(text)
    if wildcard is None:
        return Pattern(text, ())
    try:
        return Pattern(text, _names(text[wildcard.start() - 1 :]))
    except InvalidPattern as error:
        raise InvalidPattern(text, error.reason) from None


def or_root(pattern: str) -> str:
    """Return the pattern, or the root for the empty pattern, which means the prefix of a Router."""
    return "/" if pattern == "" else pattern


@lru_cache(maxsize=4096)
def _names(text: str) -> tuple[str, ...]:
    """Return the names of the wildcards in the end of a pattern, from one character before the first wildcard.

    PERF: many patterns differ only before it, so each end is checked once. Raises `InvalidPattern`.
    """
    wildcards = _WILDCARD.findall(text)
    names = tuple([wildcard[1:] for wildcard in wildcards])
    for name, wildcard in zip(names, wildcards, strict=True):
        if not name or ":" in name or "*" in name:
            _refuse_wildcard(text, wildcard)
    if "*" in text:
        _check_catch_all(text, wildcards[-1])
    return names


def _parts(text: str) -> tuple[str, ...]:
    parts = _WILDCARD.split(text)
    if not parts[-1]:
        parts.pop()
    if parts[-1].startswith("*"):
        parts[-2:] = [parts[-2][:-1], "/" + parts[-1]]
    return tuple(parts)


@lru_cache(maxsize=4096)
def shared(value: T) -> T:
    """Return one object for all equal values, such as texts and tuples that many patterns share."""
    return value


def casefold_pattern(pattern: Pattern) -> Pattern | None:
    """Case-fold the text of a pattern character by character. Return the same object if nothing changes.

    Return None if a character folds into several: then positions in the folded path differ from those in the path.
    """
    if pattern.text.casefold() == pattern.text:
        return pattern
    parts = pattern.parts
    folded = [part if number % 2 else part.casefold() for number, part in enumerate(parts)]
    if any(len(new) != len(old) for new, old in zip(folded, parts, strict=True)):
        return None
    text = "".join(folded)
    return pattern if text == pattern.text else Pattern(text, pattern.names)


def with_pattern_case(pattern: Pattern, path: str) -> str:
    """Return `path`, which matches except for case, with the text of `pattern`.

    >>> with_pattern_case(parse("/Users/:id/posts"), "/USERS/Ann/Posts")
    '/Users/Ann/posts'
    """
    if not pattern.names:
        return pattern.text
    pieces: list[str] = []
    at = 0
    for number, part in enumerate(pattern.parts):
        if number % 2 == 0:
            pieces.append(part)
            at += len(part)
            continue
        end = path.find("/", at) if part[0] == ":" else -1
        end = len(path) if end < 0 else end
        pieces.append(path[at:end])
        at = end
    return "".join(pieces)


def _refuse_wildcard(text: str, wildcard: str) -> NoReturn:
    if len(wildcard) == 1:
        raise InvalidPattern(text, f"a wildcard must have a name, like '{wildcard}name'")
    raise InvalidPattern(text, f"a segment must have at most one wildcard, got {wildcard!r}")


def _check_catch_all(text: str, last: str) -> None:
    if text.count("*") > 1 or not last.startswith("*") or not text.endswith(last):
        raise InvalidPattern(text, "a catch-all must be last, since it matches the rest of the path")
    if not text.endswith("/" + last):
        raise InvalidPattern(text, f"a catch-all must follow a slash, like '/{last}'")
