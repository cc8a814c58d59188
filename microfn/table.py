"""The route table: a tree for each method, and what there is instead where a method's tree has no match.

It knows methods and paths, and nothing of status codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from .errors import RouteConflict
from .paths import clean_path, is_same_site, other_spelling
from .route import Route
from .tree import Params, Tree

__all__ = ["Elsewhere", "Hit", "Moved", "Table"]


class Hit(NamedTuple):
    """A route that matches, and its parameters as raw text in path order."""

    route: Route
    params: Params


class Moved(NamedTuple):
    """No match, but this path would be one."""

    path: str


class Elsewhere(NamedTuple):
    """No match, but other methods have one for this path. Sorted; HEAD stands wherever GET does."""

    methods: tuple[str, ...]


class Table:
    """All routes. A table that is read by requests is never changed: a change makes the next one.

    `slash` and `fixed` say whether paths that differ in the last slash, or in case and in what `clean_path`
    mends, are looked for.
    """

    def __init__(
        self, routes: Iterable[Route] = (), *, overlap: bool = False, slash: bool = True, fixed: bool = True
    ) -> None:
        self.overlap = overlap
        self.slash = slash
        self.fixed = fixed
        self._trees: dict[str, Tree] = {}
        self._chains: dict[str, tuple[Tree, ...]] = {}
        for route in routes:
            self.add([route])

    def add(self, routes: Sequence[Route]) -> None:
        """Register all of these or, where one is refused, none. Raises `RouteConflict` with both routes."""
        if len(routes) > 1:
            self._check(routes)
        for route in routes:
            tree = self._trees.get(route.method) or self._new_tree(route.method)
            try:
                tree.add(route.parsed, route)
            except RouteConflict as conflict:
                raise _between_routes(route, conflict) from None

    def _check(self, routes: Sequence[Route]) -> None:
        """Raise what adding one of these would, and change nothing. They are of one pattern."""
        seen: dict[str, Route] = {}
        for route in routes:
            twin = seen.setdefault(route.method, route)
            if twin is not route:
                raise RouteConflict(route, twin, "same", twin.handle)
            if route.method in self._trees:
                try:
                    self._trees[route.method].check(route.parsed)
                except RouteConflict as conflict:
                    raise _between_routes(route, conflict) from None

    def _new_tree(self, method: str) -> Tree:
        trees = self._trees
        trees[method] = Tree(overlap=self.overlap)
        # RFC 9110, section 9.3.2: HEAD is GET without the content, so what HEAD's own tree lacks GET's answers.
        self._chains = {name: (tree,) for name, tree in trees.items()}
        if "GET" in trees:
            self._chains["HEAD"] = tuple(trees[name] for name in ("HEAD", "GET") if name in trees)
        return trees[method]

    def find(self, method: str, path: str) -> Hit | None:
        """The route that answers, if one does."""
        for tree in self._chains.get(method, ()):
            route, params = tree.match(path)
            if route is not None:
                return Hit(route, params)
        return None

    def instead(self, method: str, path: str) -> Moved | Elsewhere | None:
        """What there is for a path that `find` has nothing for."""
        return self._moved(method, path) or self._elsewhere(path)

    def is_spelled_otherwise(self, method: str, path: str) -> bool:
        """Whether a path that `find` has nothing for is a match without its last slash, or with one more (TSR)."""
        other = other_spelling(path)
        return other is not None and self.find(method, other) is not None

    def methods(self, path: str | None = None) -> tuple[str, ...]:
        """The methods that have a match for `path`, or all there are. Sorted; HEAD stands wherever GET does."""
        names = {name for name, tree in self._trees.items() if path is None or tree.match(path)[0] is not None}
        if "GET" in names:
            names.add("HEAD")
        return tuple(sorted(names))

    def _moved(self, method: str, path: str) -> Moved | None:
        # httprouter does not redirect CONNECT, whose target is no path (RFC 9110, section 9.3.6), nor the root.
        if method == "CONNECT" or path == "/":
            return None
        if self.slash:
            other = other_spelling(path)
            if other is not None and self._answers(method, other):
                return Moved(other)
        if self.fixed:
            clean = clean_path(path)
            for tree in self._chains.get(method, ()):
                found = tree.find_case_insensitive_path(clean, self.slash)
                if found is not None and self._answers(method, found):
                    return Moved(found)
        return None

    def _answers(self, method: str, path: str) -> bool:
        """Whether a redirect may lead there: it stays on the site, and a handle answers, converters included."""
        hit = self.find(method, path) if is_same_site(path) else None
        return hit is not None and hit.route.bind(hit.params) is not None

    def _elsewhere(self, path: str) -> Elsewhere | None:
        methods = self.methods(path)
        return Elsewhere(methods) if methods else None


def _between_routes(new: Route, conflict: RouteConflict) -> RouteConflict:
    """The tree's refusal, told in routes, which know where they were registered."""
    existing: Any = conflict.handle
    return RouteConflict(new, existing, conflict.clash, existing.handle)
