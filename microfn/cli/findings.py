"""Probable mistakes and surprises in an application, found without a request."""

from __future__ import annotations

import ast
import inspect
import os
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

from ..router import Router
from ..routing.handle import Handle
from ..routing.mount import Mount
from ..routing.paths import to_wsgi_str
from ..routing.route import Route
from ..staticfiles import Files
from .loading import layers

__all__ = ["notes", "warnings"]

_PRIVATE = {".env", ".git", ".hg", ".htpasswd", ".ssh", ".svn", ".venv", "__pycache__"}
_PRIVATE_ENDINGS = (".py", ".db", ".sqlite", ".sqlite3", ".key", ".pem")
# Properties that a proxy changes, and that ProxyFix corrects.
_OF_THE_PROXY = {"base_url", "host", "host_url", "is_secure", "remote_addr", "root_url", "scheme", "url", "url_root"}


def warnings(routers: Sequence[Router]) -> list[str]:
    """Return probable mistakes in an application and in mounted applications."""
    found = [] if routers[0].routes or routers[0].mounts else ["The application has no routes."]
    for router in routers:
        found += [
            f"{mount} hides paths that match {route}."
            for mount in router.mounts
            for route in router.routes
            if mount.may_meet(route.pattern)
        ]
        found += [
            f"{route} serves {', '.join(private)} to everyone; move public files to their own directory."
            for route in router.routes
            if (private := _private(route.handle))
        ]
    return found


def notes(router: Router, application: object) -> list[str]:
    """Return valid but surprising facts. `application` is the Router, or the WSGI middleware around it."""
    return [
        *(f"The middleware of the group around {mount} does not see its requests." for mount in _unseen(router)),
        *(f"{other} matches before {route}." for other, route in _hidden(router.routes)),
        *(
            f"{route} has valid=, but {route.method} requests have no body; did you mean query=?"
            for route in router.routes
            if route.valid is not None and route.method in ("GET", "HEAD")
        ),
        *([] if any(isinstance(layer, ProxyFix) for layer in layers(application)) else _without_proxy_fix(router)),
    ]


def _private(handle: Handle) -> list[str]:
    """Return up to three files below a static root that are probably private."""
    if not isinstance(handle, Files):
        return []
    names = sorted(os.listdir(handle.root))
    found = [name for name in names if name in _PRIVATE or name.endswith(_PRIVATE_ENDINGS)]
    # Python writes __pycache__ beside imported source files. Those files are the finding, not their copies.
    if any(name.endswith(".py") for name in found):
        found = [name for name in found if name != "__pycache__"]
    return found[:3]


def _unseen(router: Router) -> list[Mount]:
    """Return mounts inside groups whose middleware does not run for them."""
    snapshot = router._ensure_snapshot()
    unseen = []
    for mount in router.mounts:
        scope = snapshot.scope_of({"PATH_INFO": to_wsgi_str(mount.prefix)})
        seen = () if mount.bare else snapshot.layers.get(mount.scope, ())
        if scope is not snapshot.root and any(layer not in seen for layer in snapshot.layers.get(scope, ())):
            unseen.append(mount)
    return unseen


@dataclass
class _Segments:
    """Routes of one method by the segments of their patterns."""

    below: dict[str, _Segments] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)

    def add(self, route: Route) -> None:
        """Add a route to the node of its last segment."""
        node = self
        for segment in route.pattern.split("/"):
            node = node.below.setdefault(segment, _Segments())
        node.routes.append(route)

    def that_hide(self, segments: Sequence[str]) -> Iterator[Route]:
        """Yield the routes that match some paths of a pattern with these segments, and have precedence over it."""
        nodes = [self]
        for segment in segments:
            text, colon, _ = segment.partition(":")
            if segment.startswith("*"):
                nodes = [child for node in nodes for child in node.below.values()]
                for node in nodes:  # a catch-all matches any number of segments; the list grows
                    nodes += node.below.values()
                break
            if colon:
                nodes = [
                    child for node in nodes for own, child in node.below.items() if own.startswith(text) and own != text
                ]
            else:
                nodes = [node.below[segment] for node in nodes if segment in node.below]
        for node in nodes:
            yield from node.routes


def _hidden(routes: Sequence[Route]) -> Iterator[tuple[Route, Route]]:
    """Yield pairs of a route and a route with wildcards over which it has precedence."""
    by_method: dict[str, _Segments] = {}
    for route in routes:
        by_method.setdefault(route.method, _Segments()).add(route)
    for route in routes:
        if route.parsed.names:
            for other in by_method[route.method].that_hide(route.pattern.split("/")):
                if other is not route:
                    yield other, route


def _without_proxy_fix(router: Router) -> list[str]:
    """Return a message about the first route that reads a property changed by a proxy."""
    for route in router.routes:
        for name in _attributes_read(route.handle):
            if name in _OF_THE_PROXY:
                return [f"{route} reads request.{name}, which has the proxy's value behind a proxy without ProxyFix."]
    return []


def _attributes_read(handle: Any) -> list[str]:
    """Return the attributes that a function reads from its first argument, according to its source."""
    with suppress(OSError, TypeError, ValueError, SyntaxError):
        first = next(iter(inspect.signature(handle).parameters), None)
        nodes = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(handle))))
        return [
            node.attr
            for node in nodes
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == first
        ]
    return []
