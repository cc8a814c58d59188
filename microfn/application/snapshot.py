"""An immutable snapshot of the application. Each request reads exactly one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..http.conversion import Encoders
from ..http.problems import CachedErrorPage
from ..http.request import Request
from ..routing.handle import Handle, Middleware
from ..routing.mount import Mounts
from ..routing.scope import Scope
from ..routing.table import Table
from ..routing.urls import Urls
from .error_handlers import ErrorHandlers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["ANY", "App", "FindScope", "Snapshot"]

ANY = "ANY"
"""The method for lookups of scopes."""
FindScope = Callable[[str, str], tuple[Any, Any]]


@dataclass(repr=False, eq=False, slots=True)
class Snapshot:
    """One state of an application. Immutable once it is built."""

    table: Table
    find: Callable[[str | None, str], tuple[Any, Any]]
    """The index of the table, which each request uses."""
    methods: frozenset[str]
    """The methods with routes, including HEAD if GET has routes."""
    mounts: Mounts | None
    urls: Urls
    request_class: type[Request]
    encoders: Encoders
    """The conversions of plain values, by type."""
    root: Scope
    chains: dict[Scope, Handle]
    """The composed middleware of each scope that has any."""
    layers: dict[Scope, tuple[Middleware, ...]]
    """The middleware of each scope, outermost first."""
    composer: Callable[[tuple[Middleware, ...]], Handle]
    """Composes middleware, each list once."""
    has_one_chain: bool
    """True if all scopes have the same middleware, and at least one."""
    errors: dict[Scope, ErrorHandlers]
    """The error handlers of `root`, and of each scope with its own."""
    handles_errors: bool
    """True if any error handlers exist."""
    scopes: FindScope | None
    """Finds the scope of a path without a route. None if all such paths belong to the root."""
    allowed: Mapping[tuple[str, ...], tuple[str, CachedErrorPage]]
    """The value of Allow and the page of a 405, by the methods of a path."""
    handle_method_not_allowed: bool
    handle_options: bool
    global_options: Handle | None
    permanent_redirects: bool
    max_path_length: int
    path_info_encoded: bool
    is_guarded: bool
    """True if each request needs a check besides the lookup: of the host, an encoded path, or mounts."""

    def scope_of(self, environ: WSGIEnvironment, request: Request | None = None) -> Scope:
        """Return the scope of a request: that of its route, or of its path."""
        if request is not None and request.route is not None:
            return request.route.scope
        if self.scopes is None:
            return self.root
        return self.scopes(ANY, environ.get("PATH_INFO") or "/")[0] or self.root

    def handlers_of(self, request: Request) -> ErrorHandlers:
        """Return the error handlers for a request. Those of the nearest scope come first."""
        if len(self.errors) == 1:
            return self.errors[self.root]
        lineage = self.scope_of(request.environ, request).lineage()
        return next(self.errors[scope] for scope in reversed(lineage) if scope in self.errors)


class App(Protocol):
    """An application that `respond` serves."""

    @property
    def _snapshot(self) -> Snapshot | None:
        """The published snapshot; None before the first request."""

    def _ensure_snapshot(self) -> Snapshot:
        """Publish the registrations if they have changed, and return the snapshot."""
