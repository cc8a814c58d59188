"""The route table compiled for lookups: answers what the trees of all methods would, without walking them.

A pattern without wildcards is a key of one dict. The others are grouped by *shape*: the text of their first segment,
the number of their segments, and which of those are literal. For a shape, one `itemgetter` picks the literal segments
out of a path, and one dict tells whether a pattern has just these. Shapes are tried literal-first from the left, which
is the precedence of overlap mode, so the first one that has the method is the answer (in strict mode there is one at
most).

    /users/:id/posts    bucket "users", 4 segments ("", "users", ":id", "posts"): {"posts": leaf}
    /src/*filepath      bucket "src", any number of segments from 3 on
    /:page              the bucket of what may begin with anything

A leaf is a dict from methods to routes, so that a path without a route for one method tells which methods have one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from .pattern import Pattern

__all__ = ["Index"]

Leaf = dict[str, Any]
Pick = Callable[[Sequence[str]], Any]
Candidate = tuple[Pick | None, Any]

# How early a segment is tried: text, then a param by the length of the text before it, then a catch-all. Text right
# before a catch-all ranks between: with "/v1:x/y" beside "/v1/*rest", "/v1/y" parts at the second slash, where one has
# a param and the other its catch-all.
_LITERAL, _CATCH_ALL = -(1 << 30), 2


class Index:
    """Values by method and pattern, looked up by method and path.

    >>> from microfn.pattern import parse
    >>> index = Index([("GET", parse("/users/:id"), "show"), ("PUT", parse("/users/:id"), "change")])
    >>> index.find("GET", "/users/7")
    ('show', {'id': '7'})
    >>> value, leaves = index.find("POST", "/users/7")
    >>> value, [sorted(leaf) for leaf in leaves]
    (None, [['GET', 'PUT']])
    """

    def __init__(self, items: Iterable[tuple[str, Pattern, Any]]) -> None:
        statics: dict[str, Leaf] = {}
        groups: dict[str | None, _Group] = {None: {}}
        for method, pattern, value in items:
            if pattern.names:
                _add(groups, method, pattern, value)
            else:
                key = pattern.text if pattern.text.isascii() else pattern.text.encode().decode("latin-1")
                statics.setdefault(key, {})[method] = value
        anything = groups.pop(None)
        buckets = {first: _Bucket({**anything, **group}) for first, group in groups.items() if first is not None}
        self.find = _finder(statics, buckets, _Bucket(anything))
        """`find(method, path)`: what `path`, as WSGI has it, leads to.

        `(value, params)`, or `(None, leaves)`: what other methods have for it. Where the path is not UTF-8, or a host
        has put characters there that are no bytes, the leaves are None too.
        """


def _finder(  # noqa: C901 - see PERF
    statics: dict[str, Leaf], buckets: dict[str, _Bucket], anything: _Bucket
) -> Callable[[str, str], tuple[Any, Any]]:
    """The search in patterns without wildcards, keyed as WSGI has paths; in the buckets of first segments; in the rest.

    PERF: a request calls this once. It is a function because names are read faster there than attributes are; a single
    param is bound by itself, and others by a loop, since `dict(zip(...))` takes twice as long.
    """

    def find(method: str, path: str) -> tuple[Any, Any]:  # noqa: C901
        leaves: Any = ()
        leaf = statics.get(path)
        if leaf is not None:
            value = leaf.get(method)
            if value is not None:
                return value, {}
            leaves = (leaf,)
        if not path.isascii():
            try:
                path = path.encode("latin-1").decode()
            except ValueError:
                return None, None
        segments = path.split("/")
        if segments[0]:
            return None, leaves
        bucket = buckets.get(segments[1], anything)
        if not bucket:
            return None, leaves
        count = len(segments)
        # A param at the end is not empty, so paths with a slash at the end are a case of their own.
        for pick, table in bucket.get(count if segments[-1] else -count) or bucket.beyond(count):
            leaf = table.get(pick(segments)) if pick else table
            if leaf is not None:
                entry = leaf.get(method)
                if entry is not None:
                    value, name, places = entry
                    if name:
                        return value, {name: segments[places]}
                    if name is None:
                        return value, places(segments)
                    params = {}
                    for name, place in places:
                        params[name] = segments[place]
                    return value, params
                leaves += (leaf,)
        return None, leaves

    return find


class _Shape(NamedTuple):
    """What the patterns have in common that are told apart by one look at a path."""

    ranks: tuple[int, ...]
    """What each segment is; of two shapes that match a path, the lower one is tried first."""
    size: int
    """How many segments a path has, negative where the last one is empty; under a catch-all, how many at least."""
    literals: tuple[int, ...]
    """The places of text, but for the first segment, which the bucket stands for."""
    params: tuple[tuple[int, int], ...]
    """The places of params, and how much text precedes each in its segment."""

    @classmethod
    def of(cls, segments: list[str]) -> _Shape:
        ranks, literals, params = [], [], []
        last = len(segments) - 1
        for place, segment in enumerate(segments):
            prefix, colon, _ = segment.partition(":")
            if colon:
                ranks.append(-2 * len(prefix))
                params.append((place, len(prefix)))
            elif segment.startswith("*"):
                ranks.append(_CATCH_ALL)
            else:
                is_before_catch_all = place < last and segments[place + 1].startswith("*")
                ranks.append(1 - 2 * len(segment) if is_before_catch_all else _LITERAL)
                if place > 1 and (segment or place < last):
                    literals.append(place)
        return cls(tuple(ranks), last + 1 if segments[last] else -last - 1, tuple(literals), tuple(params))

    @property
    def is_open(self) -> bool:
        return self.ranks[-1] == _CATCH_ALL

    def fits(self, count: int) -> bool:
        """Whether a path with so many segments can match."""
        return self.size <= abs(count) if self.is_open else self.size == count


_Group = dict[_Shape, dict[Any, Leaf]]


class _Bucket(dict[int, list[Candidate]]):
    """The shapes to try, by the number of segments, in the order of their ranks."""

    def __init__(self, group: _Group) -> None:
        candidates = [(shape, _candidate(shape, group[shape])) for shape in sorted(group)]
        counts = {shape.size for shape in group}
        self.longest = max(map(abs, counts), default=0)
        if any(shape.is_open for shape in group):
            for count in range(2, self.longest + 1):
                counts |= {count, -count}
        for count in counts:
            self[count] = [candidate for shape, candidate in candidates if shape.fits(count)]
        self.open = [candidate for shape, candidate in candidates if shape.is_open]

    def beyond(self, count: int) -> list[Candidate]:
        """The shapes to try for so many segments as no pattern has: the catch-alls where there are more."""
        return self.open if count > self.longest else []


def _add(groups: dict[str | None, _Group], method: str, pattern: Pattern, value: Any) -> None:
    segments = pattern.text.split("/")
    shape = _Shape.of(segments)
    first = None if segments[1].startswith("*") or ":" in segments[1] else segments[1]
    table = groups.setdefault(first, {}).setdefault(shape, {})
    leaf = table.setdefault(_picker(shape)(segments), {})
    places = [place for place, length in shape.params if not length]
    if len(places) < len(pattern.names):
        leaf[method] = (value, None, _binder(pattern.names, shape))
    elif len(places) > 1:
        leaf[method] = (value, "", tuple(zip(pattern.names, places, strict=True)))
    else:
        leaf[method] = (value, pattern.names[0], places[0])


def _candidate(shape: _Shape, table: dict[Any, Leaf]) -> Candidate:
    """How to look for patterns of this shape: None and the leaf where there is no text left to tell them apart."""
    is_plain = not shape.literals and not any(length for _, length in shape.params)
    return (None, table[""]) if is_plain else (_picker(shape), table)


def _picker(shape: _Shape) -> Pick:
    """Picks, out of a path's segments or a pattern's, the text that tells patterns of this shape apart."""
    prefixes = tuple((place, length) for place, length in shape.params if length)
    last = shape.params[-1] if shape.params and shape.params[-1][0] == len(shape.ranks) - 1 else (0, 0)
    return _cached_picker(shape.literals, prefixes, last[1])


@cache
def _cached_picker(literals: tuple[int, ...], prefixes: tuple[tuple[int, int], ...], last_prefix: int) -> Pick:
    if not prefixes:
        return itemgetter(*(literals or (0,)))

    def pick(segments: Sequence[str]) -> tuple[str, ...] | None:
        if last_prefix and len(segments[-1]) == last_prefix:
            return None  # at the end of a path a param is not empty
        return (
            *[segments[place] for place in literals],
            *[segments[place][:length] for place, length in prefixes],
        )

    return pick


def _binder(names: tuple[str, ...], shape: _Shape) -> Callable[[list[str]], dict[str, str]]:
    """Binds params that are not all whole segments: behind a prefix, or a catch-all."""

    def bind(segments: list[str]) -> dict[str, str]:
        values = [segments[place][length:] for place, length in shape.params]
        if shape.is_open:
            values.append("/" + "/".join(segments[shape.size - 1 :]))
        return dict(zip(names, values, strict=True))

    return bind
