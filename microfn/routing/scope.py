"""Scopes, the nested parts of an application. Routes get the prefix and the middleware of their scope."""

from __future__ import annotations

from ..errors import InvalidPattern
from .documentation import UNDOCUMENTED, Documentation
from .handle import Middleware
from .hints import hint_for_pattern
from .pattern import parse

__all__ = ["Scope", "check_prefix"]


class Scope:
    """A part of an application: the whole, a group, an included Router, or a route with its own middleware.

    >>> api = Scope("/api", Scope())
    >>> Scope("/v1", api).pattern("/users/:id")
    '/api/v1/users/:id'
    """

    __slots__ = ("documentation", "own_prefix", "parent", "prefix", "use")

    def __init__(
        self,
        prefix: str = "",
        parent: Scope | None = None,
        use: tuple[Middleware, ...] = (),
        documentation: Documentation = UNDOCUMENTED,
    ) -> None:
        self.own_prefix = prefix
        self.prefix: str = (parent.prefix if parent else "") + prefix
        self.parent = parent
        self.use = use
        """The middleware of its creation. The registry has the middleware that is added later."""
        self.documentation = documentation
        """The facts about all of its registrations, for documents."""

    def pattern(self, path: str) -> str:
        """Return the full pattern of `path` in this scope; "" is the prefix itself."""
        if self.prefix and isinstance(path, str):
            if path and path[0] != "/":
                raise InvalidPattern(path, f"a pattern must begin with a slash, even below {self.prefix!r}")
            return self.prefix + path
        return path

    def lineage(self) -> list[Scope]:
        """Return this scope and the scopes around it, outermost first."""
        scopes: list[Scope] = []
        scope: Scope | None = self
        while scope is not None:
            scopes.insert(0, scope)
            scope = scope.parent
        return scopes


def check_prefix(prefix: object) -> str:
    """Return a checked prefix; "" and "/" mean no prefix. Raises `InvalidPattern`."""
    if not isinstance(prefix, str):
        order = "; pass the prefix first" if callable(prefix) else ""
        raise TypeError(f"prefix must be a str, got {type(prefix).__name__}: {prefix!r:.200}{order}")
    if prefix in ("", "/"):
        return ""
    hint = hint_for_pattern(prefix)
    if hint:
        raise InvalidPattern(prefix, hint)
    if prefix.endswith("/"):
        raise InvalidPattern(prefix, f"a prefix must not end with a slash; did you mean {prefix.rstrip('/') or '/'!r}?")
    parse(prefix)
    if "*" in prefix:
        raise InvalidPattern(prefix, "a prefix must be without a catch-all, which matches the rest of the path")
    return prefix
