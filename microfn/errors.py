"""What is refused when it is registered, and why.

They are raised at import time, by the line that registers something wrong, never while a request is
served; but for `InvalidUrl`, which is raised where a URL is built. Each carries its data as
attributes, so that a tool can show more than the message.
"""

from __future__ import annotations

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
    """What is wrong with a pattern, a method or a URL, or between two routes; what is no handle is a TypeError."""


class InvalidPattern(RouteError):
    """A pattern that could never be, whatever else is registered.

    `pattern` is the text that was given, `reason` says what is wrong with it.
    """

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(pattern, reason)
        self.pattern = pattern
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid pattern {self.pattern!r}: {self.reason}"


class RouteConflict(RouteError):
    """A pattern that collides with one that is registered already.

    `new` and `existing` are the two: the patterns' texts where a bare `Tree` refuses, the two `Route`
    objects (which know where they were registered) where a `Router` does. `clash` is "same" (the same
    pattern, or in overlap mode the same shape), "names" (wildcards of different names at one place), "place" (a
    wildcard and other text at one place) or "mount" (a route below a mount; one of the two is a `Mount` then).
    `handle` is what is registered for the existing one.
    """

    def __init__(self, new: object, existing: object, clash: ConflictKind, handle: object) -> None:
        super().__init__(new, existing, clash, handle)
        self.new = new
        self.existing = existing
        self.clash = clash
        self.handle = handle

    def __str__(self) -> str:
        return f"{self.new} conflicts with {self.existing}; {_RESOLUTIONS[self.clash]}"


class InvalidMethod(RouteError):
    """A method that no request can have: not an upper-case token (RFC 9110, section 9.1)."""

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(method, reason)
        self.method = method
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid method {self.method!r}: {self.reason}"


class InvalidUrl(RouteError):
    """A URL that cannot be built: no such route, or params with which the path would not lead to it.

    `target` is the name or the handle that was given, `reason` says what is wrong.
    """

    def __init__(self, target: object, reason: str) -> None:
        super().__init__(target, reason)
        self.target = target
        self.reason = reason

    def __str__(self) -> str:
        target = repr(self.target) if isinstance(self.target, str) else name_of(self.target)
        return f"cannot build a URL for {target}: {self.reason}"


class InvalidHandle(TypeError):
    """A handle that could not be called as `handle(request, params)`, or a middleware not as `middleware(handle)`.

    `handle` is the object that was given, `reason` says what is wrong with it, `kind` what it cannot be.
    """

    def __init__(self, handle: object, reason: str, kind: str = "a handle") -> None:
        super().__init__(handle, reason, kind)
        self.handle = handle
        self.reason = reason
        self.kind = kind

    def __str__(self) -> str:
        return f"{name_of(self.handle)} cannot be {self.kind}: {self.reason}"


def name_of(handle: object) -> str:
    """What people call this handle: `module.qualified_name`, or its repr where it has no name."""
    name, module = getattr(handle, "__qualname__", None), getattr(handle, "__module__", "?")
    own_module = getattr(handle, "__globals__", {}).get("__name__", module)
    if module != own_module and module.startswith("microfn."):
        # A middleware's own, to which functools.wraps gave the name of the handle that it got from us.
        code: Any = getattr(handle, "__code__", None)
        name, module = getattr(code, "co_qualname", code.co_name), own_module
    return f"{module}.{name}" if name else repr(handle)
