"""The routes of an application in its document, including those of mounted Routers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..router import Router
from ..routing.documentation import UNDOCUMENTED, Documentation
from ..routing.registry import Registrations
from ..routing.route import Route
from ..routing.scope import Scope
from .names import UniqueNames
from .paths import Paths

__all__ = ["Entry", "Part", "entries", "facts_of", "operation_ids", "registered_routes", "routers", "tags_of"]

# OpenAPI 3.1, section 4.8.9: a path item has only these methods.
_METHODS = frozenset(["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"])


class Part(NamedTuple):
    """A Router's registrations, and the scope in it that contains a route, or the mount of another Router."""

    registered: Registrations
    scope: Scope

    @property
    def facts(self) -> Documentation:
        """The facts of this scope and of the scopes around it in the same Router."""
        found = UNDOCUMENTED
        for scope in self.scope.lineage():
            found = scope.documentation.within(found)
        return found


class Entry(NamedTuple):
    """A route and its position in the document."""

    prefix: str
    """The prefixes of the mounts around it."""
    parts: tuple[Part, ...]
    """The part of its own Router, then those of the Routers around it, innermost first."""
    route: Route
    template: str
    names: tuple[str, ...]


def routers(app: Router, around: tuple[Router, ...] = ()) -> Iterator[Router]:
    """Yield the Router and the Routers mounted in it. A Router that is mounted in itself is not entered again."""
    yield app
    for mount in app.mounts:
        inner = mount.application
        if isinstance(inner, Router) and inner not in (*around, app):
            yield from routers(inner, (*around, app))


def entries(app: Router, *, leave_out: type) -> Iterator[Entry]:
    """Yield the routes with methods that OpenAPI knows, except those whose handles are of a class."""
    paths = Paths()
    seen = set()
    for prefix, parts, route in registered_routes(app):
        if route.method in _METHODS and not isinstance(route.handle, leave_out):
            template, names = paths.add(prefix, route)
            if (template, route.method) not in seen:
                seen.add((template, route.method))
                yield Entry(prefix, parts, route, template, names)


def registered_routes(
    app: Router, prefix: str = "", around: tuple[Router, ...] = (), outer: tuple[Part, ...] = ()
) -> Iterator[tuple[str, tuple[Part, ...], Route]]:
    """Yield the routes of a Router and of those mounted in it. The longest prefix is first, since it wins."""
    registered = app._registry.current
    for route in registered.routes:
        yield prefix, (Part(registered, route.scope), *outer), route
    for mount in sorted(registered.mounts.values(), key=lambda mount: -len(mount.prefix)):
        inner = mount.application
        if isinstance(inner, Router) and inner not in (*around, app):
            # A bare mount does not run the middleware around it, so facts about that middleware don't apply.
            parts = () if mount.bare else (Part(registered, mount.scope), *outer)
            yield from registered_routes(inner, prefix + mount.prefix, (*around, app), parts)


def facts_of(entry: Entry) -> Documentation:
    """Return the facts of a route and of all parts around it."""
    found = UNDOCUMENTED
    for part in reversed(entry.parts):
        found = part.facts.within(found)
    return entry.route.documentation.within(found)


def operation_ids(shown: Iterable[Entry]) -> list[str | None]:
    """Return the operationId of each route. The first of a name keeps it; the method is appended to others."""
    routes = [entry.route for entry in shown]
    unique = UniqueNames()
    ids: list[str | None] = []
    for name in dict.fromkeys(route.name for route in routes):
        if name is not None:
            unique.take(name)
    first: set[str] = set()
    for route in routes:
        name = route.name
        if name in first:
            ids.append(unique.take(f"{name}_{route.method.lower()}"))
        else:
            ids.append(name)
            if name is not None:
                first.add(name)
    return ids


def tags_of(entry: Entry, facts: Documentation) -> list[str]:
    """Return the given tags, else the prefix of the innermost group or Router, without its first slash."""
    if facts.tags is not None:
        return list(facts.tags)
    text = entry.prefix + entry.route.scope.prefix
    tag = "/".join(f"{{{part[1:]}}}" if part[:1] == ":" else part for part in text.split("/")[1:])
    return [tag] if tag else []
