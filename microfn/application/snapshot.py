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
"""The method that scopes are looked for by."""
FindScope = Callable[[str, str], tuple[Any, Any]]


@dataclass(repr=False, eq=False, slots=True)
class Snapshot:
    """One state of an application. Nothing in it changes after it is built."""

    table: Table
    find: Callable[[str | None, str], tuple[Any, Any]]
    """The table's index, asked by each request."""
    methods: frozenset[str]
    """Those that have routes; HEAD where GET has."""
    mounts: Mounts | None
    urls: Urls
    request_class: type[Request]
    encoders: Encoders
    """How plain values become bodies."""
    root: Scope
    chains: dict[Scope, Handle]
    """The middleware of each scope that has any, composed."""
    layers: dict[Scope, tuple[Middleware, ...]]
    """The same as they are, the outermost first."""
    composer: Callable[[tuple[Middleware, ...]], Handle]
    """Composes middleware, each list once."""
    has_one_chain: bool
    """Whether all scopes have the same middleware, and some."""
    errors: dict[Scope, ErrorHandlers]
    """The error handlers of each scope that has any of its own; `root` has them in any case."""
    handles_errors: bool
    """Whether there are any handlers of errors."""
    scopes: FindScope | None
    """Finds the scope of a path that has no route; None where all of them are the root's."""
    allowed: Mapping[tuple[str, ...], tuple[str, CachedErrorPage]]
    """The value of Allow and the page of a 405, by the methods that a path has."""
    handle_method_not_allowed: bool
    handle_options: bool
    global_options: Handle | None
    permanent_redirects: bool
    max_path_length: int
    path_info_encoded: bool
    is_guarded: bool
    """Whether something is to be looked at whatever was found: the host, a path that is still encoded, or a mount."""

    def scope_of(self, environ: WSGIEnvironment, request: Request | None = None) -> Scope:
        """Where a request belongs: its route does, or its path."""
        if request is not None and request.route is not None:
            return request.route.scope
        if self.scopes is None:
            return self.root
        return self.scopes(ANY, environ.get("PATH_INFO") or "/")[0] or self.root

    def handlers_of(self, request: Request) -> ErrorHandlers:
        """The error handlers for a request: those of the nearest scope first."""
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
        """Publish the registrations, unless that is done, and return the snapshot."""
