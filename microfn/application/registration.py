"""Registration of routes and error handlers: the decorators of routers and groups."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from ..errors import InvalidPattern
from ..http.checks import check_for
from ..routing.documentation import DocumentationOptions, documentation_of
from ..routing.handle import check_handle, check_middleware, check_middlewares
from ..routing.mount import Mount
from ..routing.pattern import or_root, parse, shared
from ..routing.registry import Key, Registry
from ..routing.route import Route, check_options, short_name
from ..routing.scope import Scope, check_prefix

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from typing_extensions import Unpack

    from ..http.request import Request
    from ..http.types import (
        CallableOf,
        ErrorDecorator,
        ErrorT,
        Handle,
        Middleware,
        MiddlewareT,
        Params,
        ParamsT,
        RequestT,
        ResultT,
        RouteDecorator,
        RouteOptions,
        StatusDecorator,
    )
    from ..routing.documentation import Described, Requirement

__all__ = ["BaseRouter", "Group"]

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep


def _refuse_misplaced(method: F) -> F:
    """Decorate a method that returns a decorator: refuse `app.get(path, handle)` with a hint."""

    @functools.wraps(method)
    def checked(self: BaseRouter, path: str, *misplaced: object, **options: Any) -> Any:
        if misplaced:
            given, verb = misplaced[0], method.__name__
            if callable(given):
                name = getattr(given, "__name__", "handle")
                token = "GET" if verb == "route" else verb.upper()
                meant = f'app.handle("{token}", {path!r}, {name}), or @app.{verb}({path!r}) above {name}'
            elif isinstance(given, str) and given.startswith("/"):
                meant = f"app.route({given!r:.200}, methods=[{path!r:.200}])"
            else:
                meant = f"app.route({path!r}, methods={[given] if isinstance(given, str) else given!r:.200})"
            raise TypeError(
                f"arguments after the pattern must be passed by keyword, got {given!r:.200}; did you mean {meant}?"
            )
        return method(self, path, **options)

    return cast("F", checked)


def _with_usage(usage: str) -> Callable[[F], F]:
    """Decorate a method: if it is called with the wrong arguments, the error shows how to call it."""

    def decorate(method: F) -> F:
        signature = inspect.signature(method)

        @functools.wraps(method)
        def checked(*args: Any, **options: Any) -> Any:
            try:
                signature.bind(*args, **options)
            except TypeError as error:
                raise TypeError(f"{method.__name__}: {error}; call it as {usage}") from None
            return method(*args, **options)

        return cast("F", checked)

    return decorate


class BaseRouter:
    """A part of an application with its own registrations: the whole application, or a group."""

    _registry: Registry
    _scope: Scope

    @overload
    def handle(self, method: str, path: str, handle: Handle[ResultT], **options: Unpack[RouteOptions]) -> None: ...
    @overload
    def handle(
        self, method: str, path: str, handle: CallableOf[Request, ParamsT, ResultT], **options: Unpack[RouteOptions]
    ) -> None: ...
    @overload
    def handle(
        self, method: str, path: str, handle: CallableOf[RequestT, ParamsT, ResultT], **options: Unpack[RouteOptions]
    ) -> None: ...
    @overload
    def handle(
        self, method: str, path: str, handle: CallableOf[RequestT, Params, ResultT], **options: Unpack[RouteOptions]
    ) -> None: ...
    def handle(self, method: str, path: str, handle: Callable[..., Any], **options: Unpack[RouteOptions]) -> None:
        """Register `handle` for one method and pattern, as the decorators do.

        `method` is an upper-case token, `path` is a pattern, and `handle` is called as `handle(request, params)`.
        Options:

        `name`: what to call it; no other pattern can have the name.
        `use`: a list of middleware for this route alone, within that of the application and of groups.
        `convert`: maps params to callables that turn their text into a value; ValueError and ArithmeticError mean 404.
        `query`: the type of the query, `request.query`, or a callable that gets `request.args`; a wrong one is a 422.
        `valid`: the type of the JSON that was sent, `request.valid`, or a callable that gets it; likewise.
        `responses`, `tags`, `security`, `deprecated`: what `microfn.openapi` documents, as `group` has them.
        `max_content_length`: bytes of a body that the handle may read, instead of the router's own; None for no limit.

        >>> from microfn import Router
        >>> app = Router()
        >>> app.handle("POST", "/pages", lambda request, params: str(request.valid), valid=int)
        >>> app.test_client().post("/pages", json="7").text
        '7'
        >>> app.test_client().post("/pages", json="x").status_code
        422

        Raises `InvalidMethod`, `InvalidPattern`, `RouteConflict` (all ValueError), `InvalidHandle` and TypeError.
        """
        self._add([method], path, handle, _caller(), options)

    @_refuse_misplaced
    def route(self, path: str, *, methods: Iterable[str] = ("GET",), **options: Unpack[RouteOptions]) -> RouteDecorator:
        """Register the decorated function for several methods, or for none if one is refused."""
        if isinstance(methods, str) or not isinstance(methods, Iterable):
            raise TypeError(f"methods must be a list of methods, got {methods!r}")
        names = list(methods)
        if not names:
            raise ValueError("methods must have at least one method")
        return self._register(path, names, options)

    def _register(self, path: str, names: list[str], options: RouteOptions) -> RouteDecorator:
        _check_path(path)
        check_options(options)
        where = _caller()

        def register(handle: Any) -> Any:
            self._add(names, path, handle, where, options)
            return handle

        return register

    def _add(self, methods: list[str], path: str, handle: Any, where: tuple[str, int], options: RouteOptions) -> None:
        scope = self._scope
        pattern = scope.pattern(path) if scope.prefix else path
        if not options:  # PERF: most routes have none, and tables of 100,000 routes are normal
            self._registry.add([Route(method, pattern, handle, scope=scope, where=where) for method in methods])
            return
        check_options(options)
        values: Any = {**options}
        use = check_middlewares("use", values.pop("use", None))
        if use:
            scope = Scope("", scope, use)
        given = {name: values[name] for name in ("query", "valid") if values.get(name) is not None}
        described = {name: values.pop(name) for name in DocumentationOptions.__optional_keys__ & values.keys()}
        if described:
            values["documentation"] = documentation_of(**described)
        if given:
            values["checks"] = {name: check_for(name, value) for name, value in given.items()}
        self._registry.add([Route(method, pattern, handle, scope=scope, where=where, **values) for method in methods])

    @_refuse_misplaced
    def get(self, path: str, **options: Unpack[RouteOptions]) -> RouteDecorator:
        """Register a route for GET, and for HEAD if HEAD has no route of its own (RFC 9110, section 9.3.2)."""
        return self._register(path, ["GET"], options)

    @_refuse_misplaced
    def post(self, path: str, **options: Unpack[RouteOptions]) -> RouteDecorator:
        """Register a route for POST."""
        return self._register(path, ["POST"], options)

    @_refuse_misplaced
    def put(self, path: str, **options: Unpack[RouteOptions]) -> RouteDecorator:
        """Register a route for PUT."""
        return self._register(path, ["PUT"], options)

    @_refuse_misplaced
    def patch(self, path: str, **options: Unpack[RouteOptions]) -> RouteDecorator:
        """Register a route for PATCH."""
        return self._register(path, ["PATCH"], options)

    @_refuse_misplaced
    def delete(self, path: str, **options: Unpack[RouteOptions]) -> RouteDecorator:
        """Register a route for DELETE."""
        return self._register(path, ["DELETE"], options)

    @_refuse_misplaced
    def head(self, path: str, **options: Unpack[RouteOptions]) -> RouteDecorator:
        """Register a route for HEAD. Without it, GET's handle responds, and its body is omitted."""
        return self._register(path, ["HEAD"], options)

    @_refuse_misplaced
    def options(self, path: str, **options: Unpack[RouteOptions]) -> RouteDecorator:
        """Register a route for OPTIONS. Without it, the response is a 204 with the supported methods in Allow."""
        return self._register(path, ["OPTIONS"], options)

    def serve_files(
        self,
        path: str,
        directory: str | os.PathLike[str],
        *,
        name: str | None = None,
        max_age: int | None = None,
        immutable: bool | str = False,
        index: str | None = None,
        fallback: str | None = None,
        precompressed: bool = False,
    ) -> None:
        """Serve the regular files below `directory`, which is relative to the calling module.

        `path` ends with a catch-all, like `/static/*filepath`. ETag, Last-Modified, 304, and 206 for a range are
        automatic.

        `max_age`: seconds for which a client can reuse a file without a request. By default, it sends one each time.
        `immutable`: cache files for a year if their names contain a version. True means a hexadecimal hash, like
        `app.3f2a1b9c.js`; a str is a regular expression that the name must contain.
        `index`: the file to serve for a directory.
        `fallback`: the file to serve if a page does not exist, for single-page applications.
        `precompressed`: serve `style.css.br` or `style.css.gz` instead of `style.css` if the client accepts it.

        Raises ValueError if the directory or the fallback does not exist, and InvalidPattern if the catch-all is
        missing.

        >>> import microfn
        >>> app = microfn.Router()
        >>> app.serve_files("/source/*filepath", microfn.__path__[0], max_age=60)
        >>> app.test_client().get("/source/router.py").headers["Cache-Control"]
        'max-age=60'
        """
        from ..staticfiles import Files  # noqa: PLC0415 - not loaded by applications without files

        where = _caller()
        base = os.path.dirname(os.path.abspath(where[0]))
        names = parse(or_root(self._scope.pattern(path))).names
        if not names or not path.endswith(f"/*{names[-1]}"):
            raise InvalidPattern(path, "serve_files needs a catch-all at the end, like '/static/*filepath'")
        handle = Files(
            os.path.join(base, directory),
            names[-1],
            max_age=max_age,
            immutable=immutable,
            index=index,
            fallback=fallback,
            precompressed=precompressed,
        )
        self._add(["GET"], path, handle, where, {"name": name})

    @overload
    def error(self, key: int) -> StatusDecorator: ...
    @overload
    def error(self, key: type[ErrorT]) -> ErrorDecorator[ErrorT]: ...
    def error(self, key: int | type[Exception]) -> StatusDecorator | ErrorDecorator[Any]:
        """Register the decorated `(request, error)` for a status or a class of exceptions.

        The handler responds to exceptions of handles and to errors of the framework (400, 404, 405, 413, 414, 415,
        500). It returns the same types as a handle. A plain value gets the status of the error, or 500. The most
        specific handler wins, and handlers of a group come before those around it. A handler of `Exception` gets
        unexpected errors, but never an HTTPException. A handler of 500 gets them too, if there is none for `Exception`.

        Raises TypeError and ValueError for an invalid key, and `InvalidHandle`.
        """
        if callable(key) and not isinstance(key, type):
            raise TypeError("the decorator must be called with a status or a class, like @app.error(404)")
        if isinstance(key, bool) or not isinstance(key, (int, type)):
            raise TypeError(f"key must be a status or a class of exceptions, got {key!r}")
        if isinstance(key, int) and not 400 <= key <= 599:
            raise ValueError(f"key must be the status of an error, 400 to 599, got {key}")
        if isinstance(key, type) and not issubclass(key, Exception):
            raise TypeError(f"key must be a subclass of Exception, got {key.__name__}")

        def register(handler: Any) -> Any:
            check_handle(handler, "an error handler: handler(request, error)")
            self._registry.add_error_handler(self._scope, key, handler)
            return handler

        return register

    def _handles(self, key: Key) -> bool:
        """Return True if an error handler is registered here for exactly this status or class."""
        return key in self._registry.current.handlers.get(self._scope, {})

    def use(self, middleware: MiddlewareT, *more: Middleware) -> MiddlewareT:
        """Add middleware to this router or group. The first one added is the outermost. Can be used as a decorator.

        A middleware accepts a handle and returns a handle. Its argument always returns a `Response` and never raises:
        results are converted, exceptions become responses, and `request.error` is the exception. So middleware sees
        every outcome: matches, 404, 405, OPTIONS, redirects and errors. Without a match, `request.route` is None.

        Raises `InvalidHandle` if an argument cannot be a middleware.

        >>> from microfn import Router
        >>> app = Router()
        >>> @app.use
        ... def frames(handle):
        ...     def framed(request, params):
        ...         response = handle(request, params)
        ...         response.headers["X-Frame-Options"] = "DENY"
        ...         return response
        ...     return framed
        >>> app.test_client().get("/").headers["X-Frame-Options"]
        'DENY'
        """
        new: list[Middleware] = [middleware, *more]
        for layer in new:
            check_middleware(layer)
        where = _caller()
        for layer in new:
            self._registry.add_middleware(self._scope, layer, where)
        return middleware

    @_with_usage('app.group("/prefix", use=[...])')
    def group(
        self,
        prefix: str,
        *,
        use: Iterable[Middleware] | None = None,
        responses: Mapping[int, Described] | None = None,
        tags: Iterable[str] | None = None,
        security: Iterable[Requirement] | None = None,
        deprecated: bool | None = None,
    ) -> Group:
        """Return a group: a part of this router below a prefix, with its own middleware and error handlers.

        The prefix "" adds nothing to paths. The middleware of the group runs inside that around it. It applies to the
        routes of the group, and to paths below its prefix that have no route. If several groups have one prefix, such
        paths use the first one that has middleware or error handlers.

        Facts for documents of `microfn.openapi`, which routes and inner parts can override:

        `responses`: types of JSON, or descriptions, by status, in addition to those of a route.
        `tags`: a list of str, instead of the prefix.
        `security`: a list of names of security schemes, one of which is enough; [] if the routes are public.
        `deprecated`: True if clients should no longer use the routes.

        >>> from microfn import Router
        >>> app = Router()
        >>> api = app.group("/api")
        >>> @api.error(404)
        ... def nothing(request, error):
        ...     return {"error": "nothing here"}
        >>> app.test_client().get("/api/x").json
        {'error': 'nothing here'}
        """
        documentation = documentation_of(responses=responses, tags=tags, security=security, deprecated=deprecated)
        scope = Scope(check_prefix(prefix), self._scope, check_middlewares("use", use), documentation)
        if scope.use:
            self._registry.add_scope(scope, _caller())
        return Group(self._registry, scope)

    @_with_usage('app.include("/prefix", router)')
    def include(
        self,
        prefix: str,
        router: BaseRouter,
        *,
        responses: Mapping[int, Described] | None = None,
        tags: Iterable[str] | None = None,
        security: Iterable[Requirement] | None = None,
        deprecated: bool | None = None,
    ) -> None:
        """Take over all that another Router has: routes, names, middleware, error handlers, groups and mounts.

        The pattern "" of that Router is the prefix itself. It may be included under several prefixes.
        Its `json` and `overlap` do not come along: the including one's hold. Raises ValueError if it has other options
        of its own, such as `trusted_hosts` or limits, that the including one does not have too. Nothing can be
        registered with it any more, since that would be lost here. Where one thing is refused, nothing is taken.
        `responses`, `tags`, `security` and `deprecated` are as in `group`; what the Router itself says comes first.

        >>> from microfn import Router
        >>> users, app = Router(), Router()
        >>> users.handle("GET", "/:id", lambda request, params: params, name="user")
        >>> app.include("/users", users)
        >>> app.url_for("user", id=7)
        '/users/7'
        """
        if not isinstance(router, BaseRouter) or router._scope.parent is not None:
            raise TypeError(f"router must be a Router, got {router!r:.200}; {_meant_by(prefix, router)}")
        _check_options(router._registry.own_options, self._registry.own_options)
        where = f"at {_place()}"
        outer = documentation_of(responses=responses, tags=tags, security=security, deprecated=deprecated)
        own = router._scope
        scope = Scope(check_prefix(prefix), self._scope, own.use, own.documentation.within(outer))
        self._registry.include(router._registry, own, scope, where)

    @_with_usage('app.mount("/prefix", application)')
    def mount(self, prefix: str, application: WSGIApplication, *, bare: bool = False) -> None:
        """Pass requests below a prefix to another WSGI application, and move the prefix from PATH_INFO to SCRIPT_NAME.

        The longest prefix wins, and mounts have precedence over routes. The middleware of this Router or group also
        runs around the application unless `bare` is True. Error handlers don't see its errors, so it has its own error
        pages.

        Raises `RouteConflict` if a route lies below the prefix, and TypeError if `bare` is not a bool.

        >>> from microfn import Router
        >>> def old(environ, start_response):
        ...     start_response("200 OK", [("Content-Type", "text/plain")])
        ...     return [environ["PATH_INFO"].encode()]
        >>> app = Router()
        >>> app.mount("/old", old)
        >>> app.test_client().get("/old/page").text
        '/page'
        """
        whole = self._scope.prefix + check_prefix(prefix)
        self._registry.add_mount(Mount(whole, application, _place(), scope=self._scope, bare=bare))

    def remove(self, method: str, path: str) -> None:
        """Remove a route, by its method and its registered pattern.

        Raises LookupError if it does not exist. To replace a route, make both changes in one block of `changes`.

        >>> from microfn import Router
        >>> app = Router()
        >>> app.handle("GET", "/motd", lambda request, params: "old")
        >>> with app.changes():
        ...     app.remove("GET", "/motd")
        ...     app.handle("GET", "/motd", lambda request, params: "new")
        >>> app.test_client().get("/motd").text
        'new'
        """
        self._registry.remove(method, or_root(self._scope.pattern(path)))


class Group(BaseRouter):
    """A part of a Router, with the same decorators. Created by `group`."""

    def __init__(self, registry: Registry, scope: Scope) -> None:
        self._registry = registry
        self._scope = scope

    def __repr__(self) -> str:
        return f"<Group {self._scope.prefix or '/'}>"


def _check_path(path: object) -> None:
    if callable(path):
        name = getattr(path, "__name__", path)
        raise TypeError(f'the decorator of {name} must be called with a pattern, like @app.get("/path")')


def _meant_by(prefix: object, included: object) -> str:
    if isinstance(prefix, BaseRouter):
        return "pass the prefix first"
    inside = [name for name, value in getattr(included, "__dict__", {}).items() if isinstance(value, BaseRouter)]
    if isinstance(included, ModuleType) and inside:
        return f"did you mean {included.__name__}.{inside[0]}?"
    return "use app.mount for other WSGI applications"


def _check_options(own: dict[str, object], known: dict[str, object]) -> None:
    """Refuse options of an included Router that would be lost, since code relies on them."""
    for name, value in own.items():
        if name not in known or known[name] != value:
            shown = sorted(value) if isinstance(value, frozenset) else value
            raise ValueError(
                f"router must have no {name} of its own, got {shown!r:.200}, since the options of the Router that "
                "includes it hold for its routes; give it to that one, or mount the router"
            )


def _place() -> str:
    file, line = _caller()
    return f"{short_name(file)}:{line}"


def _caller() -> tuple[str, int]:
    """Return file and line of the first frame outside this package."""
    frame: Any = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    where: tuple[str, int] = shared((frame.f_code.co_filename, frame.f_lineno))
    return where
