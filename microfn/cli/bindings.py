"""The final values of the names of functions. A decorator can replace a function after the registration of a route."""

from __future__ import annotations

import functools
import sys
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any

from ..router import Router

__all__ = ["Bindings", "reachable"]

_MOST = 10_000
"""Maximum number of inspected objects. A decorator usually adds two of them to its handle."""
_REGISTERS = Router.get.__code__
"""The code of the decorators of routes. All methods share it."""


class Bindings:
    """Records the final value of the name of each function with a decorator for routes, after all decorators ran.

    The names in a factory disappear at its return, and a later function can have the same name. So names are looked up
    at the next registration in the same scope, and at the end of the module, class or function.

    >>> def create():
    ...     app = Router()
    ...     @functools.cache
    ...     @app.get("/")
    ...     def index(request, params): ...
    ...     return app
    >>> bindings = Bindings()
    >>> with bindings.recorded():
    ...     code = create().routes[0].handle.__code__
    >>> bindings.of(code.co_filename, code.co_firstlineno, code.co_name)
    [<functools._lru_cache_wrapper object at ...>]
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, str], list[object]] = {}
        self._inner: dict[CodeType, list[CodeType]] = {}
        self._open: dict[FrameType, CodeType | None] = {}
        """The last registered function in each scope that has not ended."""

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record the registrations of this thread in the block."""
        before = sys.getprofile()
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(before)
            self._open.clear()

    def _see(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            if frame.f_code is _REGISTERS and frame.f_back is not None:
                self._look_up(frame.f_back)
                self._open[frame.f_back] = self._function_at(frame.f_back)
        elif event == "return" and frame in self._open:
            self._look_up(frame)
            del self._open[frame]

    def _look_up(self, frame: FrameType) -> None:
        code = self._open.get(frame)
        if code is not None and code.co_name in frame.f_locals:
            key = (code.co_filename, code.co_firstlineno, code.co_name)
            self._found.setdefault(key, []).append(frame.f_locals[code.co_name])

    def _function_at(self, frame: FrameType) -> CodeType | None:
        """Return the function whose decorator is on the running line. A function begins with its decorators."""
        inner = self._inner.get(frame.f_code)
        if inner is None:
            codes = (one for one in frame.f_code.co_consts if isinstance(one, CodeType) and one.co_name[0] != "<")
            inner = self._inner[frame.f_code] = sorted(codes, key=lambda code: code.co_firstlineno)
        number = bisect_right(inner, frame.f_lineno, key=lambda code: code.co_firstlineno)
        return inner[number - 1] if number else None

    def of(self, file: str, line: int, name: str) -> list[object]:
        """Return the objects that a name referred to; `line` is that of the first decorator of its function."""
        found = self._found.get((file, line, name), [])
        return [one.__func__ if isinstance(one, staticmethod) else one for one in found]


def reachable(outer: object) -> list[object]:
    """Return an object and all objects that it wraps by a closure, a partial, a method or an attribute.

    >>> reachable(functools.partial(print, len))[1:]
    [<built-in function print>, <built-in function len>]
    """
    seen: dict[int, object] = {}
    layer = {id(outer): outer}
    while layer and len(seen) < _MOST:
        seen |= layer
        layer = {id(part): part for one in layer.values() for part in _parts(one) if id(part) not in seen}
    return list(seen.values())


def _parts(outer: object) -> list[object]:
    parts: list[Any] = []
    if isinstance(outer, FunctionType):
        parts = [cell.cell_contents for cell in outer.__closure__ or () if _is_filled(cell)]
        parts += [*(outer.__defaults__ or ()), *(outer.__kwdefaults__ or {}).values()]
    elif isinstance(outer, MethodType):
        parts = [outer.__self__, outer.__func__]
    elif isinstance(outer, functools.partial):
        parts = [outer.func, *outer.args, *outer.keywords.values()]
    elif callable(outer) and not isinstance(outer, type):
        parts = [one for one in getattr(outer, "__dict__", {}).values() if callable(one)]
    with suppress(Exception):  # a proxy can raise anything
        parts.append(outer.__wrapped__)  # type: ignore[attr-defined]
    return parts


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - raises if the cell is empty
    except ValueError:
        return False
    return True
