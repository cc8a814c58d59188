"""From what is registered to the parts of a Site: chains, error handlers and scopes, each made once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .chain import compose
from .handle import Handle
from .index import Index
from .mount import Mounts
from .paths import tunnel
from .pattern import Pattern, parse
from .problems import ErrorHandlers
from .registry import Registered
from .scope import Scope
from .site import ANY, FindScope
from .table import Table
from .urls import Urls

__all__ = ["is_shadowed", "parts_of", "urls_of"]


def parts_of(table: Table, now: Registered, root: Scope) -> dict[str, Any]:
    """What a Site has of what is registered; `table` is compiled, `root` the outermost scope."""
    own = [root, *now.scopes, *now.handlers, *now.middleware, *dict.fromkeys(route.scope for route in now.routes)]
    scopes = list(dict.fromkeys(part for scope in own for part in scope.lineage()))
    return {
        "table": table,
        "find": table.index.find,
        "methods": table.methods(),
        "mounts": Mounts(now.mounts.values()) if now.mounts else None,
        "urls": urls_of(table, now),
        "chains": _chains(now, scopes),
        "errors": _handlers(now, scopes),
        "handles_errors": any(now.handlers.values()),
        "scopes": _finder(now, scopes),
    }


def _chains(now: Registered, scopes: Iterable[Scope]) -> dict[Scope, Handle]:
    """The composed middleware of each scope; scopes with the same middleware share it, so that it is made once."""
    made: dict[tuple[int, ...], Handle] = {}
    chains: dict[Scope, Handle] = {}
    for scope in scopes:
        chain = now.chain(scope)
        if chain:
            key = tuple(map(id, chain))
            made[key] = chains[scope] = made.get(key) or compose(chain)
    return chains


def _handlers(now: Registered, scopes: Iterable[Scope]) -> dict[Scope, ErrorHandlers]:
    """By scope, those around it included; `scopes` holds those around each before it."""
    found: dict[Scope, ErrorHandlers] = {}
    for scope in scopes:
        if scope in now.handlers or scope.parent is None:
            around = next((found[part] for part in reversed(scope.lineage()[:-1]) if part in found), None)
            found[scope] = ErrorHandlers(now.handlers.get(scope, {}), around)
    return found


def _finder(now: Registered, scopes: Iterable[Scope]) -> FindScope | None:
    """Finds the scope of a path that has no route; of several with one prefix it is the first."""
    own = [s for s in scopes if s.own_prefix and (s in now.handlers or s in now.middleware or s.use)]
    if not own:
        return None
    items = []
    for scope in reversed(own):
        names = parse(scope.prefix).names
        items.append((ANY, Pattern(scope.prefix, names), scope))
        items.append((ANY, Pattern(f"{scope.prefix}/*rest", (*names, "rest")), scope))
    return Index(items).find


def is_shadowed(now: Registered) -> bool:
    """Whether a route with wildcards could take a path from a mount, so that mounts are to be asked first."""
    wild = [route.pattern for route in now.routes if route.parsed.names] if now.mounts else []
    return any(mount.may_meet(pattern) for mount in now.mounts.values() for pattern in wild)


def urls_of(table: Table, now: Registered) -> Urls:
    """The reverse URLs of what is registered."""
    mounts = Mounts(now.mounts.values())
    return Urls(now.names.copy(), tuple(now.routes), table, lambda path: mounts.find(tunnel(path)) is not None)
