"""The Router: what people import, configure, register routes with, and hand to a server."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from .answer import encoders_for
from .codec import JSON, Codec
from .dispatch import Site, respond
from .errors import name_of
from .paths import other_spelling
from .problems import ErrorHandlers
from .registrar import Key, Registrar
from .request import MAX_CONTENT_LENGTH, Request
from .response import Response
from .route import Handle, Route, check_handle, check_size
from .table import Table

if TYPE_CHECKING:
    from werkzeug.test import Client

__all__ = ["Router"]


class Router(Registrar):
    """Routes, and the WSGI application that serves them.

    >>> app = Router()
    >>> @app.get("/users/:id", convert={"id": int})
    ... def user(request, params):
    ...     return {"id": params["id"]}
    >>> app.test_client().get("/users/7").json
    {'id': 7}

    Options are httprouter's where it has them:

    `redirect_trailing_slash`, `redirect_fixed_path`: redirect to the route that the path without its last slash, or
    with one more, would match; or the path cleaned of `//`, `.` and `..` and with the case of its text mended.
    `handle_method_not_allowed`, `handle_options`: answer 405, and OPTIONS, by what other methods have a route;
    `global_options` is a handle for OPTIONS requests that only other methods have a route for. `not_found`,
    `method_not_allowed`: the same as `error(404)` and `error(405)`. `overlap`: let literal text stand beside a param,
    and both beside a catch-all; literal text wins. `permanent_redirects`: 301, or 308 where the method must stay;
    else 307. `max_content_length`: bytes of a body that may be read, None for no limit (413). `max_path_length`:
    characters that a path may have if it is no match (414). `trusted_hosts`: the hosts to answer to, ".example.com"
    for all below (400 for others).
    `json`: an object with `dumps` and `loads`. `path_info_encoded`: the host hands over PATH_INFO undecoded
    (Passenger).
    """

    def __init__(
        self,
        *,
        redirect_trailing_slash: bool = True,
        redirect_fixed_path: bool = True,
        handle_method_not_allowed: bool = True,
        handle_options: bool = True,
        global_options: Handle | None = None,
        not_found: Handle | None = None,
        method_not_allowed: Handle | None = None,
        overlap: bool = False,
        permanent_redirects: bool = True,
        max_content_length: int | None = MAX_CONTENT_LENGTH,
        max_path_length: int = 8192,
        trusted_hosts: Iterable[str] | None = None,
        json: Codec | None = None,
        path_info_encoded: bool = False,
    ) -> None:
        _check_flags(
            redirect_trailing_slash=redirect_trailing_slash,
            redirect_fixed_path=redirect_fixed_path,
            handle_method_not_allowed=handle_method_not_allowed,
            handle_options=handle_options,
            overlap=overlap,
            permanent_redirects=permanent_redirects,
            path_info_encoded=path_info_encoded,
        )
        check_size("max_content_length", max_content_length, optional=True)
        check_size("max_path_length", max_path_length)
        codec = JSON() if json is None else _check_codec(json)
        if global_options is not None:
            check_handle(global_options)
        attributes = {
            "codec": codec,
            "max_content_length": max_content_length,
            "trusted_hosts": _check_hosts(trusted_hosts),
        }
        self._new_table = partial(Table, overlap=overlap, slash=redirect_trailing_slash, fixed=redirect_fixed_path)
        self._new_site = partial(
            Site,
            request_class=type("Request", (Request,), attributes),
            handle_method_not_allowed=handle_method_not_allowed,
            handle_options=handle_options,
            global_options=global_options,
            permanent_redirects=permanent_redirects,
            max_path_length=max_path_length,
            path_info_encoded=path_info_encoded,
            is_guarded=path_info_encoded or trusted_hosts is not None,
            encoders=encoders_for(codec),
        )
        self._lock = threading.RLock()
        """Held by whoever registers, never while a request is served."""
        self._routes: list[Route] = []
        self._names: dict[str, Route] = {}
        self._error_handlers: dict[Key, Handle] = {}
        self._draft: Table | None = None
        """The table that the next site gets; None where nothing changed since the last one."""
        self.site: Site | None = None
        """What requests are answered from; None before the first."""
        self._before: _State | None = None
        """What there was before the outermost open block of `changes`."""
        _routers.add(self)
        if not_found is not None:
            self.error(404)(not_found)
        if method_not_allowed is not None:
            self.error(405)(method_not_allowed)

    __call__ = respond
    """The WSGI application (PEP 3333)."""

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes, in the order of their registration."""
        return tuple(self._routes)

    def lookup(self, method: str, path: str) -> tuple[Handle | None, dict[str, str], bool]:
        """What would answer: `(handle, params, tsr)`, the parameters as raw text, before any converter.

        HEAD falls back to GET. Without a match it is `(None, {}, tsr)`: `tsr` says whether the path without its last
        slash, or with one more, is one. `path` is text, decoded. Like the first request, it publishes what is
        registered.

        >>> app = Router()
        >>> app.handle("GET", "/users/:id", lambda request, params: "")
        >>> app.lookup("GET", "/users/7/")
        (None, {}, True)
        """
        table = (self.site or self.first_site()).table
        route, params = table.find(method, path)
        if route is not None:
            return route.handle, params, False
        other = other_spelling(path)
        return None, {}, other is not None and table.find(method, other)[0] is not None

    def build(self) -> None:
        """Publish what is registered now, not with the first request: for servers that fork (`gunicorn --preload`)."""
        self.first_site()

    @contextmanager
    def changes(self) -> Iterator[None]:
        """Publish all that is registered inside as one change; where an exception leaves the block, none of it.

        Requests see the routes before or the routes after. Other threads that register wait. Blocks may be nested: each
        is undone by itself, and the outermost publishes. A change reaches this process only: other workers of a server
        have routers of their own, and so has a process that is forked inside of a block, which forgets the block.
        """
        with self._lock:
            saved = self._routes.copy(), self._names.copy(), self._error_handlers.copy()
            is_outermost = self._before is None
            self._before = self._before or saved
            try:
                yield
            except BaseException:
                self._restore(saved)
                raise
            finally:
                if is_outermost:
                    self._before = None
            self._publish_if_live()

    def _restore(self, state: _State) -> None:
        self._routes, self._names, self._error_handlers = state
        self._draft = None

    def test_client(self) -> Client:
        """werkzeug's test client for this application."""
        from werkzeug.test import Client  # noqa: PLC0415 - what only tests use is loaded when they do

        return Client(self, Response)

    def _register(self, routes: list[Route]) -> None:
        with self._lock:
            self._check_name(routes[0])
            self._next_table().add(routes)
            self._routes += routes
            if routes[0].name is not None:
                self._names.setdefault(routes[0].name, routes[0])
            self._publish_if_live()

    def _check_name(self, new: Route) -> None:
        known = self._names.get(new.name) if new.name is not None else None
        if known is not None and known.pattern != new.pattern:
            raise ValueError(f"the name {new.name!r} of {new} is taken by {known}")

    def _register_error_handler(self, key: Key, handler: Handle) -> None:
        with self._lock:
            if key in self._error_handlers:
                known = name_of(self._error_handlers[key])
                raise ValueError(f"{getattr(key, '__name__', key)} has an error handler already: {known}")
            self._error_handlers[key] = handler
            self._publish_if_live()

    def _forget_other_threads(self) -> None:
        """In a forked child nobody holds the lock any more, and what another thread had begun is not finished."""
        self._lock = threading.RLock()
        self._draft = None
        if self._before is not None:
            self._restore(self._before)
            self._before = None

    def _next_table(self) -> Table:
        """The table that is being changed: a new one where requests read the last."""
        if self._draft is None:
            self._draft = self._new_table(self._routes)
        return self._draft

    def _publish_if_live(self) -> None:
        """Before the first request changes only gather; from then on each is published by the thread that makes it."""
        if self.site is not None and self._before is None:
            self._publish()

    def _publish(self) -> Site:
        table, self._draft = self._next_table(), None
        return self._publish_table(table, self._error_handlers)

    def _publish_table(self, table: Table, handlers: dict[Key, Handle]) -> Site:
        table.compile()
        self.site = self._new_site(
            table=table,
            find=table.index.find,
            methods=table.methods(),
            errors=ErrorHandlers(handlers),
            handles_errors=bool(handlers),
        )
        return self.site

    def first_site(self) -> Site:
        """Publish what is registered, unless that is done; inside of a block of `changes`, what there was before it."""
        with self._lock:
            if self.site is None and self._before is not None:
                routes, _, handlers = self._before
                return self._publish_table(self._new_table(routes), handlers)
            return self.site or self._publish()


_State = tuple[list[Route], dict[str, Route], dict[Key, Handle]]
"""What is registered: routes, names, handlers of errors."""


def _after_fork_in_child() -> None:
    for router in _routers:
        router._forget_other_threads()  # noqa: SLF001


_routers: weakref.WeakSet[Router] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _check_flags(**flags: object) -> None:
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name} is True or False, not {value!r}")


def _check_codec(codec: Any) -> Any:
    for function in ("dumps", "loads"):
        if not callable(getattr(codec, function, None)):
            raise TypeError(f"json is an object with dumps and loads; {codec!r} has no {function}")
    return codec


def _check_hosts(hosts: Any) -> list[str] | None:
    if hosts is None:
        return None
    if isinstance(hosts, str) or not isinstance(hosts, Iterable):
        raise TypeError(f"trusted_hosts is a list of hosts, not {hosts!r}")
    listed = list(hosts)
    for host in listed:
        if not isinstance(host, str):
            raise TypeError(f"trusted_hosts holds hosts as str, not {host!r}")
        try:
            host.removeprefix(".").partition(":")[0].encode("idna")
        except UnicodeError as error:
            raise ValueError(f"trusted_hosts holds {host!r}, which is no host: {error}") from None
    if not listed:
        raise ValueError("trusted_hosts is empty, so no request could be answered; leave it out to answer to any host")
    return listed
