"""The route table: one tree for each method, compiled into one index, and redirects to other spellings.

The table knows methods and paths, but no status codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import is_not
from typing import Any

from ..errors import RouteConflict
from .index import Index
from .paths import clean_path, is_clean, is_same_site, to_wsgi_str, toggle_trailing_slash
from .pattern import casefold_pattern, with_pattern_case
from .route import Route
from .tree import Tree

__all__ = ["Table"]


class Table:
    """All routes. The trees refuse conflicts, and the index finds routes. `compile` builds the index.

    `slash` and `fixed` enable redirects if a path differs in the last slash, or in case and in `clean_path`. A table
    that requests read never changes. A change creates the next table.
    """

    def __init__(
        self, routes: Iterable[Route] = (), *, overlap: bool = False, slash: bool = True, fixed: bool = True
    ) -> None:
        self.overlap = overlap
        self.slash = slash
        self.fixed = fixed
        self.routes: list[Route] = []
        self.trees: dict[str, Tree] = {}
        """By method."""
        for route in routes:
            self.add([route])

    def add(self, routes: Sequence[Route]) -> None:
        """Register routes of one pattern, or none if one is refused. Raises `RouteConflict` with both routes."""
        if len(routes) > 1:
            self._check(routes)
        for route in routes:
            tree = self.trees.get(route.method) or self.trees.setdefault(route.method, Tree(overlap=self.overlap))
            try:
                tree.add(route.parsed, route)
            except RouteConflict as conflict:
                raise _between_routes(route, conflict) from None
        self.routes += routes

    def _check(self, routes: Sequence[Route]) -> None:
        """Raise the error that adding these routes of one pattern would raise. Change nothing."""
        seen: dict[str, Route] = {}
        for route in routes:
            twin = seen.setdefault(route.method, route)
            if twin is not route:
                raise RouteConflict(route, twin, "same", twin.handle)
            if route.method in self.trees:
                try:
                    self.trees[route.method].check(route.parsed)
                except RouteConflict as conflict:
                    raise _between_routes(route, conflict) from None

    def compile(self) -> None:
        """Build the index and the case-folded index. They are the same object if no pattern has letters."""
        self.index = Index((route.method, route.parsed, route) for route in self.routes)
        patterns = [route.parsed for route in self.routes]
        folded = [casefold_pattern(pattern) for pattern in patterns]
        self._ends_in_slashes = any(text != "/" and (text[-1] == "/" or "*" in text) for text, _ in patterns)
        """True if any match ends with a slash, which is false for most tables."""
        self._converts = any(route.converters for route in self.routes)
        self._casefolded: Index | None = self.index
        if any(pattern is None for pattern in folded):
            self._casefolded = None
        elif any(map(is_not, patterns, folded)):
            pairs = zip(self.routes, folded, strict=True)
            self._casefolded = Index((route.method, pattern, route) for route, pattern in pairs if pattern)

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        """Return the matching route, if any, and its params as raw text."""
        return self._find_in(self.index, method, path)

    def route_at(self, method: str, path: str) -> Route | None:
        """Return the matching route from the tree, which exists before the index."""
        route: Route | None = self.trees[method].match(path)[0]
        return route

    def _find_in(self, index: Index, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        if not path.isascii():
            path = to_wsgi_str(path)
        route, params = index.find(method, path)
        if route is None and method == "HEAD":  # RFC 9110, section 9.3.2: it is GET without the content
            route, params = index.find("GET", path)
        return route, params

    def methods(self) -> frozenset[str]:
        """Return the methods that have routes, including HEAD if GET has routes."""
        return frozenset(self.trees) | ({"HEAD"} if "GET" in self.trees else set())

    def find_redirect(self, method: str, path: str) -> str | None:
        """Return the spelling of a path that matches: with another last slash, cleaned, or in another case."""
        # httprouter does not redirect CONNECT, whose target is not a path (RFC 9110, section 9.3.6), or the root.
        if path == "/" or method == "CONNECT":
            return None
        other = toggle_trailing_slash(path) if self.slash and (self._ends_in_slashes or path[-1] == "/") else None
        if other is not None and self._answers(method, other):
            return other
        if not self.fixed:
            return None
        clean = path if is_clean(path) else clean_path(path)
        if clean != path:
            return self._try_cleaned(method, clean)
        # PERF: these two don't match, as the caller knows; most misses end here.
        if self._casefolded is self.index and path.casefold() == path:
            return None
        return self._try_casefolded(method, path) or (self._try_casefolded(method, other) if other else None)

    def _try_cleaned(self, method: str, clean: str) -> str | None:
        """Return the spelling of a cleaned path that matches."""
        for spelling in (clean, toggle_trailing_slash(clean) if self.slash else None):
            if spelling is not None:
                match = spelling if self._answers(method, spelling) else self._try_casefolded(method, spelling)
                if match is not None:
                    return match
        return None

    def _try_casefolded(self, method: str, path: str) -> str | None:
        """Return the registered spelling of a path that matches except for case."""
        folded = path.casefold()
        if self._casefolded is None or len(folded) != len(path):
            # The tree compares characters that fold into several.
            trees = [self.trees[name] for name in (method, "GET")[: 1 + (method == "HEAD")] if name in self.trees]
            spelling = next(filter(None, (tree.find_case_insensitive_path(path, False) for tree in trees)), None)
        else:
            route = self._find_in(self._casefolded, method, folded)[0]
            if route is None:
                return None
            spelling = with_pattern_case(route.parsed, path)
            if not self._converts and is_same_site(spelling):
                return spelling  # PERF: it has the text of the route now, so a route matches
        return spelling if spelling is not None and self._answers(method, spelling) else None

    def _answers(self, method: str, path: str) -> bool:
        """Return True if a redirect can lead there: it stays on the site, and a route and its converters match."""
        if not is_same_site(path):
            return False
        route, params = self._find_in(self.index, method, path)
        return route is not None and (not route.converters or route.bind(params) is not None)


def _between_routes(new: Route, conflict: RouteConflict) -> RouteConflict:
    """Return the conflict of the tree with routes instead of patterns, since routes know their file and line."""
    existing: Any = conflict.handle
    return RouteConflict(new, existing, conflict.clash, existing.handle)
