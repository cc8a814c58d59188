"""The response of an application and its reason, found without calling handles, middleware or error handlers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any

from ..application.dispatch import resolve_slow
from ..application.error_handlers import ErrorHandlers
from ..application.fallback import fallback
from ..application.misses import Unconverted
from ..application.snapshot import Snapshot
from ..router import Router
from ..routing.mount import Mount
from ..routing.paths import to_wsgi_str
from ..routing.route import Route
from ..routing.tree import Tree

__all__ = ["Explanation", "explain"]


@dataclass
class Explanation:
    """The explanation of one request."""

    status: str
    """The status line, unless the handle decides."""
    route: Route | None = None
    params: dict[str, Any] = field(default_factory=dict)
    mount: Mount | None = None
    location: str | None = None
    allow: str | None = None
    reached: str = ""
    """The part of the path that the tree of its method can follow."""
    tree: Tree | None = None
    """The tree of the method, or of GET if the method has none."""
    refused: Route | None = None
    """The route that matches except for its converters."""
    nearest: list[Route] = field(default_factory=list)


def explain(router: Router, method: str, path: str, query: str = "", prefix: str = "") -> Explanation:
    """Explain the response to a request. `path` is decoded text, and `prefix` that of the mount around the Router.

    The path alone decides, so the request has a trusted host.
    """
    snapshot = replace(router._ensure_snapshot(), is_guarded=False)
    environ = {"REQUEST_METHOD": method, "PATH_INFO": to_wsgi_str(path), "QUERY_STRING": query}
    environ["SCRIPT_NAME"] = to_wsgi_str(prefix)
    found: Any
    route, found = resolve_slow(snapshot, environ, *snapshot.find(method, environ["PATH_INFO"] or "/"))
    if isinstance(found, Mount):
        return Explanation("", mount=found)
    if route is not None:
        return Explanation("", route=route, params=found)
    bare = replace(
        snapshot, errors={snapshot.root: ErrorHandlers({})}, handles_errors=False, global_options=None, scopes=None
    )
    status, headers, _ = fallback(bare, environ, found)
    said = dict(headers)
    tree = snapshot.table.trees.get(method) or snapshot.table.trees.get("GET")
    reached = path[: tree.longest_match(path)[0]] if tree is not None else ""
    return Explanation(
        status,
        location=said.get("Location"),
        allow=said.get("Allow"),
        reached=reached,
        tree=tree,
        refused=snapshot.table.find(method, path)[0] if isinstance(found, Unconverted) else None,
        nearest=_nearest(snapshot, method, path),
    )


def _nearest(snapshot: Snapshot, method: str, path: str, count: int = 3) -> list[Route]:
    """Return the routes with the most similar patterns; those of the method come first."""
    matcher = SequenceMatcher(b=path, autojunk=False)

    def likeness(route: Route) -> float:
        matcher.set_seq1(route.pattern)
        return matcher.quick_ratio() + (0.1 if route.method == method else 0)

    ranked = sorted(((likeness(route), route) for route in snapshot.table.routes), key=lambda pair: -pair[0])
    return [route for ratio, route in ranked[:count] if ratio > 0.5]
