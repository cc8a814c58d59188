"""The model of the tree by brute force: every pattern is tried on every path.

The model follows only the definitions, and shares no code with the tree. A pattern is a list of tokens: one for each
character of its text, one for a param, and one for a catch-all with its slash.
"""

from __future__ import annotations

import functools
import operator

TEXT, PARAM, REST = range(3)
"""The kinds of tokens, the one that wins in overlap mode first."""


@functools.lru_cache(10_000)
def parse(pattern):
    """Return the pattern's tokens, as (kind, character or name) pairs, or None if it is malformed."""
    if not pattern.startswith("/"):
        return None
    tokens = []
    segments = pattern[1:].split("/")
    for number, segment in enumerate(segments):
        at = min((i for i, char in enumerate(segment) if char in ":*"), default=len(segment))
        text, mark, name = segment[:at], segment[at : at + 1], segment[at + 1 :]
        if mark and (not name or ":" in name or "*" in name):
            return None
        if mark == "*":
            if text or number < len(segments) - 1:
                return None
            tokens.append((REST, name))
            continue
        tokens += [(TEXT, char) for char in "/" + text]
        if mark:
            tokens.append((PARAM, name))
    return tokens


def shape(tokens):
    """The tokens with the names struck out."""
    return [(kind, text if kind == TEXT else "") for kind, text in tokens]


def clash(one, other, *, overlap=False):
    """Return the reason if two patterns conflict in one tree, "same", "names" or "place", or None."""
    if overlap:
        return "same" if shape(one) == shape(other) else None
    if one == other:
        return "same"
    for first, second in zip(one, other, strict=False):
        if first == second:
            continue
        kinds = {first[0], second[0]}
        if kinds == {TEXT}:
            return None
        if kinds == {REST, TEXT} and (TEXT, "/") not in (first, second):
            return None
        return "names" if len(kinds) == 1 else "place"
    return None


def same_but_for_case(one, other):
    return one == other or one.casefold() == other.casefold()


def match(tokens, path, same=operator.eq):
    """Return the path in the spelling of the pattern, and its params, or None without a match."""
    at = 0
    spelling = ""
    params = []
    for kind, text in tokens:
        if at == len(path):
            return None
        if kind == TEXT:
            if not same(path[at], text):
                return None
            spelling += text
            at += 1
            continue
        if kind == REST and path[at] != "/":
            return None
        end = path.find("/", at) if kind == PARAM else -1
        value = path[at:] if end < 0 else path[at:end]
        spelling += value
        params.append((text, value))
        at += len(value)
    return (spelling, params) if at == len(path) else None


def otherwise(path):
    """Return the path with one slash less or more at its end, or None if it has no other spelling."""
    if not path.strip("/") and len(path) < 2:
        return None
    return path[:-1] if path[-1] == "/" else f"{path}/"


class Model:
    """A set of patterns, and the answers of a tree that holds them."""

    def __init__(self, *, overlap=False):
        self.overlap = overlap
        self.routes = {}

    def clashes(self, pattern):
        """The registered patterns that `pattern` collides with, each with the reason."""
        tokens = parse(pattern)
        found = {known: clash(tokens, parse(known), overlap=self.overlap) for known in self.routes}
        return {known: why for known, why in found.items() if why}

    def accepts(self, pattern):
        return parse(pattern) is not None and not self.clashes(pattern)

    def add(self, pattern, handle):
        """Register the pattern if it is acceptable, and return True if it was."""
        accepted = self.accepts(pattern)
        if accepted:
            self.routes[pattern] = handle
        return accepted

    def match(self, path):
        """(handle, params) of the pattern that wins, or None."""
        found = []
        for pattern, handle in self.routes.items():
            tokens = parse(pattern)
            if (matched := match(tokens, path)) is not None:
                found.append(([kind for kind, _ in tokens], handle, matched[1]))
        assert len(found) < 2 or self.overlap, f"{path!r} matches {len(found)} patterns"
        if not found:
            return None
        best = min(found, key=operator.itemgetter(0))
        assert [one[0] for one in found].count(best[0]) == 1
        return best[1:]

    def get_value(self, path):
        if (hit := self.match(path)) is not None:
            return *hit, False
        other = otherwise(path)
        return None, [], other is not None and self.match(other) is not None

    def spellings(self, path, fix_trailing_slash):
        """Every acceptable answer of the search without regard to case."""
        if self.match(path) is not None:
            return {path}
        found = [match(parse(pattern), path, same_but_for_case) for pattern in self.routes]
        spellings = {matched[0] for matched in found if matched is not None}
        other = otherwise(path)
        if spellings or not fix_trailing_slash or other is None:
            return spellings
        return self.spellings(other, False)
