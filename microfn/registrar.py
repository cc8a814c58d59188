"""How routes and error handlers are registered: the decorators that everything with routes shares."""

from __future__ import annotations

import abc
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import InvalidPattern
from .pattern import parse
from .route import Handle, Route, RouteOptions, check_handle, check_options

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Registrar"]

H = TypeVar("H", bound=Handle)
Key = int | type[Exception]

_PACKAGE = os.path.dirname(__file__) + os.sep


class Registrar(abc.ABC):
    """Something that routes and error handlers are registered with. A subclass says what becomes of them."""

    @abc.abstractmethod
    def _register(self, routes: list[Route]) -> None:
        """Take these routes, of one pattern: all or, where one is refused, none."""

    @abc.abstractmethod
    def _register_error_handler(self, key: Key, handler: Handle) -> None:
        """Take this handler for a status or a class of exceptions."""

    def handle(self, method: str, path: str, handle: Handle, **options: Unpack[RouteOptions]) -> None:
        """Register `handle` for one method and pattern; the decorators do nothing else.

        `method` is any upper-case token, `path` a pattern, `handle` is called as `handle(request, params)`. Options:

        `name`: what to call it; no other pattern can have the name.
        `convert`: maps params to callables that turn their text into a value; ValueError and ArithmeticError mean 404.
        `max_content_length`: bytes of a body that the handle may read, instead of the router's own limit.

        Raises `InvalidMethod`, `InvalidPattern`, `RouteConflict` (all ValueError), `InvalidHandle` and TypeError.
        """
        if options:
            check_options(options)
        self._register([Route(method, path, handle, where=_caller(), **options)])

    def route(
        self, path: str, *, methods: Iterable[str] = ("GET",), **options: Unpack[RouteOptions]
    ) -> Callable[[H], H]:
        """Register the decorated function for several methods: all of them or, where one is refused, none."""
        _check_path(path)
        check_options(options)
        if isinstance(methods, str) or not isinstance(methods, Iterable):
            raise TypeError(f"methods is a list of methods, not {methods!r}")
        names = list(methods)
        if not names:
            raise ValueError("methods is empty; a route answers at least one")
        where = _caller()

        def register(handle: H) -> H:
            self._register([Route(method, path, handle, where=where, **options) for method in names])
            return handle

        return register

    def get(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """`route` for GET, and so for HEAD where HEAD has no route of its own (RFC 9110, section 9.3.2)."""
        return self.route(path, methods=["GET"], **options)

    def post(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """`route` for POST."""
        return self.route(path, methods=["POST"], **options)

    def put(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """`route` for PUT."""
        return self.route(path, methods=["PUT"], **options)

    def patch(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """`route` for PATCH."""
        return self.route(path, methods=["PATCH"], **options)

    def delete(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """`route` for DELETE."""
        return self.route(path, methods=["DELETE"], **options)

    def head(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """`route` for HEAD; without one, GET's handle answers and its body is left out."""
        return self.route(path, methods=["HEAD"], **options)

    def options(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[H], H]:
        """`route` for OPTIONS; without one, the answer is 204 with the methods that there are in Allow."""
        return self.route(path, methods=["OPTIONS"], **options)

    def serve_files(
        self,
        path: str,
        directory: str | os.PathLike[str],
        *,
        name: str | None = None,
        max_age: int | None = None,
        index: str | None = None,
        precompressed: bool = False,
    ) -> None:
        """Serve the regular files below `directory`, which is relative to the module that calls this.

        `path` ends in a catch-all: `/static/*filepath`. `max_age`, in seconds, is how long a client may keep a file
        without asking again. `index` is the file that stands for a directory. With `precompressed`, `style.css.br` or
        `style.css.gz` beside a file goes out to who accepts it. ETag, Last-Modified, 304, and 206 for one range are
        automatic.

        Raises ValueError where there is no such directory or no catch-all.
        """
        from .files import file_handle  # noqa: PLC0415 - who serves no files does not load what does

        where = _caller()
        base = os.path.dirname(os.path.abspath(where[0]))
        names = parse(path).names
        if not names or not path.endswith(f"/*{names[-1]}"):
            raise InvalidPattern(path, "files are served below a catch-all: '/static/*filepath'")
        handle = file_handle(
            os.path.join(base, directory), names[-1], max_age=max_age, index=index, precompressed=precompressed
        )
        self._register([Route("GET", path, handle, name=name, where=where)])

    def error(self, key: Key) -> Callable[[H], H]:
        """Register the decorated `(request, error)` for a status or a class of exceptions.

        It answers whatever the handles raise and the framework itself answers with (400, 404, 405, 413, 414, 415,
        500), and returns what a handle can; a plain value goes out with the error's status, or 500. The most specific
        handler wins. That of `Exception` is asked for what nobody foresaw, never for an HTTPException; that of 500
        likewise, after it.
        """
        if callable(key) and not isinstance(key, type):
            raise TypeError("the decorator lacks what it is for: @app.error(404), not @app.error")
        if isinstance(key, bool) or not isinstance(key, (int, type)):
            raise TypeError(f"an error is registered by its status or its class, not by {key!r}")
        if isinstance(key, int) and not 400 <= key <= 599:
            raise ValueError(f"{key} is no status of an error; those are 400 to 599")
        if isinstance(key, type) and not issubclass(key, Exception):
            raise TypeError(f"{key.__name__} is no class of exceptions (Exception and below)")

        def register(handler: H) -> H:
            check_handle(handler, "an error handler: handler(request, error)")
            self._register_error_handler(key, handler)
            return handler

        return register


def _check_path(path: object) -> None:
    if callable(path):
        name = getattr(path, "__name__", path)
        raise TypeError(f'the decorator of {name} lacks its pattern: @app.get("/..."), not @app.get')


def _caller() -> tuple[str, int]:
    """File and line of the first frame outside of this package."""
    frame: Any = sys._getframe(1)  # noqa: SLF001 - what logging and warnings use, and inspect's is slow
    while frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
