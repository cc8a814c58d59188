"""Reverse URLs: from the name of a route, or its handle, to a path that leads there and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from ..arguments import nearest
from ..errors import InvalidUrl
from .handle import Handle
from .route import Route
from .table import Table

__all__ = ["Urls"]

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
        self._by_handle: dict[Handle, list[Route]] | None = None

    def path_for(self, target: str | Handle, params: Mapping[str, object]) -> str:
        """The path of the route of this name or handle, as text. Raises `InvalidUrl` where it would not lead there."""
        route = self._named(target) if isinstance(target, str) else self._handled(target)
        names = route.parsed.names
        for name in params:
            if name not in names:
                near = nearest(name, names)
                hint = f"did you mean {near!r}?" if near else f"it has {', '.join(names) or 'none'}"
                raise InvalidUrl(target, f"{name!r} is no param of {route.pattern}; {hint}")
        pieces = [
            _filled(target, route, part, params) if number % 2 else part
            for number, part in enumerate(route.parsed.parts)
        ]
        path = "".join(pieces)
        self._check(target, route, path, pieces)
        return path

    def _named(self, name: str) -> Route:
        route = self._names.get(name)
        if route is None:
            near = nearest(name, self._names)
            raise InvalidUrl(name, "no route has this name" + (f"; did you mean {near!r}?" if near else ""))
        return route

    def _handled(self, handle: Handle) -> Route:
        if self._by_handle is None:
            by_handle: dict[Handle, list[Route]] = {}
            for route in self._routes:
                if isinstance(route.handle, Hashable):
                    by_handle.setdefault(route.handle, []).append(route)
            self._by_handle = by_handle
        routes = self._by_handle.get(handle, []) if isinstance(handle, Hashable) else []
        patterns = {route.pattern for route in routes}
        if len(patterns) != 1:
            reason = (
                f"it has several routes, {', '.join(sorted(patterns))}; use a name" if routes else "it has no route"
            )
            raise InvalidUrl(handle, reason)
        return routes[0]

    def _check(self, target: object, route: Route, path: str, pieces: Sequence[str]) -> None:
        try:
            path.encode()
        except UnicodeEncodeError:
            raise InvalidUrl(target, f"{path!r} holds a surrogate, which no request can send as UTF-8") from None
        # RFC 3986, section 5.2.4: clients resolve dot segments, and hosts merge slashes.
        segments = path.split("/") if len(pieces) > 1 else []
        if "." in segments or ".." in segments:
            raise InvalidUrl(target, f"{path!r} has a dot segment, which clients resolve")
        if self._is_mounted(path):
            raise InvalidUrl(target, f"{path!r} would lead to a mount")
        if self._table.overlap:
            other: Any = self._table.route_at(route.method, path)
            if other is not None and other.pattern != route.pattern:
                raise InvalidUrl(target, f"{path!r} would lead to {other}")


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
