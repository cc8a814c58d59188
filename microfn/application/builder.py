"""Build a snapshot from the registrations: chains, error handlers and scopes, each built once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..http.conversion import Encoders
from ..http.problems import CachedErrorPage
from ..http.request import Request
from ..routing.handle import Handle, Middleware
from ..routing.index import Index
from ..routing.mount import Mounts
from ..routing.paths import to_wsgi_str
from ..routing.pattern import Pattern, parse
from ..routing.registry import Registrations
from ..routing.scope import Scope
from ..routing.table import Table
from ..routing.urls import Urls
from .chain import Composer
from .error_handlers import ErrorHandlers
from .snapshot import ANY, FindScope, Snapshot

__all__ = ["Settings", "build_snapshot", "build_urls"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a Router, shared by all of its snapshots."""

    request_class: type[Request]
    encoders: Encoders
    root: Scope
    allowed: Mapping[tuple[str, ...], tuple[str, CachedErrorPage]]
    handle_method_not_allowed: bool
    handle_options: bool
    global_options: Handle | None
    permanent_redirects: bool
    max_path_length: int
    path_info_encoded: bool
    has_trusted_hosts: bool


def build_snapshot(registered: Registrations, table: Table, settings: Settings) -> Snapshot:
    """Build the snapshot of the registrations; `table` is compiled."""
    root = settings.root
    own = [
        root,
        *registered.scopes,
        *registered.handlers,
        *registered.middleware,
        *dict.fromkeys(route.scope for route in registered.routes),
        *dict.fromkeys(mount.scope for mount in registered.mounts.values()),
    ]
    scopes = list(dict.fromkeys(part for scope in own for part in scope.lineage()))
    layers = {scope: chain for scope in scopes if (chain := tuple(registered.chain(scope)))}
    composer = Composer()
    return Snapshot(
        table=table,
        find=table.index.find,
        methods=table.methods(),
        mounts=Mounts(registered.mounts.values()) if registered.mounts else None,
        urls=build_urls(table, registered),
        request_class=settings.request_class,
        encoders=settings.encoders,
        root=root,
        chains={scope: composer(chain) for scope, chain in layers.items()},
        layers=layers,
        composer=composer,
        has_one_chain=len(layers) == len(scopes) and len(set(map(_ids, layers.values()))) == 1,
        errors=_handlers(registered, scopes),
        handles_errors=any(registered.handlers.values()),
        scopes=_finder(registered, scopes),
        allowed=settings.allowed,
        handle_method_not_allowed=settings.handle_method_not_allowed,
        handle_options=settings.handle_options,
        global_options=settings.global_options,
        permanent_redirects=settings.permanent_redirects,
        max_path_length=settings.max_path_length,
        path_info_encoded=settings.path_info_encoded,
        is_guarded=settings.path_info_encoded or settings.has_trusted_hosts or _is_shadowed(registered),
    )


def _ids(layers: tuple[Middleware, ...]) -> tuple[int, ...]:
    return tuple(map(id, layers))


def _handlers(registrations: Registrations, scopes: Iterable[Scope]) -> dict[Scope, ErrorHandlers]:
    """Return the error handlers of each scope, with those around it. In `scopes`, outer scopes come first."""
    handlers: dict[Scope, ErrorHandlers] = {}
    for scope in scopes:
        if scope in registrations.handlers or scope.parent is None:
            around = next((handlers[part] for part in reversed(scope.lineage()[:-1]) if part in handlers), None)
            handlers[scope] = ErrorHandlers(registrations.handlers.get(scope, {}), around)
    return handlers


def _finder(registrations: Registrations, scopes: Iterable[Scope]) -> FindScope | None:
    """Return the function that finds the scope of a path without a route. Of equal prefixes, the first wins."""
    has_own = registrations.handlers.keys() | registrations.middleware.keys()
    own = [scope for scope in scopes if scope.own_prefix and (scope in has_own or scope.use)]
    if not own:
        return None
    items = []
    for scope in reversed(own):
        names = parse(scope.prefix).names
        items.append((ANY, Pattern(scope.prefix, names), scope))
        items.append((ANY, Pattern(f"{scope.prefix}/*rest", (*names, "rest")), scope))
    return Index(items).find


def _is_shadowed(registrations: Registrations) -> bool:
    """Return True if a route with wildcards can match a path of a mount, so that mounts must be checked first."""
    wild = [route.pattern for route in registrations.routes if route.parsed.names] if registrations.mounts else []
    return any(mount.may_meet(pattern) for mount in registrations.mounts.values() for pattern in wild)


def build_urls(table: Table, registrations: Registrations) -> Urls:
    """Build the reverse URLs of the registrations."""
    mounts = Mounts(registrations.mounts.values())
    names, routes = registrations.names.copy(), tuple(registrations.routes)
    return Urls(names, routes, table, lambda path: mounts.find(to_wsgi_str(path)) is not None)
