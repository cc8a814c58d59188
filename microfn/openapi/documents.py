"""The OpenAPI document of an application, and a handle that serves it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..http.response import Response
from ..router import Router
from .entries import entries, facts_of, operation_ids, registered_routes, routers, tags_of
from .operations import Operations
from .security import Security

if TYPE_CHECKING:
    from ..application.snapshot import Snapshot
    from ..http.request import Request
    from ..http.types import Handle, Params

__all__ = ["Served", "document", "openapi", "served_documents"]

_ROOT_CHARACTERS = "/-._~!$&'()*+,;=:@"


def document(
    app: Router, *, title: str, version: str, security_schemes: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of an application, with its current registrations.

    The document has the routes of the Router and of mounted Routers. The name of a route is its operationId; if several
    have the same name, the first keeps it. Groups and prefixes are tags, unless `tags=` has others. Automatic HEAD and
    OPTIONS are omitted, and so are methods unknown to OpenAPI, and the route of the document itself.

    `title` and `version` describe the API. `security_schemes` maps the names in `security=` of Routers, groups and
    routes to security scheme objects (OpenAPI 3.1, section 4.8.27).

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
    ValueError if `security=` names an unknown scheme, and ModuleNotFoundError if a type of `responses` needs pydantic
    or msgspec, and neither is installed.
    """
    _check(app, title, version)
    security = Security(security_schemes)
    shown = list(entries(app, leave_out=Served))
    operations = Operations()
    paths: dict[str, dict[str, Any]] = {}
    tags: dict[str, None] = {}
    made: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": title, "version": version}}
    whole = app._scope.documentation.security
    if whole is not None:
        made["security"] = security.requirements(whole, "security of the Router")
    for entry, operation_id in zip(shown, operation_ids(shown), strict=True):
        facts = facts_of(entry)
        operation: dict[str, Any] = {}
        own_tags = tags_of(entry, facts)
        if own_tags:
            operation["tags"] = own_tags
            tags.update(dict.fromkeys(own_tags))
        if operation_id is not None:
            operation["operationId"] = operation_id
        operation.update(operations.make(entry))
        if facts.deprecated:
            operation["deprecated"] = True
        if facts.security is not None and facts.security != whole:
            operation["security"] = security.requirements(facts.security, f"security of {entry.route}")
        paths.setdefault(entry.template, {})[entry.route.method.lower()] = operation
    made["paths"] = paths
    if tags:
        made["tags"] = [{"name": tag} for tag in tags]
    responses = operations.problems.components
    components = {
        "schemas": operations.schemas.needed(paths, responses),
        "responses": responses,
        "securitySchemes": security.schemes,
    }
    if any(components.values()):
        made["components"] = {name: parts for name, parts in components.items() if parts}
    return made


def openapi(
    app: Router,
    *,
    title: str,
    version: str,
    security_schemes: Mapping[str, Mapping[str, Any]] | None = None,
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Handle[Response]:
    """Return a handle that serves the document of an application as application/json.

    The document is created with the first request, and again after routes have changed. Its server is the SCRIPT_NAME
    of the request, if there is one. `microfn openapi` prints the same document.

    `title`, `version` and `security_schemes` are those of `document`. `change` is called with each new document, and
    returns the one to serve, such as the same dict with changes.

    >>> from microfn import Router
    >>> app = Router()
    >>> app.get("/openapi.json")(openapi(app, title="Users", version="1.0")) is not None
    True
    >>> app.test_client().get("/openapi.json").json
    {'openapi': '3.1.0', 'info': {'title': 'Users', 'version': '1.0'}, 'paths': {}}

    Raises TypeError if `app` is no Router, `title` or `version` is no text, or `change` cannot be called; TypeError or
    ValueError if `security_schemes` has no schemes. Errors of both become a 500.
    """
    _check(app, title, version)
    Security(security_schemes)
    if change is not None and not callable(change):
        raise TypeError(f"change must be a function of a document, got {change!r:.200}")
    return Served(app, title, version, security_schemes, change)


class Served:
    """A handle that serves a document, which is kept as long as the routes are the same."""

    def __init__(
        self,
        app: Router,
        title: str,
        version: str,
        security_schemes: Mapping[str, Mapping[str, Any]] | None,
        change: Callable[[dict[str, Any]], dict[str, Any]] | None,
    ) -> None:
        self._app = app
        self._info = {"title": title, "version": version}
        self._security_schemes = security_schemes
        self._change = change
        self._made: tuple[list[Snapshot], str, bytes] | None = None

    def __call__(self, request: Request, params: Params) -> Response:  # noqa: ARG002 - it is a handle
        """Serve the document, as JSON."""
        snapshots = [router._ensure_snapshot() for router in routers(self._app)]
        root = request.root_path.rstrip("/")
        made = self._made
        if made is None or made[:2] != (snapshots, root):
            content = json.dumps(self.document(root), ensure_ascii=False).encode()
            made = self._made = (snapshots, root, content)
        return Response(made[2], content_type="application/json")

    def document(self, root: str, **info: str) -> dict[str, Any]:
        """Return the document of an application below a path. `info` can have another title and version.

        Raises the errors of `document`, and TypeError if `change` does not return a dict.
        """
        made = document(self._app, **{**self._info, **info}, security_schemes=self._security_schemes)
        if root:
            made["servers"] = [{"url": quote(root, _ROOT_CHARACTERS)}]
        if self._change is None:
            return made
        changed = self._change(made)
        if not isinstance(changed, dict):
            raise TypeError(f"change must return the document, a dict, got {changed!r:.200}")
        return changed


def served_documents(app: Router) -> dict[str, tuple[str, Served]]:
    """Return the handles of documents in an application and in mounted Routers, by their paths with prefixes."""
    return {
        prefix + route.pattern: (prefix, route.handle)
        for prefix, _, route in registered_routes(app)
        if isinstance(route.handle, Served)
    }


def _check(app: object, title: object, version: object) -> None:
    if not isinstance(app, Router):
        raise TypeError(f"app must be a Router, got {app!r:.200}")
    for name, text in (("title", title), ("version", version)):
        if not isinstance(text, str):
            raise TypeError(f"{name} must be a str, got {text!r:.200}")
