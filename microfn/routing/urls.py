"""Reverse URLs: from the name of a route, or its handle, to a path that matches only this route."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from ..arguments import nearest
from ..errors import InvalidUrl
from .handle import Handle
from .route import Route
from .scope import Scope
from .table import Table

__all__ = ["Query", "Urls"]

Query = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""A query: names with values. A list or tuple means several values, and None is omitted."""

_NO_TEXT = (type(None), bytes, bytearray, list, tuple, dict, set, frozenset)


class Urls:
    """The URLs of a table's routes. `is_mounted(path)` returns True if a mount gets the path."""

    def __init__(
        self, names: Mapping[str, Route], routes: Sequence[Route], table: Table, is_mounted: Callable[[str], bool]
    ) -> None:
        self._names = names
        self._routes = routes
        self._table = table
        self._is_mounted = is_mounted

    def url_for(
        self, target: str | Handle, params: Mapping[str, object], query: object = None, near: Scope | None = None
    ) -> tuple[str, str]:
        """Return the path of the route with this name or handle, as text, and the percent-encoded query.

        If a Router was included several times, the route that shares most of its scope with `near` is used. `query` is
        a param if the pattern has a param of this name. Raises `InvalidUrl` if the path would not match the route.
        """
        routes = self._named(target) if isinstance(target, str) else self._handled(target)
        route = routes[0]
        if len(routes) > 1:
            given = params.keys() if query is None else {*params, "query"}
            route = _choose(target, _nearest(routes, near) if near is not None else routes, given)
        names = route.parsed.names
        if query is not None and "query" in names:
            params, query = {**params, "query": query}, None
        for name in params:
            if name not in names:
                near_name = nearest(name, names)
                hint = f"did you mean {near_name!r}?" if near_name else f"its params are {', '.join(names) or 'none'}"
                if near_name is None and "query" not in names:
                    hint += f"; for the query, pass query={{{name!r}: ...}}"
                raise InvalidUrl(target, f"{route.pattern} has no param {name!r}; {hint}")
        pieces = [
            _filled(target, route, part, params) if number % 2 else part
            for number, part in enumerate(route.parsed.parts)
        ]
        path = "".join(pieces)
        self._check(target, route, path, pieces)
        return path, "" if query is None else _encode_query(target, query)

    def _named(self, name: str) -> list[Route]:
        route = self._names.get(name)
        if route is None:
            near = nearest(name, self._names)
            unnamed = f"routes have no name by default, so pass the handle, or register it with name={name!r}"
            hint = f"did you mean {near!r}?" if near else unnamed
            raise InvalidUrl(name, f"there is no route with this name; {hint}")
        return [route] if route.origin is None else self._by_target[name]

    def _handled(self, handle: Handle) -> list[Route]:
        try:
            routes = self._by_target.get(handle)
        except TypeError:  # unhashable
            routes = None
        if routes is None:
            raise InvalidUrl(handle, "it has no route")
        return routes

    @cached_property
    def _by_target(self) -> dict[str | Handle, list[Route]]:
        """The routes of each handle and of each name, in the order of registration."""
        by_target: dict[str | Handle, list[Route]] = {}
        for route in self._routes:
            if isinstance(route.handle, Hashable):
                by_target.setdefault(route.handle, []).append(route)
            if route.name is not None:
                by_target.setdefault(route.name, []).append(route)
        return by_target

    def _check(self, target: object, route: Route, path: str, pieces: Sequence[str]) -> None:
        if not path.isascii():
            try:
                path.encode()
            except UnicodeEncodeError:
                raise InvalidUrl(
                    target, f"the path must be without surrogates, since UTF-8 cannot encode them, got {path!r}"
                ) from None
        # RFC 3986, section 5.2.4: clients resolve dot segments, and servers merge slashes.
        if "/." in path and len(pieces) > 1 and not {".", ".."}.isdisjoint(path.split("/")):
            raise InvalidUrl(target, f"the path must be without dot segments, since clients resolve them, got {path!r}")
        if self._is_mounted(path):
            raise InvalidUrl(target, f"{path!r} matches a mount")
        if self._table.overlap:
            other: Any = self._table.route_at(route.method, path)
            if other is not None and other.pattern != route.pattern:
                raise InvalidUrl(target, f"{path!r} matches {other}")


def _nearest(routes: Sequence[Route], near: Scope) -> list[Route]:
    """Return the routes without those included elsewhere, if the same route is included in a scope nearer to `near`."""
    lineage = near.lineage()
    depths = [len([part for part in route.scope.lineage() if part in lineage]) for route in routes]
    deepest: dict[object, int] = {}
    for route, depth in zip(routes, depths, strict=True):
        deepest[route.origin] = max(depth, deepest.get(route.origin, 0))
    return [
        route
        for route, depth in zip(routes, depths, strict=True)
        if route.origin is None or depth == deepest[route.origin]
    ]


def _choose(target: object, routes: Sequence[Route], given: Collection[str]) -> Route:
    """Return the first route whose params equal those given, except for `query`, which can be the query."""
    for route in routes:
        names = set(route.parsed.names)
        if names == set(given) or names == set(given) - {"query"}:
            return route
    patterns = list(dict.fromkeys(route.pattern for route in routes))
    if len(patterns) == 1:
        return routes[0]
    raise InvalidUrl(
        target, f"params must be those of one of {', '.join(patterns)}, got {', '.join(sorted(given)) or 'none'}"
    )


def _encode_query(target: object, query: Any) -> str:
    """Encode the query as a form. A MultiDict has several values of a name in `lists`."""
    pairs = query.lists() if hasattr(query, "lists") else query.items() if isinstance(query, Mapping) else query
    listed: list[Any] = list(pairs) if isinstance(pairs, Iterable) else [None]
    if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in listed):
        raise InvalidUrl(target, f"query must be a mapping or pairs of names and values, got {query!r:.200}")
    encoded = [
        (name, text)
        for name, value in listed
        for text in (value if isinstance(value, (list, tuple)) else (value,))
        if text is not None
    ]
    for name, text in encoded:
        if not isinstance(name, str) or isinstance(text, _NO_TEXT):
            raise InvalidUrl(target, f"query must have str or numbers as values, got {name!r}: {text!r:.200}")
    try:
        return urlencode(encoded)
    except UnicodeEncodeError:
        raise InvalidUrl(target, "query must be without surrogates, since UTF-8 cannot encode them") from None


def _filled(target: object, route: Route, wildcard: str, params: Mapping[str, object]) -> str:
    """Return the text that replaces a wildcard: ":id", or "/*filepath"."""
    is_catch_all = wildcard[0] == "/"
    name = wildcard.lstrip("/:*")
    if name not in params:
        raise InvalidUrl(target, f"{route.pattern} needs the param {name!r}")
    value = params[name]
    text = "" if isinstance(value, _NO_TEXT) else str(value)
    if not text:
        raise InvalidUrl(target, f"the param {name!r} must be non-empty text or a number, got {value!r}")
    if is_catch_all:
        text = text if text[0] == "/" else f"/{text}"
        if "//" in text:
            raise InvalidUrl(
                target, f"the param {name!r} must be without '//', since servers merge slashes, got {value!r}"
            )
    elif "/" in text:
        raise InvalidUrl(target, f"the param {name!r} must be without slashes, even escaped ones, got {value!r}")
    converter = route.converters.get(name)
    if converter is not None:
        try:
            converter(text)
        except (ValueError, ArithmeticError):
            raise InvalidUrl(
                target, f"the param {name!r} must be a value that its converter accepts, got {value!r}"
            ) from None
    return text
