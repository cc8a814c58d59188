"""The Router, which users configure, register routes with, and pass to a server."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import partial
from inspect import unwrap
from typing import TYPE_CHECKING, Any, cast

from .application.builder import Settings, build_snapshot, build_urls
from .application.dispatch import respond
from .application.fallback import Allowed
from .application.registration import BaseRouter, Group
from .application.snapshot import Snapshot
from .arguments import check_flags, check_size, refuse_other_options
from .http.conversion import encoders_for
from .http.host import trusted_name
from .http.json import JSON, Codec
from .http.request import MAX_CONTENT_LENGTH, Request
from .http.response import Response
from .routing.documentation import documentation_of
from .routing.handle import check_handle
from .routing.hints import REQUEST_NAMES, RESPONSE_NAMES, ROUTER_NAMES, add_hints
from .routing.mount import Mount
from .routing.paths import location, to_wsgi_str, toggle_trailing_slash
from .routing.registry import Registrations, Registry
from .routing.route import Route
from .routing.scope import Scope
from .routing.table import Table
from .routing.urls import Query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from werkzeug.exceptions import HTTPException

    from .http.types import Handle, Params, Result
    from .routing.documentation import Described, Requirement
    from .testing import Client

__all__ = ["Router"]


class Router(BaseRouter):
    """A set of routes, and the WSGI application that serves them.

    >>> app = Router()
    >>> @app.get("/users/:id", convert={"id": int})
    ... def user(request, params):
    ...     return {"id": params["id"]}
    >>> app.test_client().get("/users/7").json
    {'id': 7}

    Options have httprouter's names if it has them:

    `redirect_trailing_slash`: redirect to the path without its last slash, or with one, if that matches.
    `redirect_fixed_path`: redirect to the path without `//`, `.` and `..`, and in the case of the route.
    `handle_method_not_allowed`: respond with 405 if other methods have a route.
    `handle_options`: respond to OPTIONS with the methods that have a route.
    `global_options`: a handle for OPTIONS requests if only other methods have a route.
    `not_found`, `method_not_allowed`: the same as `error(404)` and `error(405)`.
    `overlap`: let literal text stand beside a param, and both beside a catch-all; literal text wins.
    `permanent_redirects`: 301, or 308 where the method must stay; else 307.
    `max_content_length`: bytes of a body that may be read, None for no limit (413).
    `max_path_length`: characters that a path may have if it is no match (414).
    `trusted_hosts`: the hosts to answer to, ".example.com" for all below, with any port unless one is named (else 400).
    `json`: an object with `dumps` and `loads`, such as `JSON(default=...)`, which sends types that JSON lacks.
    `path_info_encoded`: the host hands over PATH_INFO undecoded (Passenger).
    `responses`, `tags`, `security`, `deprecated`: what documents say of each route that has nothing else, as `group`.
    """

    @refuse_other_options("a Router")
    def __init__(
        self,
        *,
        redirect_trailing_slash: bool = True,
        redirect_fixed_path: bool = True,
        handle_method_not_allowed: bool = True,
        handle_options: bool = True,
        global_options: Callable[[Any, Params], Result] | None = None,
        not_found: Callable[[Any, HTTPException], Result] | None = None,
        method_not_allowed: Callable[[Any, HTTPException], Result] | None = None,
        overlap: bool = False,
        permanent_redirects: bool = True,
        max_content_length: int | None = MAX_CONTENT_LENGTH,
        max_path_length: int = 8192,
        trusted_hosts: Iterable[str] | None = None,
        json: Codec | None = None,
        path_info_encoded: bool = False,
        responses: Mapping[int, Described] | None = None,
        tags: Iterable[str] | None = None,
        security: Iterable[Requirement] | None = None,
        deprecated: bool | None = None,
    ) -> None:
        check_flags(
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
        hosts = _check_hosts(trusted_hosts)
        if global_options is not None:
            check_handle(global_options)
        attributes = {
            "_codec": codec,
            "max_content_length": max_content_length,
            "trusted_hosts": hosts,
            "router": self,
        }
        documentation = documentation_of(responses=responses, tags=tags, security=security, deprecated=deprecated)
        self._scope = Scope(documentation=documentation)
        self._registry = Registry(
            partial(Table, overlap=overlap, slash=redirect_trailing_slash, fixed=redirect_fixed_path), self._publish
        )
        self._snapshot: Snapshot | None = None
        """The current snapshot; None before the first request."""
        self._settings = Settings(
            request_class=type("Request", (Request,), attributes),
            encoders=encoders_for(codec),
            root=self._scope,
            allowed=Allowed(handle_options),
            handle_method_not_allowed=handle_method_not_allowed,
            handle_options=handle_options,
            global_options=global_options,
            permanent_redirects=permanent_redirects,
            max_path_length=max_path_length,
            path_info_encoded=path_info_encoded,
            has_trusted_hosts=trusted_hosts is not None,
        )
        self._registry.own_options = _without_defaults(
            redirect_trailing_slash=redirect_trailing_slash,
            redirect_fixed_path=redirect_fixed_path,
            handle_method_not_allowed=handle_method_not_allowed,
            handle_options=handle_options,
            global_options=global_options,
            permanent_redirects=permanent_redirects,
            max_content_length=max_content_length,
            max_path_length=max_path_length,
            trusted_hosts=hosts and frozenset(hosts),
            path_info_encoded=path_info_encoded,
        )
        if not_found is not None:
            self.error(404)(not_found)
        if method_not_allowed is not None:
            self.error(405)(method_not_allowed)

    __call__ = respond
    """The WSGI application (PEP 3333)."""

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes, in the order of registration."""
        return tuple(self._registry.current.routes)

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """All mounts, in the order of registration."""
        return tuple(self._registry.current.mounts.values())

    def lookup(self, method: str, path: str) -> tuple[Handle | None, dict[str, str], bool]:
        """Return `(handle, params, tsr)` of the matching route, with the params as raw text, before any converter.

        HEAD falls back to GET. Without a match, the result is `(None, {}, tsr)`. `tsr` (trailing slash redirect) is
        True if the path matches without its last slash, or with one. `path` is decoded text. Paths below a mount have
        no routes. Like the first request, this call publishes the registrations.

        >>> app = Router()
        >>> app.handle("GET", "/users/:id", lambda request, params: "")
        >>> app.lookup("GET", "/users/7/")
        (None, {}, True)
        """
        snapshot = self._snapshot or self._ensure_snapshot()
        table = snapshot.table
        if snapshot.mounts is not None and snapshot.mounts.find(to_wsgi_str(path)) is not None:
            return None, {}, False
        route, params = table.find(method, path)
        if route is not None:
            return route.handle, params, False
        other = toggle_trailing_slash(path)
        return None, {}, other is not None and table.find(method, other)[0] is not None

    def build(self) -> None:
        """Publish the registrations now, before the first request, for servers that fork (`gunicorn --preload`)."""
        self._ensure_snapshot()

    def changes(self) -> AbstractContextManager[None]:
        """Publish all registrations of the block together. If an exception leaves the block, publish none.

        Requests see the routes before or the routes after. Other threads that register wait, and Python's garbage
        collector pauses. Blocks may be nested: each is undone by itself, and the outermost publishes. A change reaches
        this process only: other workers of a server have routers of their own, and so has a process that is forked
        inside of a block, which begins without it.
        """
        return self._registry.changes()

    def url_for(
        self, target: str | Callable[..., Any], /, *, query: Query | str | None = None, **params: object
    ) -> str:
        """Return the percent-encoded path of the route with this name or handle; `request.url_for` adds SCRIPT_NAME.

        If several routes have the handle or name, the first with exactly these params is used. `query` is a mapping or
        a list of pairs. A list as a value means several values, and None is omitted. If the pattern has a param
        `query`, the argument is that param.

        >>> app = Router()
        >>> app.handle("GET", "/users/:id/files/*path", lambda request, params: "", name="file")
        >>> app.url_for("file", id="Zoë", path="a b.txt")
        '/users/Zo%C3%AB/files/a%20b.txt'
        >>> app.url_for("file", id=7, path="a", query={"page": 2, "tag": ["x", "y"]})
        '/users/7/files/a?page=2&tag=x&tag=y'

        Raises `InvalidUrl`, a ValueError, if the name is unknown, or if a param is missing or unknown. Also raises it
        if the path would not match the route: an empty value, a dot segment, a slash in a param, or a value that a
        converter rejects. The same applies to an invalid query.
        """
        return self._url_for("", target, params, query)

    def _url_for(
        self,
        script_name: str | None,
        target: str | Callable[..., Any],
        params: dict[str, object],
        query: Query | str | None,
        request: Request | None = None,
    ) -> str:
        """Return the URL below a SCRIPT_NAME, for a request in its scope."""
        snapshot = self._snapshot
        urls = self._registry.with_table(build_urls) if snapshot is None else snapshot.urls
        near = None if snapshot is None or request is None else snapshot.scope_of(request.environ, request)
        path, encoded = urls.url_for(target, params, query, near)
        return location(script_name, path, encoded)

    def test_client(self, *, use_cookies: bool = True, raise_exceptions: bool = False) -> Client:
        """Return a client for tests: werkzeug's, which can be used in a `with` statement.

        The client reads each response to its end and closes it. For an endless stream, use `buffered=False` in a
        request. Requests come from 127.0.0.1.

        `use_cookies`: keep cookies between requests.
        `raise_exceptions`: raise unexpected exceptions in the test, instead of a response with 500.

        >>> app = Router()
        >>> app.handle("GET", "/", lambda request, params: 1 / 0)
        >>> with app.test_client(raise_exceptions=True) as client:
        ...     client.get("/")
        Traceback (most recent call last):
        ZeroDivisionError: division by zero

        Raises TypeError if an option is not a bool.
        """
        from .testing import Client  # noqa: PLC0415 - only tests need it

        return Client(self, use_cookies=use_cookies, raise_exceptions=raise_exceptions)

    def _ensure_snapshot(self) -> Snapshot:
        """Publish the registrations if they have changed."""
        self._registry.publish()
        return cast("Snapshot", self._snapshot)

    def _publish(self, table: Table, registrations: Registrations) -> None:
        self._snapshot = build_snapshot(registrations, table, self._settings)


add_hints(Router, ROUTER_NAMES)
add_hints(Group, ROUTER_NAMES)
add_hints(Request, REQUEST_NAMES)
add_hints(Response, RESPONSE_NAMES)


def _without_defaults(**options: object) -> dict[str, object]:
    defaults: Any = unwrap(Router.__init__).__kwdefaults__
    return {name: value for name, value in options.items() if value != defaults[name]}


def _check_codec(codec: Any) -> Any:
    for function in ("dumps", "loads"):
        if not callable(getattr(codec, function, None)):
            raise TypeError(f"json must be an object with dumps and loads, got {codec!r}, which has no {function}")
    return codec


def _check_hosts(hosts: Any) -> list[str] | None:
    if hosts is None:
        return None
    if isinstance(hosts, str) or not isinstance(hosts, Iterable):
        raise TypeError(f"trusted_hosts must be a list of hosts, got {hosts!r}")
    listed = [_trusted(host) for host in hosts]
    if not listed:
        raise ValueError("trusted_hosts must have at least one host; leave it out to accept any host")
    return listed


def _trusted(host: object) -> str:
    if not isinstance(host, str):
        raise TypeError(f"trusted_hosts must be a list of str, got {host!r}")
    try:
        return trusted_name(host)
    except ValueError as error:
        raise ValueError(f"trusted_hosts must be a list of valid hosts, got {host!r}: {error}") from None
