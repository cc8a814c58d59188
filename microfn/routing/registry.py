"""The registrations of an application, changed by one thread at a time and published as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from ..errors import RouteConflict, name_of
from ..fork import CollectorPause, ForkSafeLock, register_fork_reset
from .handle import Handle, Middleware
from .mount import Mount
from .route import Route
from .scope import Scope
from .table import Table

__all__ = ["Key", "Registrations", "Registry"]

T = TypeVar("T")
Key = int | type[Exception]
"""The key of an error handler: a status, or a class of exceptions."""


class Registrations:
    """All registrations. Everything published is derived from them."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.names: dict[str, Route] = {}
        self.mounts: dict[str, Mount] = {}
        self.scopes: list[Scope] = []
        """Scopes with middleware, which apply even if they contain no routes."""
        self.middleware: dict[Scope, tuple[Middleware, ...]] = {}
        self.places: dict[int, tuple[str, int]] = {}
        """File and line that registered a middleware, by its id. A route has its own."""
        self.handlers: dict[Scope, dict[Key, Handle]] = {}
        self.included: set[Registry] = set()
        """The registries that only this one has sealed."""

    def copy(self) -> Registrations:
        """Return a copy, for a rollback."""
        other = Registrations()
        other.routes = self.routes.copy()
        other.names = self.names.copy()
        other.mounts = self.mounts.copy()
        other.scopes = self.scopes.copy()
        other.middleware = self.middleware.copy()
        other.places = self.places.copy()
        other.handlers = self.handlers.copy()
        other.included = self.included.copy()
        return other

    def chain(self, scope: Scope) -> list[Middleware]:
        """Return the middleware of a scope and of the scopes around it, outermost first."""
        return [m for part in scope.lineage() for m in (*part.use, *self.middleware.get(part, ()))]


class Registry:
    """Changes registrations and publishes them: calls `publish(table, registrations)` with a compiled table.

    Before the first publication, changes only accumulate. After it, each change is published by its own thread.
    """

    def __init__(self, new_table: Callable[[Sequence[Route]], Table], publish: Callable[[Table, Registrations], None]):
        self._new_table = new_table
        self._publish_snapshot = publish
        self._lock = ForkSafeLock()
        """Held by threads that register, never by threads that serve requests."""
        self.current = Registrations()
        self._draft_table: Table | None = None
        """The table to publish next; None if nothing has changed since the last one."""
        self._rollback_point: Registrations | None = None
        """The registrations before the outermost open `changes` block."""
        self._is_published = False
        self._sealed_by: str | None = None
        self.own_options: dict[str, object] = {}
        """Options of the Router that differ from the default and don't apply if another Router includes it."""
        register_fork_reset(self)

    @contextmanager
    def changes(self) -> Iterator[None]:
        """Publish all changes of the block together. If an exception leaves the block, discard them."""
        # PERF: without this, the garbage collector takes a fifth of the time to register many routes.
        with self._lock.current, CollectorPause(is_kept=not self._is_published):
            saved = self.current.copy()
            is_outermost = self._rollback_point is None
            before = self._rollback_point = self._rollback_point or saved
            try:
                yield
                if is_outermost and self._is_published and self._rollback_point is before:
                    self._publish()
            except BaseException:
                if self._rollback_point is before:
                    self._undo(saved)
                raise
            finally:
                # If the process was forked inside the block, the fork has reset this registry, and nothing remains.
                if is_outermost and self._rollback_point is before:
                    self._rollback_point = None

    def _undo(self, saved: Registrations) -> None:
        for registry in self.current.included - saved.included:
            registry._sealed_by = None  # noqa: SLF001 - of its own class
        self.current, self._draft_table = saved, None

    def _change(self, change: Callable[..., T], *args: Any) -> T:
        """Make one change, which checks before it changes anything. Undo it if the publication fails."""
        with self._lock.current:
            if self._sealed_by is not None:
                raise RuntimeError(
                    f"this Router was included {self._sealed_by} and cannot change; register before that"
                )
            if self._is_published and self._rollback_point is None:
                with self.changes():
                    return change(*args)
            return change(*args)

    def add(self, routes: Sequence[Route]) -> None:
        """Register routes of one pattern, or none if one is refused."""
        self._change(self._add, routes)

    def _add(self, routes: Sequence[Route]) -> None:
        new, current = routes[0], self.current
        known = current.names.get(new.name) if new.name is not None else None
        is_copy = known is not None and known.origin is not None and known.origin == new.origin
        if known is not None and known.pattern != new.pattern and not is_copy:
            raise ValueError(f"the name {new.name!r} of {new} is already used by {known}")
        for mount in current.mounts.values():
            if mount.covers(new.pattern):
                raise RouteConflict(new, mount, "mount", mount.application)
        self._next_table().add(routes)
        current.routes += routes
        if new.name is not None:
            current.names.setdefault(new.name, new)

    def remove(self, method: str, pattern: str) -> None:
        """Remove one route. Raises LookupError if it does not exist."""
        self._change(self._remove, method, pattern)

    def _remove(self, method: str, pattern: str) -> None:
        current = self.current
        removed = next((route for route in current.routes if route.method == method and route.pattern == pattern), None)
        if removed is None:
            raise LookupError(f"pattern must be that of a registered route, got {method} {pattern}")
        current.routes.remove(removed)
        self._draft_table = None
        if removed.name is not None and current.names[removed.name] is removed:
            del current.names[removed.name]
            for route in reversed(current.routes):
                if route.name == removed.name:
                    current.names[removed.name] = route

    def add_mount(self, mount: Mount) -> None:
        """Register an application below a prefix. Raises `RouteConflict` if a route is below it."""
        self._change(self._add_mount, mount)

    def _add_mount(self, mount: Mount) -> None:
        existing = self.current.mounts.get(mount.prefix)
        if existing is not None:
            raise RouteConflict(mount, existing, "same", existing.application)
        for route in self.current.routes:
            if mount.covers(route.pattern):
                raise RouteConflict(mount, route, "mount", route.handle)
        self.current.mounts[mount.prefix] = mount

    def add_error_handler(self, scope: Scope, key: Key, handler: Handle) -> None:
        """Register a scope's handler for a status or a class of exceptions."""
        self._change(self._add_error_handler, scope, key, handler)

    def _add_error_handler(self, scope: Scope, key: Key, handler: Handle) -> None:
        handlers = self.current.handlers.get(scope, {})
        if key in handlers:
            known = name_of(handlers[key])
            raise ValueError(f"{getattr(key, '__name__', key)} already has an error handler, {known}")
        self.current.handlers[scope] = {**handlers, key: handler}

    def add_middleware(self, scope: Scope, middleware: Middleware, where: tuple[str, int]) -> None:
        """Add a middleware inside the others of a scope. `where` is the file and line of the registration."""
        self._change(self._add_middleware, scope, middleware, where)

    def _add_middleware(self, scope: Scope, middleware: Middleware, where: tuple[str, int]) -> None:
        self.current.places[id(middleware)] = where
        self.current.middleware[scope] = (*self.current.middleware.get(scope, ()), middleware)

    def add_scope(self, scope: Scope, where: tuple[str, int]) -> None:
        """Register a scope that has middleware. `where` is the file and line of its creation."""
        self._change(self._add_scope, scope, where)

    def _add_scope(self, scope: Scope, where: tuple[str, int]) -> None:
        self.current.places.update((id(layer), where) for layer in scope.use)
        self.current.scopes.append(scope)

    def include(self, other: Registry, root: Scope, into: Scope, where: str) -> None:
        """Include another registry in a scope that replaces its outermost scope, `root`.

        The other registry is sealed afterwards.
        """
        if other is self:
            raise ValueError("router must be another Router, got one that includes itself: a circular include")
        if other._has_included(self):
            hint = "register shared routes with a third Router"
            raise ValueError(
                f"router must be another Router, got one that already includes this one, {self._sealed_by}: "
                f"a circular include; {hint}"
            )
        with self.changes(), other._lock.current:  # in this order: a thread inside a block already holds the first lock
            self._change(self._include, other.current, {root: into})
            if other._sealed_by is None:
                other._sealed_by = where
                self.current.included.add(other)

    def _has_included(self, other: Registry) -> bool:
        """Return True if this registry contains the other, directly or through included registries."""
        included = self.current.included
        return other in included or any(
            registry._has_included(other)  # noqa: SLF001 - of its own class
            for registry in included
        )

    def _include(self, other: Registrations, relocated: dict[Scope, Scope]) -> None:
        (into,) = relocated.values()
        for route in other.routes:
            self._add([route.relocated(into.prefix, _relocate(route.scope, relocated))])
        for mount in other.mounts.values():
            self._add_mount(mount.relocated(into.prefix, _relocate(mount.scope, relocated)))
        self.current.scopes += [_relocate(scope, relocated) for scope in other.scopes]
        self.current.places.update(other.places)
        for scope, middleware in other.middleware.items():
            self.current.middleware[_relocate(scope, relocated)] = middleware
        for scope, handlers in other.handlers.items():
            self.current.handlers[_relocate(scope, relocated)] = handlers

    def publish(self) -> None:
        """Publish the registrations if they have changed. Inside a `changes` block, publish those before it."""
        with self._lock.current:
            if self._is_published:
                return
            if self._rollback_point is not None:
                table = self._new_table(self._rollback_point.routes)
                table.compile()
                self._publish_snapshot(table, self._rollback_point)
                self._is_published = True
            else:
                self._publish()

    def _publish(self) -> None:
        table = self._next_table()
        with CollectorPause(is_kept=not self._is_published):
            table.compile()
        self._publish_snapshot(table, self.current)
        self._draft_table = None
        self._is_published = True

    def with_table(self, use: Callable[[Table, Registrations], T]) -> T:
        """Return the result of `use` for the registrations that are not published yet."""
        with self._lock.current:
            return use(self._next_table(), self.current)

    def _next_table(self) -> Table:
        """Return the table to change: a new one if requests read the last one."""
        if self._draft_table is None:
            self._draft_table = self._new_table(self.current.routes)
        return self._draft_table

    def reset_after_fork(self) -> None:
        """Discard a change that another thread had begun before the fork."""
        self._draft_table = None
        if self._rollback_point is not None:
            self.current, self._rollback_point = self._rollback_point, None


def _relocate(scope: Scope, relocated: dict[Scope, Scope]) -> Scope:
    """Return the counterpart of a scope below another prefix. Create it if it does not exist."""
    for part in scope.lineage():
        if part not in relocated:
            parent = part.parent and relocated[part.parent]
            relocated[part] = Scope(part.own_prefix, parent, part.use, part.documentation)
    return relocated[scope]
