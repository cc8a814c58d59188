"""The route table: a tree for each method, compiled into one index, and what there is instead where that has no match.

It knows methods and paths, and nothing of status codes.
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
    """All routes. The trees refuse what may not be, the index answers; `compile` makes the index of what is registered.

    `slash` and `fixed` say whether paths that differ in the last slash, or in case and in what `clean_path` mends, are
    looked for. A table that is read by requests is not changed any more: a change makes the next one.
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
        """Register all of these or, where one is refused, none. Raises `RouteConflict` with both routes."""
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
        """Raise what adding one of these would, and change nothing. They are of one pattern."""
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
        """Make the index, and the one by folded text: that is the same where no pattern has a character to fold."""
        self.index = Index((route.method, route.parsed, route) for route in self.routes)
        patterns = [route.parsed for route in self.routes]
        folded = [casefold_pattern(pattern) for pattern in patterns]
        self._ends_in_slashes = any(text != "/" and (text[-1] == "/" or "*" in text) for text, _ in patterns)
        """Whether any path with a slash at its end is a match: most tables have none."""
        self._converts = any(route.converters for route in self.routes)
        self._casefolded: Index | None = self.index
        if any(pattern is None for pattern in folded):
            self._casefolded = None
        elif any(map(is_not, patterns, folded)):
            pairs = zip(self.routes, folded, strict=True)
            self._casefolded = Index((route.method, pattern, route) for route, pattern in pairs if pattern)

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        """The route that answers, if one does, and its parameters as raw text."""
        return self._find_in(self.index, method, path)

    def route_at(self, method: str, path: str) -> Route | None:
        """The same by the tree, which is there before the index is."""
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
        """The methods that have any route; HEAD where GET has."""
        return frozenset(self.trees) | ({"HEAD"} if "GET" in self.trees else set())

    def find_redirect(self, method: str, path: str) -> str | None:
        """The spelling that would match, of a path that does not: by its last slash, cleaned, or in another case."""
        # httprouter does not redirect CONNECT, whose target is no path (RFC 9110, section 9.3.6), nor the root.
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
        # PERF: that these two are no matches is known already; most misses end here.
        if self._casefolded is self.index and path.casefold() == path:
            return None
        return self._try_casefolded(method, path) or (self._try_casefolded(method, other) if other else None)

    def _try_cleaned(self, method: str, clean: str) -> str | None:
        """The same for a path that had to be cleaned."""
        for spelling in (clean, toggle_trailing_slash(clean) if self.slash else None):
            if spelling is not None:
                match = spelling if self._answers(method, spelling) else self._try_casefolded(method, spelling)
                if match is not None:
                    return match
        return None

    def _try_casefolded(self, method: str, path: str) -> str | None:
        """The registered spelling of a path that is no match but for the case of its text."""
        folded = path.casefold()
        if self._casefolded is None or len(folded) != len(path):
            # A character that folds into several is compared by the tree.
            trees = [self.trees[name] for name in (method, "GET")[: 1 + (method == "HEAD")] if name in self.trees]
            spelling = next(filter(None, (tree.find_case_insensitive_path(path, False) for tree in trees)), None)
        else:
            route = self._find_in(self._casefolded, method, folded)[0]
            if route is None:
                return None
            spelling = with_pattern_case(route.parsed, path)
            if not self._converts and is_same_site(spelling):
                return spelling  # PERF: it has the route's own text now, so some route answers
        return spelling if spelling is not None and self._answers(method, spelling) else None

    def _answers(self, method: str, path: str) -> bool:
        """Whether a redirect may lead there: it stays on the site, and a handle answers, converters included."""
        if not is_same_site(path):
            return False
        route, params = self._find_in(self.index, method, path)
        return route is not None and (not route.converters or route.bind(params) is not None)


def _between_routes(new: Route, conflict: RouteConflict) -> RouteConflict:
    """The tree's refusal, told in routes, which know where they were registered."""
    existing: Any = conflict.handle
    return RouteConflict(new, existing, conflict.clash, existing.handle)
