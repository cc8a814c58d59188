"""The routes of an application that its document shows, also those of Routers that are mounted in it."""

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

# OpenAPI 3.1, section 4.8.9: a path item has no field for another method.
_METHODS = frozenset(["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"])


class Part(NamedTuple):
    """A Router's registrations, and the scope in it that holds a route, or the mount of another Router."""

    registered: Registrations
    scope: Scope

    @property
    def facts(self) -> Documentation:
        """The facts of this scope and of all around it in the same Router."""
        found = UNDOCUMENTED
        for scope in self.scope.lineage():
            found = scope.documentation.within(found)
        return found


class Entry(NamedTuple):
    """A route and its place in the document."""

    prefix: str
    """The prefixes of the mounts that it is below."""
    parts: tuple[Part, ...]
    """Its own Router's first, then those that this one is mounted in, the innermost first."""
    route: Route
    template: str
    names: tuple[str, ...]


def routers(app: Router, around: tuple[Router, ...] = ()) -> Iterator[Router]:
    """The Router and those that are mounted in it; one that is mounted in itself has no end."""
    yield app
    for mount in app.mounts:
        inner = mount.application
        if isinstance(inner, Router) and inner not in (*around, app):
            yield from routers(inner, (*around, app))


def entries(app: Router, *, leave_out: type) -> Iterator[Entry]:
    """The routes that OpenAPI has a method for, without those whose handles are of a class."""
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
    """The routes of a Router and of those that are mounted in it, the longest prefix first: it wins."""
    registered = app._registry.current
    for route in registered.routes:
        yield prefix, (Part(registered, route.scope), *outer), route
    for mount in sorted(registered.mounts.values(), key=lambda mount: -len(mount.prefix)):
        inner = mount.application
        if isinstance(inner, Router) and inner not in (*around, app):
            # A bare mount runs no middleware of what is around it, so nothing that is said there is true of it.
            parts = () if mount.bare else (Part(registered, mount.scope), *outer)
            yield from registered_routes(inner, prefix + mount.prefix, (*around, app), parts)


def facts_of(entry: Entry) -> Documentation:
    """The facts of a route and of all around it."""
    found = UNDOCUMENTED
    for part in reversed(entry.parts):
        found = part.facts.within(found)
    return entry.route.documentation.within(found)


def operation_ids(shown: Iterable[Entry]) -> list[str | None]:
    """Return the operationId of each route. The first of a name keeps it; others get their method behind it."""
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
    """Return the tags that were given, else the prefix of the innermost group or Router, without its first slash."""
    if facts.tags is not None:
        return list(facts.tags)
    text = entry.prefix + entry.route.scope.prefix
    tag = "/".join(f"{{{part[1:]}}}" if part[:1] == ":" else part for part in text.split("/")[1:])
    return [tag] if tag else []
