"""Hints for users of other frameworks, about patterns and names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from inspect import getattr_static
from typing import Any

__all__ = [
    "MODULE_NAMES",
    "REQUEST_NAMES",
    "RESPONSE_NAMES",
    "ROUTER_NAMES",
    "add_hints",
    "hint_for_module",
    "hint_for_option",
    "hint_for_pattern",
]

# Compiled at the first use: compiling it during the import takes longer than the import of most modules.
_FOREIGN_PARAM = r"(?<=/)[<{](\w+(?::\w+)?)[>}](?=/|$)"
_FOREIGN_TYPES = ("any", "float", "int", "path", "string", "uuid")

_FILES = "app.serve_files(pattern, directory)"
_MIDDLEWARE = "app.use, a middleware"
_PREFIX = "app.include(prefix, router)"
_RUN = "`microfn run` while you develop, `microfn serve` in production"
_CONFIG = "a module or a dict of your own"
_TEMPLATES = "a template engine such as Jinja, as in the how-to on templates"
_SESSION = "a middleware with a signed cookie, as in the how-to on authentication"
_CONTEXT = "request.context"
_HANDLE = "app.handle(method, pattern, handle)"
_ROUTER = "a Router"

ROUTER_NAMES = {
    # Flask
    "add_url_rule": _HANDLE,
    "after_request": _MIDDLEWARE,
    "app_context": "the handle directly, which needs no context",
    "app_errorhandler": "app.error(status)",
    "before_first_request": "code of your module, or app.build()",
    "before_request": _MIDDLEWARE,
    "blueprints": "app.routes, and app.mounts",
    "config": _CONFIG,
    "context_processor": _TEMPLATES,
    "debug": "`microfn run`, which shows tracebacks",
    "endpoint": "the option `name` of a route",
    "ensure_sync": "a handle with `def`: WSGI is synchronous",
    "errorhandler": "app.error(status)",
    "extensions": "the library itself, without an extension",
    "instance_path": _CONFIG,
    "jinja_env": _TEMPLATES,
    "json": "request.json, and Router(json=codec)",
    "json_encoder": "Router(json=codec)",
    "json_provider_class": "Router(json=codec)",
    "logger": 'logging.getLogger("microfn")',
    "make_response": "Response(text, status)",
    "open_resource": "open, or importlib.resources",
    "register_blueprint": _PREFIX,
    "register_error_handler": "app.error(status)",
    "response_class": "a Response that the handle returns",
    "root_path": "a path of your own module",
    "run": _RUN,
    "secret_key": _SESSION,
    "send_static_file": _FILES,
    "session_interface": _SESSION,
    "static": _FILES,
    "static_folder": _FILES,
    "static_url_path": _FILES,
    "teardown_appcontext": "request.call_on_close",
    "teardown_request": "request.call_on_close",
    "template_filter": _TEMPLATES,
    "template_folder": _TEMPLATES,
    "template_global": _TEMPLATES,
    "test_cli_runner": "click.testing.CliRunner",
    "test_request_context": "Request(werkzeug.test.create_environ(path))",
    "testing": "app.test_client(raise_exceptions=True)",
    "url_map": "app.routes",
    "url_prefix": _PREFIX,
    "view_functions": "app.routes, each with its handle",
    "wsgi_app": "the Router itself",
    # Bottle
    "add_hook": _MIDDLEWARE,
    "get_url": "app.url_for(name)",
    "hook": _MIDDLEWARE,
    "install": _MIDDLEWARE,
    "match": "app.lookup(method, path)",
    "merge": _PREFIX,
    "uninstall": _MIDDLEWARE,
    "wsgi": "the Router itself",
    # Falcon, Starlette
    "add_api_route": _HANDLE,
    "add_error_handler": "app.error(status)",
    "add_exception_handler": "app.error(status)",
    "add_middleware": _MIDDLEWARE,
    "add_route": _HANDLE,
    "add_sink": "app.error(404), or a catch-all: '/*rest'",
    "add_static_route": _FILES,
    "api_route": "app.route(pattern, methods=[...])",
    "error_handler": "app.error(status)",
    "exception_handler": "app.error(status)",
    "include_router": _PREFIX,
    "middleware": _MIDDLEWARE,
    "on_event": "code of your module",
    "req_options": "an option of Router",
    "resp_options": "an option of Router",
    "set_error_serializer": "app.error(status)",
    "state": "request.context, or a variable of your module",
}
"""Equivalents of names that Flask, Bottle, Falcon and Starlette have on an application."""

_COOKIE = "request.cookies"
_ARGS = "request.args.get(name)"
_BODY = "request.data, request.get_data() or request.stream"
_ROUTE_NAME = "request.route.name, or request.route.pattern"

REQUEST_NAMES = {
    # Flask
    "app": "request.router",
    "blueprint": _ROUTE_NAME,
    "blueprints": _ROUTE_NAME,
    "current_app": "request.router",
    "endpoint": _ROUTE_NAME,
    "g": _CONTEXT,
    "routing_exception": "request.error",
    "session": _SESSION,
    "url_rule": "request.route.pattern",
    "user": "request.context.user, once a middleware has set it",
    "view_args": "request.params",
    # Bottle
    "GET": "request.args",
    "POST": "request.form and request.files",
    "auth": "request.authorization",
    "body": _BODY,
    "forms": "request.form",
    "fullpath": "request.root_path + request.path",
    "get_cookie": _COOKIE,
    "get_header": "request.headers.get(name)",
    "is_ajax": 'request.headers.get("X-Requested-With")',
    "is_xhr": 'request.headers.get("X-Requested-With")',
    "remote_route": "request.access_route",
    "script_name": "request.root_path",
    "url_args": "request.params",
    "urlparts": "urllib.parse.urlsplit(request.url)",
    # Falcon
    "bounded_stream": "request.stream",
    "client_accepts": "request.accept_mimetypes",
    "client_accepts_json": "request.accept_mimetypes.accept_json",
    "client_prefers": "request.accept_mimetypes.best_match(types)",
    "env": "request.environ",
    "forwarded_uri": "request.url, behind werkzeug's ProxyFix",
    "get_cookie_values": _COOKIE,
    "get_media": "request.json",
    "get_param": _ARGS,
    "get_param_as_bool": _ARGS,
    "get_param_as_float": _ARGS,
    "get_param_as_int": _ARGS,
    "get_param_as_json": _ARGS,
    "get_param_as_list": "request.args.getlist(name)",
    "get_param_as_uuid": _ARGS,
    "has_param": "name in request.args",
    "media": "request.json",
    "netloc": "request.host",
    "relative_uri": "request.full_path",
    "uri": "request.url",
    "uri_template": "request.route.pattern",
    # Django, Starlette
    "COOKIES": _COOKIE,
    "FILES": "request.files",
    "META": "request.environ",
    "build_absolute_uri": "request.host_url and request.url_for(name)",
    "path_info": "request.path",
    "path_params": "request.params",
    "query_params": "request.args, or request.query for routes with query=",
    "state": _CONTEXT,
}
"""Equivalents of names that other frameworks have on a request."""

_SET_HEADER = "response.headers[name] = value"
_BYTES = "response.data"

RESPONSE_NAMES = {
    "add_header": "response.headers.add(name, value)",
    "append_header": "response.headers.add(name, value)",
    "append_link": 'response.headers.add("Link", value)',
    "body": _BYTES,
    "body_iterator": "response.response",
    "complete": "a response that the middleware returns",
    "content": _BYTES,
    "context": _CONTEXT,
    "delete_header": "response.headers.pop(name, None)",
    "downloadable_as": 'response.headers.set("Content-Disposition", "attachment", filename=name)',
    "get_header": "response.headers.get(name)",
    "headerlist": "list(response.headers)",
    "iter_headers": "response.headers.items()",
    "media": "a dict or a list that the handle returns",
    "media_type": "response.mimetype",
    "set_header": _SET_HEADER,
    "set_headers": "response.headers.update(pairs)",
    "set_stream": "an iterator that the handle returns",
    "status_line": "response.status",
    "text": "response.get_data(as_text=True)",
    "unset_cookie": "response.delete_cookie(name)",
}
"""Equivalents of names that other frameworks have on a response."""

SWITCHES = frozenset(
    {
        "body",
        "content",
        "debug",
        "media",
        "media_type",
        "secret_key",
        "session_interface",
        "status_line",
        "testing",
        "text",
    }
)
"""Attributes that users set, which would have no effect."""

_DECORATOR = "a decorator of a Router, such as app.get(pattern)"
_RESPONSE = "the result of the handle: a body, (body, status, headers), or a Response"
_ERROR = "abort(status, text), or an exception of werkzeug.exceptions"
_ONE_REQUEST = "an argument of the handle: handle(request, params)"

MODULE_NAMES = {
    # Flask
    "Blueprint": "a Router, and app.include(prefix, router)",
    "Config": _CONFIG,
    "Flask": _ROUTER,
    "Markup": "html(text), or markupsafe.Markup",
    "MethodView": "a handle for each method",
    "View": "a handle for each method",
    "after_this_request": "a middleware",
    "copy_current_request_context": "the request, passed as an argument",
    "current_app": "request.router",
    "escape": "markupsafe.escape",
    "flash": "two functions, as in the how-to on authentication",
    "g": _CONTEXT,
    "get_flashed_messages": "two functions, as in the how-to on authentication",
    "has_request_context": "the handle directly, which needs no context",
    "json": "request.json, and the dict or list that a handle returns",
    "jsonify": "a dict or a list that the handle returns",
    "make_response": "Response(text, status)",
    "render_template": _TEMPLATES,
    "render_template_string": _TEMPLATES,
    "request": _ONE_REQUEST,
    "send_file": _FILES,
    "send_from_directory": _FILES,
    "session": _SESSION,
    "stream_with_context": "a generator that the handle returns",
    "url_for": "request.url_for(name), or app.url_for(name)",
    "views": "a handle for each method",
    # Bottle
    "BaseRequest": "Request",
    "BaseResponse": "Response",
    "Bottle": _ROUTER,
    "SimpleTemplate": _TEMPLATES,
    "debug": "`microfn run`, which shows tracebacks",
    "default_app": _ROUTER,
    "delete": _DECORATOR,
    "error": "app.error(status)",
    "get": _DECORATOR,
    "hook": "app.use, a middleware",
    "install": "app.use, a middleware",
    "jinja2_template": _TEMPLATES,
    "jinja2_view": _TEMPLATES,
    "patch": _DECORATOR,
    "post": _DECORATOR,
    "put": _DECORATOR,
    "response": _RESPONSE,
    "route": _DECORATOR,
    "run": _RUN,
    "static_file": _FILES,
    "template": _TEMPLATES,
    "view": _TEMPLATES,
    # Falcon
    "API": _ROUTER,
    "App": _ROUTER,
    # Starlette, FastAPI
    "APIRouter": _ROUTER,
    "Body": "valid=, the type of the JSON: app.post(pattern, valid=NewUser)",
    "Depends": "a middleware, or a call in the handle",
    "FastAPI": _ROUTER,
    "FileResponse": _FILES,
    "HTMLResponse": "html(text), which the handle returns",
    "JSONResponse": "a dict or a list that the handle returns",
    "PlainTextResponse": "a str that the handle returns",
    "Query": "query=, the type of the query: app.get(pattern, query=Search)",
    "RedirectResponse": "redirect(location)",
    "Starlette": _ROUTER,
    "StreamingResponse": "a generator that the handle returns",
    "TestClient": "app.test_client()",
    "status": "an int, or a member of http.HTTPStatus",
}
"""Equivalents of names that other packages export."""


_OPTIONS = {
    "apply": "use=[...], middleware",
    "converters": "convert={...}",
    "decorators": "use=[...], middleware",
    "defaults": "a second route of the handle, and params.get(name, default)",
    "dependencies": "use=[...], middleware",
    "description": "the docstring of the handle",
    "endpoint": "name=",
    "method": "app.route(pattern, methods=[...])",
    "methods": "app.route(pattern, methods=[...])",
    "middleware": "use=[...]",
    "operation_id": "name=",
    "response_model": "responses={200: ...}",
    "status_code": "(body, status), which the handle returns",
    "strict_slashes": "Router(redirect_trailing_slash=False)",
    "summary": "the docstring of the handle",
}
"""Equivalents of route options in other frameworks."""


def hint_for_option(name: str) -> str | None:
    """Return the equivalent of a route option in another framework, or None."""
    meant = _OPTIONS.get(name)
    return meant and f"use {meant}"


def hint_for_pattern(pattern: str) -> str | None:
    """Return the equivalent of a pattern of another framework, or None."""
    if "\\:" in pattern or "\\*" in pattern:
        return (
            "a backslash does not escape, and ':' and '*' always begin a wildcard; "
            "match the whole segment with a param, '/:name', and check its text"
        )
    foreign = re.search(_FOREIGN_PARAM, pattern) if "<" in pattern or "{" in pattern else None
    if foreign is None:
        return None
    # Flask and werkzeug write <int:id>, bottle <id:int>, falcon and Starlette {id}.
    first, _, second = foreign[1].partition(":")
    name, kind = (second, first) if first in _FOREIGN_TYPES else (first, second)
    ours = f"'*{name}'" if kind == "path" else f"':{name}'"
    convert = f" with convert={{{name!r}: {kind}}}" if kind in ("int", "float") else ""
    return f"{foreign[0]!r} is not a param of microfn; did you mean {ours}{convert}?"


def hint_for_module(name: str) -> str | None:
    """Return the message for a name that another package exports, or None."""
    if name.startswith("HTTP_") and name[5:].isdigit():  # falcon.HTTP_404
        meant: str | None = f"the int {name[5:]}"
    elif name.startswith("HTTP") and name[4:5].isupper():  # falcon.HTTPNotFound, bottle.HTTPError
        meant = _ERROR
    else:
        meant = MODULE_NAMES.get(name)
    return meant and f"microfn has no {name!r}; use {meant}"


def add_hints(cls: Any, names: Mapping[str, str]) -> None:
    """Let a class report the equivalents of missing names. `dir` omits these names."""
    for name, equivalent in names.items():
        kind = ForeignSwitch if name in SWITCHES else ForeignName
        setattr(cls, name, kind(f"{cls.__name__} has no {name!r}; use {equivalent}"))
    inherited = cls.__dir__

    def __dir__(self: object) -> list[str]:  # noqa: N807 - replaces the method of the class
        return [
            name
            for name in inherited(self)
            if name not in names or not isinstance(getattr_static(self, name), ForeignName)
        ]

    cls.__dir__ = __dir__


class ForeignName:
    """A missing attribute whose equivalent is in the error. PERF: a `__getattr__` slows down every attribute."""

    def __init__(self, message: str) -> None:
        self._message = message

    def __get__(self, instance: object, owner: object) -> Any:
        raise AttributeError(self._message)


class ForeignSwitch(ForeignName):
    """A missing attribute that also refuses assignment, since a value would have no effect."""

    def __set__(self, instance: object, value: object) -> None:
        raise AttributeError(self._message)
