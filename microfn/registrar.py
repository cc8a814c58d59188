"""How routes and error handlers are registered: the decorators that everything with routes shares."""

from __future__ import annotations

import abc
import os.path
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from typing import Any, TypeVar

from .route import Converter, Handle, Route, check_handle

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

    def handle(
        self,
        method: str,
        path: str,
        handle: Handle,
        *,
        name: str | None = None,
        convert: Mapping[str, Converter] | None = None,
        max_content_length: int | None = None,
    ) -> None:
        """Register `handle` for one method and pattern; the decorators do nothing else.

        `method` is any upper-case token, `path` a pattern, `handle` is called as `handle(request, params)` and
        returns what `Router` lists. `convert` maps params to callables that turn their text into a value; ValueError
        and ArithmeticError mean 404. `max_content_length`, in bytes, is the route's own limit of a body.

        Raises `InvalidMethod`, `InvalidPattern`, `RouteConflict` (all ValueError), `InvalidHandle` and TypeError.
        """
        route = Route(
            method, path, handle, name=name, convert=convert, max_content_length=max_content_length, where=_caller()
        )
        self._register([route])

    def route(
        self,
        path: str,
        *,
        methods: Iterable[str] = ("GET",),
        name: str | None = None,
        convert: Mapping[str, Converter] | None = None,
        max_content_length: int | None = None,
    ) -> Callable[[H], H]:
        """Register the decorated function for several methods: all of them or, where one is refused, none."""
        _check_path(path)
        if isinstance(methods, str) or not isinstance(methods, Iterable):
            raise TypeError(f"methods is a list of methods, not {methods!r}")
        names = list(methods)
        if not names:
            raise ValueError("methods is empty; a route answers at least one")
        where = _caller()

        def register(handle: H) -> H:
            options: dict[str, Any] = {"name": name, "convert": convert, "max_content_length": max_content_length}
            self._register([Route(method, path, handle, where=where, **options) for method in names])
            return handle

        return register

    def get(self, path: str, **options: Any) -> Callable[[H], H]:
        """`route` for GET, and so for HEAD where HEAD has no route of its own (RFC 9110, section 9.3.2)."""
        return self.route(path, methods=["GET"], **options)

    def post(self, path: str, **options: Any) -> Callable[[H], H]:
        """`route` for POST."""
        return self.route(path, methods=["POST"], **options)

    def put(self, path: str, **options: Any) -> Callable[[H], H]:
        """`route` for PUT."""
        return self.route(path, methods=["PUT"], **options)

    def patch(self, path: str, **options: Any) -> Callable[[H], H]:
        """`route` for PATCH."""
        return self.route(path, methods=["PATCH"], **options)

    def delete(self, path: str, **options: Any) -> Callable[[H], H]:
        """`route` for DELETE."""
        return self.route(path, methods=["DELETE"], **options)

    def head(self, path: str, **options: Any) -> Callable[[H], H]:
        """`route` for HEAD; without one, GET's handle answers and its body is left out."""
        return self.route(path, methods=["HEAD"], **options)

    def options(self, path: str, **options: Any) -> Callable[[H], H]:
        """`route` for OPTIONS; without one, the answer is 204 with the methods that there are in Allow."""
        return self.route(path, methods=["OPTIONS"], **options)

    def error(self, key: Key) -> Callable[[H], H]:
        """Register the decorated `(request, error)` for a status or a class of exceptions.

        It answers whatever the handles raise and the framework itself answers with (400, 404, 405, 413, 414, 415,
        500), and returns what a handle can; a plain value goes out with the error's status, or 500. The most specific
        handler wins. That of `Exception` is asked for what nobody foresaw, never for an HTTPException; that of 500
        likewise, after it.
        """
        if isinstance(key, bool) or not isinstance(key, (int, type)):
            raise TypeError(f"an error is registered by its status or its class, not by {key!r}")
        if isinstance(key, int) and not 400 <= key <= 599:
            raise ValueError(f"{key} is no status of an error; those are 400 to 599")
        if isinstance(key, type) and not issubclass(key, Exception):
            raise TypeError(f"{key.__name__} is no class of exceptions (Exception and below)")

        def register(handler: H) -> H:
            check_handle(handler)
            self._register_error_handler(key, handler)
            return handler

        return register


def _check_path(path: object) -> None:
    if callable(path):
        name = getattr(path, "__name__", path)
        raise TypeError(f'the decorator of {name} lacks its pattern: @app.get("/..."), not @app.get')


def _caller() -> tuple[str, int] | None:
    """File and line of the first frame outside of this package."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - what logging and warnings use, and inspect's is slow
    while frame is not None:
        filename = frame.f_code.co_filename
        if not filename.startswith(_PACKAGE):
            return filename, frame.f_lineno
        frame = frame.f_back
    return None
