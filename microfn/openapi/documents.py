"""The OpenAPI document of an application, and a handle that serves it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from ..http.response import Response
from ..router import Router
from ..routing.registry import Registrations
from ..routing.route import Route
from .names import UniqueNames
from .operations import Operations
from .paths import Paths

if TYPE_CHECKING:
    from ..application.snapshot import Snapshot
    from ..http.request import Request
    from ..http.types import Handle, Params

__all__ = ["document", "openapi"]

# OpenAPI 3.1, section 4.8.9: a path item has only these methods.
_METHODS = frozenset(["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"])


class _Entry(NamedTuple):
    """A route, its Router, and its position in the document."""

    prefix: str
    registered: Registrations
    route: Route
    template: str
    names: tuple[str, ...]


def document(app: Router, *, title: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of an application, with its current registrations.

    The document has the routes of the Router and of mounted Routers. The name of a route is its operationId; if several
    have the same name, the first keeps it. Groups and prefixes are tags. Automatic HEAD and OPTIONS are omitted, and so
    are methods unknown to OpenAPI and the route of the document itself.

    `title` and `version` describe the API.

    >>> from microfn import Router
    >>> app = Router()
    >>> @app.get("/users/:id", convert={"id": int}, name="user", responses={404: "There is no such user."})
    ... def user(request, params) -> dict:
    ...     '''Show a user.'''
    ...     return {"id": params["id"]}
    >>> made = document(app, title="Users", version="1.0")
    >>> made["openapi"], made["info"]
    ('3.1.0', {'title': 'Users', 'version': '1.0'})
    >>> shown = made["paths"]["/users/{id}"]["get"]
    >>> shown["summary"], shown["operationId"], list(shown["responses"])
    ('Show a user.', 'user', ['200', '404'])

    Raises TypeError if `app` is not a Router, `title` or `version` is not a str, or a type has no JSON schema. Raises
    ModuleNotFoundError if a type of `responses` needs pydantic or msgspec, and neither is installed.
    """
    _check(app, title, version)
    entries = list(_entries(app))
    ids = _operation_ids(entries)
    operations = Operations()
    paths: dict[str, dict[str, Any]] = {}
    tags: dict[str, None] = {}
    for entry, operation_id in zip(entries, ids, strict=True):
        operation: dict[str, Any] = {}
        tag = _tag_of(entry)
        if tag:
            operation["tags"] = [tag]
            tags[tag] = None
        if operation_id is not None:
            operation["operationId"] = operation_id
        operation.update(operations.make(entry.route, entry.names, entry.registered))
        paths.setdefault(entry.template, {})[entry.route.method.lower()] = operation
    made: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": title, "version": version}, "paths": paths}
    if tags:
        made["tags"] = [{"name": tag} for tag in tags]
    responses = operations.problems.components
    components = {"schemas": operations.schemas.needed(paths, responses), "responses": responses}
    if any(components.values()):
        made["components"] = {name: parts for name, parts in components.items() if parts}
    return made


def openapi(app: Router, *, title: str, version: str) -> Handle[Response]:
    """Return a handle that serves the document of an application as application/json.

    The document is created with the first request, and again after routes have changed. Its server is the SCRIPT_NAME
    of the request, if there is one.

    >>> from microfn import Router
    >>> app = Router()
    >>> app.get("/openapi.json")(openapi(app, title="Users", version="1.0")) is not None
    True
    >>> app.test_client().get("/openapi.json").json
    {'openapi': '3.1.0', 'info': {'title': 'Users', 'version': '1.0'}, 'paths': {}}

    Raises TypeError if `app` is not a Router, or `title` or `version` is not a str. Errors of `document` become a 500.
    """
    _check(app, title, version)
    return _Document(app, title, version)


class _Document:
    """A handle that serves a document, which is cached until the routes change."""

    def __init__(self, app: Router, title: str, version: str) -> None:
        self._app = app
        self._info = {"title": title, "version": version}
        self._made: tuple[list[Snapshot], str, bytes] | None = None

    def __call__(self, request: Request, params: Params) -> Response:  # noqa: ARG002 - it is a handle
        snapshots = [router._ensure_snapshot() for router in _routers(self._app)]
        root = quote(request.root_path.rstrip("/"), "/-._~!$&'()*+,;=:@")
        made = self._made
        if made is None or made[:2] != (snapshots, root):
            content = document(self._app, **self._info)
            if root:
                content["servers"] = [{"url": root}]
            made = self._made = (snapshots, root, json.dumps(content, ensure_ascii=False).encode())
        return Response(made[2], content_type="application/json")


def _check(app: object, title: object, version: object) -> None:
    if not isinstance(app, Router):
        raise TypeError(f"app must be a Router, got {app!r:.200}")
    for name, text in (("title", title), ("version", version)):
        if not isinstance(text, str):
            raise TypeError(f"{name} must be a str, got {text!r:.200}")


def _routers(app: Router, around: tuple[Router, ...] = ()) -> Iterator[Router]:
    """Yield the Router and the Routers mounted in it. A Router that is mounted in itself is not entered again."""
    yield app
    for mount in app.mounts:
        inner = mount.application
        if isinstance(inner, Router) and inner not in (*around, app):
            yield from _routers(inner, (*around, app))


def _entries(app: Router) -> Iterator[_Entry]:
    paths = Paths()
    seen = set()
    for prefix, registered in _registered(app, "", ()):
        for route in registered.routes:
            if route.method in _METHODS and not isinstance(route.handle, _Document):
                template, names = paths.add(prefix, route)
                if (template, route.method) not in seen:
                    seen.add((template, route.method))
                    yield _Entry(prefix, registered, route, template, names)


def _registered(app: Router, prefix: str, around: tuple[Router, ...]) -> Iterator[tuple[str, Registrations]]:
    """Yield the registrations of a Router and of those mounted in it. The longest prefix is first, since it wins."""
    registered = app._registry.current
    yield prefix, registered
    for mount in sorted(registered.mounts.values(), key=lambda mount: -len(mount.prefix)):
        inner = mount.application
        if isinstance(inner, Router) and inner not in (*around, app):
            yield from _registered(inner, prefix + mount.prefix, (*around, app))


def _operation_ids(entries: list[_Entry]) -> list[str | None]:
    """Return the operationId of each route. The first of a name keeps it; the method is appended to others."""
    unique = UniqueNames()
    ids: list[str | None] = []
    for name in dict.fromkeys(entry.route.name for entry in entries):
        if name is not None:
            unique.take(name)
    first: set[str] = set()
    for entry in entries:
        name = entry.route.name
        if name in first:
            ids.append(unique.take(f"{name}_{entry.route.method.lower()}"))
        else:
            ids.append(name)
            if name is not None:
                first.add(name)
    return ids


def _tag_of(entry: _Entry) -> str:
    """Return the prefix of the innermost group or included Router of a route, without its first slash, or ""."""
    text = entry.prefix + entry.route.scope.prefix
    return "/".join(f"{{{part[1:]}}}" if part[:1] == ":" else part for part in text.split("/")[1:])
