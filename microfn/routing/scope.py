"""The parts of an application, each within another: what is registered in one has its prefix and its middleware."""

from __future__ import annotations

from ..errors import InvalidPattern
from .documentation import UNDOCUMENTED, Documentation
from .handle import Middleware
from .hints import hint_for_pattern
from .pattern import parse

__all__ = ["Scope", "check_prefix"]


class Scope:
    """One part: the whole application, a group, an included router, or a single route with middleware of its own.

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
        """The middleware it was made with. What is added later is outside of a scope, in what is registered."""
        self.documentation = documentation
        """What is said of all that is registered in it, for documents."""

    def pattern(self, path: str) -> str:
        """The whole pattern of what is registered here as `path`; "" is the prefix itself."""
        if self.prefix and isinstance(path, str):
            if path and path[0] != "/":
                raise InvalidPattern(path, f"a pattern begins with a slash, also below {self.prefix!r}")
            return self.prefix + path
        return path

    def lineage(self) -> list[Scope]:
        """This scope and all around it, the outermost first."""
        scopes: list[Scope] = []
        scope: Scope | None = self
        while scope is not None:
            scopes.insert(0, scope)
            scope = scope.parent
        return scopes


def check_prefix(prefix: object) -> str:
    """A prefix as it is put before patterns; "" and "/" are none. Raises `InvalidPattern`."""
    if not isinstance(prefix, str):
        raise TypeError(f"a prefix is a str, not {type(prefix).__name__}: {prefix!r}")
    if prefix in ("", "/"):
        return ""
    hint = hint_for_pattern(prefix)
    if hint:
        raise InvalidPattern(prefix, hint)
    if prefix.endswith("/"):
        raise InvalidPattern(prefix, f"a prefix does not end with a slash; write {prefix.rstrip('/') or '/'!r}")
    parse(prefix)
    if "*" in prefix:
        raise InvalidPattern(prefix, "nothing can stand behind a catch-all, so it is no prefix")
    return prefix
