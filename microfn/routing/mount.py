"""Other WSGI applications below a prefix of the path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import InvalidPattern, name_of
from .paths import to_wsgi_str
from .scope import Scope, check_prefix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Mount", "Mounts"]


class Mount:
    """A WSGI application below a prefix. The middleware of its scope runs unless it is bare."""

    __slots__ = ("application", "bare", "prefix", "scope", "where")

    def __init__(
        self,
        prefix: str,
        application: WSGIApplication,
        where: str = "",
        *,
        scope: Scope | None = None,
        bare: bool = False,
    ) -> None:
        self.prefix = check_prefix(prefix)
        if not self.prefix:
            raise InvalidPattern(
                prefix,
                "the prefix of a mount must not be empty; @app.error(404) can return an application for the rest",
            )
        if ":" in prefix or "*" in prefix:
            raise InvalidPattern(prefix, "the prefix of a mount must be without wildcards")
        if not callable(application):
            raise TypeError(f"application must be a WSGI application, got {application!r}")
        if not isinstance(bare, bool):
            raise TypeError(f"bare must be True or False, got {bare!r}")
        self.application = application
        self.where = where
        self.scope = scope or Scope()
        """The part of the application that contains the mount. Its middleware runs."""
        self.bare = bare
        """True if no middleware runs."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Call the application, with the prefix moved unchanged from PATH_INFO to SCRIPT_NAME (PEP 3333)."""
        path, length = environ["PATH_INFO"], len(to_wsgi_str(self.prefix))
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "").rstrip("/") + path[:length]
        environ["PATH_INFO"] = path[length:]
        prefix = environ["microfn.mount"] = environ.get("microfn.mount", "") + self.prefix
        environ["microfn.route"] = prefix + "/*"
        return self.application(environ, start_response)

    def covers(self, pattern: str) -> bool:
        """Return True if the pattern is below the prefix."""
        return pattern.startswith(self.prefix) and pattern[len(self.prefix) :][:1] in ("", "/")

    def may_meet(self, pattern: str) -> bool:
        """Return True if a pattern with wildcards could match a path below the prefix."""
        ours, theirs = self.prefix.split("/"), pattern.split("/")
        for own, other in zip(ours, theirs, strict=False):
            if other.startswith("*"):
                return True
            text, colon, _ = other.partition(":")
            if not own.startswith(text) if colon else own != other:
                return False
        return len(theirs) >= len(ours)

    def relocated(self, prefix: str, scope: Scope) -> Mount:
        """Return a copy below another prefix, in another scope."""
        return Mount(prefix + self.prefix, self.application, self.where, scope=scope, bare=self.bare)

    def __str__(self) -> str:
        return f"the mount {self.prefix}{self.where and f' ({self.where})'}"

    def __repr__(self) -> str:
        return f"<Mount {self.prefix} {name_of(self.application)}>"


class Mounts:
    """All mounts. The mount with the longest prefix gets a path."""

    def __init__(self, mounts: Iterable[Mount]) -> None:
        self._by_prefix = {to_wsgi_str(mount.prefix): mount for mount in mounts}
        sizes: dict[str, set[int]] = {}
        for prefix in self._by_prefix:
            segments = prefix.split("/")
            sizes.setdefault(segments[1], set()).add(len(segments))
        self._sizes = {first: sorted(counts, reverse=True) for first, counts in sizes.items() if counts != {2}}
        """The numbers of segments of prefixes, largest first, by their first segment."""
        self._alone = {f"/{first}": self._by_prefix[f"/{first}"] for first, counts in sizes.items() if counts == {2}}
        """The mounts whose prefix is one segment that no other prefix begins with."""

    def find(self, path: str) -> Mount | None:
        """Return the mount of a path, a WSGI string, or None."""
        first = path[1:].partition("/")[0]
        sizes = self._sizes.get(first)
        if sizes is None:
            return self._alone.get(path[:1] + first)
        segments = path.split("/", sizes[0])
        for size in sizes:
            mount = self._by_prefix.get("/".join(segments[:size])) if size <= len(segments) else None
            if mount is not None:
                return mount
        return None
