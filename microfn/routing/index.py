"""The route table, compiled for lookups: the same results as the trees of all methods, without a walk.

A pattern without wildcards is a key of one dict. The others are grouped by *shape*: the text of the first segment,
the number of segments, and the positions of literal segments. For each shape, one `itemgetter` picks the literal
segments out of a path, and one dict maps them to a pattern. Shapes are tried literal-first from the left, which is
the precedence of overlap mode. The first shape that has the method wins. In strict mode, at most one shape matches.

    /users/:id/posts    bucket "users", 4 segments ("", "users", ":id", "posts"): {"posts": leaf}
    /src/*filepath      bucket "src", any number of segments from 3 on
    /:page              the bucket of patterns whose first segment is a wildcard

A leaf holds the values of all methods. If a path has no value for one method, the leaf lists the other methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from .pattern import Pattern, shared
from .shape import KeyOf, Shape, is_wildcard, shape_of

__all__ = ["NOT_UTF8", "NO_MATCH", "NO_PATH", "NO_PREFIX", "Index", "Miss"]

# PERF: a lookup among many routes spends its time in cache misses. So a leaf is a tuple of three. The tuple fits into
# one cache line (64 bytes), holds the single method of most patterns itself, and shares the rest with other leaves.
Params = dict[str, str]
Find = Callable[[str | None, str], tuple[Any, Any]]
Candidate = tuple[KeyOf | None, Any]
Binding = tuple[str | None, Any, dict[str, Any]]
"""How params are bound: `(name, source, entries)`.

    name    source                        the params
    "id"    a position                    one, a whole segment
    ""      (name, position) pairs        several, whole segments
    None    a function of the segments    some after a prefix, or in a catch-all

`entries` is empty, or holds value and binding of each method if the leaf has several.
"""
Leaf = tuple[str, Any, Binding]  # a method, its value and its binding
StaticLeaf = tuple[str, Any, tuple[dict[str, tuple[Any, Params]], "Miss"]]
"""The leaf of a path without params: a method, its value, and the values and the miss for other methods."""


class Miss(NamedTuple):
    """The result for a path without a value for a method."""

    methods: tuple[str, ...]
    """The methods that have a value."""
    may_redirect: bool = True
    """True if another spelling of the path might match."""


NO_MATCH = Miss(())
NO_PREFIX = Miss((), may_redirect=False)
"""No pattern has the first segment of this path, even if case is ignored."""
NOT_UTF8 = Miss((), may_redirect=False)
"""The path is not UTF-8, or a server has put characters there that are not bytes."""
NO_PATH = Miss((), may_redirect=False)
"""The path does not begin with a slash."""


class Index:
    """Values by method and pattern, looked up by method and path.

    >>> from microfn.routing.pattern import parse
    >>> index = Index([("GET", parse("/users/:id"), "show"), ("PUT", parse("/users/:id"), "change")])
    >>> index.find("GET", "/users/7")
    ('show', {'id': '7'})
    >>> index.find("POST", "/users/7")
    (None, Miss(methods=('GET', 'PUT'), may_redirect=True))
    """

    def __init__(self, items: Iterable[tuple[str, Pattern, Any]]) -> None:
        statics: dict[str, dict[str, Any]] = {}
        """Patterns without wildcards. Keys are WSGI strings: bytes decoded as latin-1 (PEP 3333)."""
        groups: dict[str | None, _Group] = {None: {}}
        first_segments: set[str] = set()
        for method, pattern, value in items:
            segments = pattern.text.split("/")
            first = None if is_wildcard(segments[1]) else segments[1]
            if first is not None:
                first_segments.add(first.casefold())
            if pattern.names:
                shape = shape_of(segments)
                table = groups.setdefault(first, {}).setdefault(shape, {})
                _add(table, shape.key_of(segments), method, value, _binding(pattern.names, shape))
            else:
                key = pattern.text if pattern.text.isascii() else pattern.text.encode().decode("latin-1")
                values = statics.get(key) or statics.setdefault(key, {})
                values[method] = value
        anything = groups.pop(None)
        buckets = {first: _Bucket({**anything, **group}) for first, group in groups.items() if first is not None}
        known: dict[str, StaticLeaf] = {}
        self.find = _finder(known, buckets, _Bucket(anything), first_segments)
        """`find(method, path)` returns `(value, params)` or `(None, Miss)`. `path` is a WSGI string."""
        for path, values in statics.items():
            known[path] = _static_leaf(path, values, self.find)


_miss = lru_cache(maxsize=4096)(Miss)
"""Shares the results of misses, since most paths have the same few methods."""


def _static_leaf(path: str, values: dict[str, Any], find: Find) -> StaticLeaf:
    """Return the leaf of a path, with its own values and those of patterns with wildcards, from `find`."""
    # No route has the method "", so its miss lists the methods of all patterns with wildcards.
    methods = [method for method in find("", path)[1].methods if method not in values]
    first, *more = values
    others: dict[str, tuple[Any, Params]] = {method: (values[method], {}) for method in more}
    others.update((method, find(method, path)) for method in methods)
    miss = _miss((*values, *methods))
    return first, values[first], (others, miss) if others else _without_others(miss)


@lru_cache(maxsize=4096)
def _without_others(miss: Miss) -> tuple[dict[str, tuple[Any, Params]], Miss]:
    return {}, miss


def _finder(  # noqa: C901 - it holds the search, see PERF
    statics: dict[str, StaticLeaf], buckets: dict[str, _Bucket], anything: _Bucket, first_segments: set[str]
) -> Find:
    """Create the search: first in the paths without wildcards, then in the bucket of the first segment.

    PERF: a request calls this once. A function reads names faster than attributes. A single param is bound without a
    loop, and several with one, since `dict(zip(...))` takes twice as long.
    """

    def find(method: Any, path: str) -> tuple[Any, Any]:  # noqa: C901, PLR0912
        # 1. The path is the text of a pattern.
        leaf = statics.get(path)
        if leaf is not None:
            first, value, rest = leaf
            if first == method:
                return value, {}
            others, miss = rest
            if method in others:
                value, params = others[method]
                return value, params.copy()
            return None, miss
        # 2. Patterns are text; WSGI paths are bytes decoded as latin-1 (PEP 3333).
        if not path.isascii():
            try:
                path = path.encode("latin-1").decode()
            except ValueError:
                return None, NOT_UTF8
        # 3. The first segment selects a bucket.
        segments = path.split("/")
        if segments[0] or not path:
            return None, NO_PATH
        bucket = buckets.get(segments[1], anything)
        if not bucket:
            if "//" in path or "/." in path or segments[1].casefold() in first_segments:
                return None, NO_MATCH
            return None, NO_PREFIX
        # 4. The number of segments selects the shapes. A param at the end is not empty, so a path with a slash at the
        #    end has a negative number.
        count = len(segments)
        candidates = bucket.get(count if segments[-1] else -count) or bucket.longer_than(count)
        # 5. The first shape with a pattern for this path and a value for the method wins.
        methods: tuple[str, ...] = ()
        for key_of, table in candidates:
            leaf = table.get(key_of(segments)) if key_of else table
            if leaf is not None:
                first, value, binding = leaf
                if first == method:
                    break
                entries = binding[2]
                if method in entries:
                    value, binding = entries[method]
                    break
                methods += tuple(entries) or (first,)
        else:
            return None, _miss(methods) if methods else NO_MATCH
        # 6. Bind the params: one, those that a function binds, or several.
        name, source, _ = binding
        if name:
            return value, {name: segments[source]}
        if name is None:
            return value, source(segments)
        params = {}
        for name, position in source:
            params[name] = segments[position]
        return value, params

    return find


_Group = dict[Shape, dict[Any, Leaf]]


class _Bucket(dict[int, tuple[Candidate, ...]]):
    """The shapes to try, by the number of segments, ordered by rank."""

    def __init__(self, group: _Group) -> None:
        candidates = [(shape, _candidate(shape, group[shape])) for shape in sorted(group, key=attrgetter("ranks"))]
        counts = {shape.size for shape in group}
        self.longest = max(map(abs, counts), default=0)
        if any(shape.is_open for shape in group):
            for count in range(2, self.longest + 1):
                counts |= {count, -count}
        for count in counts:
            self[count] = tuple([candidate for shape, candidate in candidates if shape.accepts(count)])
        self.open = tuple([candidate for shape, candidate in candidates if shape.is_open])

    def longer_than(self, count: int) -> tuple[Candidate, ...]:
        """Return the shapes to try if no pattern has this number of segments: catch-alls with fewer segments."""
        return self.open if count > self.longest else ()


def _add(table: dict[Any, Leaf], key: Any, method: str, value: Any, binding: Binding) -> None:
    """Add the value of a method to the leaf of a pattern, or replace it."""
    if key not in table:
        table[shared(key)] = method, value, binding
        return
    first, own, (name, source, entries) = table[key]
    entries = {first: (own, (name, source, {})), **entries, method: (value, binding)}
    own, (name, source, _) = entries[first]
    table[key] = first, own, (name, source, entries)


@lru_cache(maxsize=4096)
def _binding(names: tuple[str, ...], shape: Shape) -> Binding:
    """Return the binding of params with these names. Most patterns of a shape share it."""
    if shape.positions is None:
        return None, _binder(names, shape), {}
    if len(names) > 1:
        return "", tuple(zip(names, shape.positions, strict=True)), {}
    return names[0], shape.positions[0], {}


def _candidate(shape: Shape, table: dict[Any, Leaf]) -> Candidate:
    """Return the lookup of a shape: None and the leaf if no text distinguishes its patterns."""
    return (shape.key_of, table) if shape.has_literals else (None, table[""])


def _binder(names: tuple[str, ...], shape: Shape) -> Callable[[list[str]], dict[str, str]]:
    """Return a function that binds params if some are not whole segments, after a prefix or in a catch-all."""

    def bind(segments: list[str]) -> dict[str, str]:
        values = [segments[position][length:] for position, length in shape.params]
        if shape.is_open:
            values.append("/" + "/".join(segments[shape.size - 1 :]))
        return dict(zip(names, values, strict=True))

    return bind
