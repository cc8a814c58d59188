"""The URL of a store."""

from __future__ import annotations

import re

__all__ = ["check_url", "path_of"]

_SQLITE = "sqlite:///"
_SURROGATE = re.compile("[\ud800-\udfff]")
"""Of a file name that is no UTF-8, which SQLite cannot open."""
_POSTGRESQL = re.compile(r"postgres(?:ql)?://[^/?#\s]*/[^/?#\s]+(?:\?\S*)?")


def check_url(url: object) -> str:
    """Return the URL of a store. Raise TypeError or ValueError if it is invalid; messages hide its password.

    >>> check_url("sqlite:////var/lib/app/calls.db")
    'sqlite:////var/lib/app/calls.db'
    """
    expected = 'queue must be "sqlite:////absolute/path" or "postgresql://user@host/database"'
    if not isinstance(url, str):
        raise TypeError(f"{expected}, got {type(url).__name__}")
    if "\0" not in url and not _SURROGATE.search(url) and (_POSTGRESQL.fullmatch(url) or _is_path(url)):
        return url
    raise ValueError(f"{expected}, got {re.sub('//[^/@]*@', '//…@', url)!r:.200}")


def path_of(url: str) -> str | None:
    """Return the path of a SQLite store, or None for PostgreSQL.

    >>> path_of("sqlite:////srv/calls.db")
    '/srv/calls.db'
    """
    return url[len(_SQLITE) :] if url.startswith(_SQLITE) else None


def _is_path(url: str) -> bool:
    path = path_of(url)
    # SQLAlchemy would interpret a query, and SQLite cannot open a directory.
    return path is not None and path.startswith("/") and not path.endswith("/") and "?" not in path and "#" not in path
