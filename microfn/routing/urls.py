"""Reverse URLs: from the name of a route, or its handle, to a path that leads there and nowhere else."""

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
"""A query: names with their values, of which a list or tuple is several, and None is left out."""

_NO_TEXT = (type(None), bytes, bytearray, list, tuple, dict, set, frozenset)


class Urls:
    """The URLs of a table's routes. `is_mounted` says of a path whether a mount would take it."""

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
        """The path of the route of this name or handle, as text, and the query, percent-encoded.

        Of a Router that was included several times it is the route that shares most of its scope with `near`. `query`
        is a param if the pattern has one of this name. Raises `InvalidUrl` where the path would not lead to the route.
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
                hint = f"did you mean {near_name!r}?" if near_name else f"it has {', '.join(names) or 'none'}"
                raise InvalidUrl(target, f"{name!r} is no param of {route.pattern}; {hint}")
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
            raise InvalidUrl(name, "no route has this name" + (f"; did you mean {near!r}?" if near else ""))
        return [route] if route.origin is None else self._by_target[name]

    def _handled(self, handle: Handle) -> list[Route]:
        try:
            routes = self._by_target.get(handle)
        except TypeError:  # it has no hash
            routes = None
        if routes is None:
            raise InvalidUrl(handle, "it has no route")
        return routes

    @cached_property
    def _by_target(self) -> dict[str | Handle, list[Route]]:
        """The routes of each handle and of each name, in the order of their registration."""
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
                raise InvalidUrl(target, f"{path!r} holds a surrogate, which no request can send as UTF-8") from None
        # RFC 3986, section 5.2.4: clients resolve dot segments, and hosts merge slashes.
        if "/." in path and len(pieces) > 1 and not {".", ".."}.isdisjoint(path.split("/")):
            raise InvalidUrl(target, f"{path!r} has a dot segment, which clients resolve")
        if self._is_mounted(path):
            raise InvalidUrl(target, f"{path!r} would lead to a mount")
        if self._table.overlap:
            other: Any = self._table.route_at(route.method, path)
            if other is not None and other.pattern != route.pattern:
                raise InvalidUrl(target, f"{path!r} would lead to {other}")


def _nearest(routes: Sequence[Route], near: Scope) -> list[Route]:
    """The routes without those that were included elsewhere, if the same was included in a scope nearer to `near`."""
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
    """The first route whose params are exactly those given, of which `query` may be the query."""
    for route in routes:
        names = set(route.parsed.names)
        if names == set(given) or names == set(given) - {"query"}:
            return route
    patterns = list(dict.fromkeys(route.pattern for route in routes))
    if len(patterns) == 1:
        return routes[0]
    raise InvalidUrl(
        target, f"none of {', '.join(patterns)} has just these params: {', '.join(sorted(given)) or 'none'}"
    )


def _encode_query(target: object, query: Any) -> str:
    """The query as a form has it. A MultiDict has several values of a name in `lists`."""
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
            raise InvalidUrl(target, f"query must hold names with texts or numbers, got {name!r}: {text!r:.200}")
    try:
        return urlencode(encoded)
    except UnicodeEncodeError:
        raise InvalidUrl(target, "query must be text that UTF-8 can say, got half of a surrogate pair") from None


def _filled(target: object, route: Route, wildcard: str, params: Mapping[str, object]) -> str:
    """The text in the place of a wildcard: ":id", or "/*filepath"."""
    is_catch_all = wildcard[0] == "/"
    name = wildcard.lstrip("/:*")
    if name not in params:
        raise InvalidUrl(target, f"{route.pattern} lacks its param {name!r}")
    value = params[name]
    text = "" if isinstance(value, _NO_TEXT) else str(value)
    if not text:
        raise InvalidUrl(target, f"the param {name!r} cannot be {value!r}, which is no text of a path")
    if is_catch_all:
        text = text if text[0] == "/" else f"/{text}"
        if "//" in text:
            raise InvalidUrl(target, f"the param {name!r} is {value!r}, whose '//' hosts would make one")
    elif "/" in text:
        raise InvalidUrl(target, f"the param {name!r} is {value!r}, and a param has no slash, also not an escaped one")
    converter = route.converters.get(name)
    if converter is not None:
        try:
            converter(text)
        except (ValueError, ArithmeticError):
            raise InvalidUrl(target, f"the param {name!r} is {value!r}, which its converter refuses") from None
    return text
