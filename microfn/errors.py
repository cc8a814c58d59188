"""Errors of registration.

They are raised at import time, by the line of an invalid registration, and never while a request is served. The
exception is `InvalidUrl`, which is raised at the call that builds a URL. Each error has its data as attributes, so
that a tool can show more than the message.
"""

from __future__ import annotations

import re
from typing import Any, Literal

__all__ = [
    "InvalidHandle",
    "InvalidMethod",
    "InvalidPattern",
    "InvalidUrl",
    "RouteConflict",
    "RouteError",
]

ConflictKind = Literal["same", "names", "place", "mount"]

_RESOLUTIONS: dict[ConflictKind, str] = {
    "same": "a route can be registered only once",
    "names": "wildcards at the same position must have the same name;"
    " rename one, or use Router(overlap=True), which gives each pattern its own names",
    "place": "a wildcard and literal text cannot be at the same position;"
    " Router(overlap=True) prefers the literal text",
    "mount": "the mounted application gets every path below its prefix",
}


class RouteError(ValueError):
    """An invalid pattern, method or URL, or a conflict between two routes. An invalid handle is a TypeError."""


class InvalidPattern(RouteError):
    """A pattern that is invalid by itself.

    `pattern` is its text, and `reason` describes the problem.
    """

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(pattern, reason)
        self.pattern = pattern
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid pattern {self.pattern!r}: {self.reason}"


class RouteConflict(RouteError):
    """A pattern that conflicts with a registered one.

    `new` and `existing` are the two: the texts of the patterns if a bare `Tree` raises, or `Route` objects (with file
    and line of the registration) if a `Router` does. `handle` is the object registered for the existing one. `clash` is
    one of these:

    - "same": the same pattern, or in overlap mode the same shape;
    - "names": wildcards of different names at the same position;
    - "place": a wildcard and literal text at the same position;
    - "mount": a route below a mount; one of the two is a `Mount`.
    """

    def __init__(self, new: object, existing: object, clash: ConflictKind, handle: object) -> None:
        super().__init__(new, existing, clash, handle)
        self.new = new
        self.existing = existing
        self.clash = clash
        self.handle = handle

    def __str__(self) -> str:
        return f"{self.new} conflicts with {self.existing}; {self._resolution()}"

    def _resolution(self) -> str:
        """Return the way out. Other names do not help two patterns that differ only in names."""
        new, existing = (_shape(str(getattr(one, "pattern", one))) for one in (self.new, self.existing))
        if self.clash == "names" and new == existing:
            return "both match the same paths, so only one can be registered"
        return _RESOLUTIONS[self.clash]


class InvalidMethod(RouteError):
    """A method that no request can have, since it is not an upper-case token (RFC 9110, section 9.1)."""

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(method, reason)
        self.method = method
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid method {self.method!r}: {self.reason}"


def _shape(pattern: str) -> str:
    """Return the pattern without the names of its wildcards."""
    return re.sub("([:*])[^/]+", r"\1", pattern)


class InvalidUrl(RouteError):
    """A URL that cannot be built: there is no such route, or its path with these params does not match it.

    `target` is the name or the handle of the route, and `reason` describes the problem.
    """

    def __init__(self, target: object, reason: str) -> None:
        super().__init__(target, reason)
        self.target = target
        self.reason = reason

    def __str__(self) -> str:
        target = repr(self.target) if isinstance(self.target, str) else name_of(self.target)
        return f"cannot build a URL for {target}: {self.reason}"


class InvalidHandle(TypeError):
    """A handle that is not callable as `handle(request, params)`, or middleware that is not as `middleware(handle)`.

    `handle` is the object, `reason` describes the problem, and `kind` is the expected kind.
    """

    def __init__(self, handle: object, reason: str, kind: str = "a handle") -> None:
        super().__init__(handle, reason, kind)
        self.handle = handle
        self.reason = reason
        self.kind = kind

    def __str__(self) -> str:
        return f"{name_of(self.handle)} cannot be {self.kind}: {self.reason}"


def name_of(handle: object) -> str:
    """Return the name of a handle for messages: `module.qualified_name`, or its repr if it has no name."""
    name, module = getattr(handle, "__qualname__", None), getattr(handle, "__module__", "?")
    own_module = getattr(handle, "__globals__", {}).get("__name__", module)
    if module != own_module and module.startswith("microfn."):
        # Middleware can copy the name of a handle of this package by functools.wraps.
        code: Any = getattr(handle, "__code__", None)
        name, module = getattr(code, "co_qualname", code.co_name), own_module
    return f"{module}.{name}" if name else repr(handle)
