"""Paths as text: decoded from the environ, cleaned, spelled otherwise, and written into a Location.

Nothing here knows the routes, or anything of HTTP but the syntax of a URL.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

__all__ = [
    "clean_path",
    "decode_path",
    "is_clean",
    "is_same_site",
    "location",
    "to_wsgi_str",
    "toggle_trailing_slash",
    "unquote_path_info",
]

# RFC 3986, section 3.3: what a path may hold as it stands (pchar and "/"); quote() adds letters, digits and "_.-~".
_PATH_SAFE = "/!$&'()*+,;=:@"
_PLAIN = re.compile(r"[A-Za-z0-9_.~/!$&'()*+,;=:@-]*")
# Section 3.4: a query may hold "/" and "?" too. "%" is looked at apart: what is escaped already stays as it came.
_QUERY_SAFE = _PATH_SAFE + "?%"
_DOTS = frozenset((".", ".."))
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


def decode_path(path_info: str) -> str:
    r"""The path that a client asked for, from PATH_INFO as WSGI has it (bytes decoded as latin-1, PEP 3333).

    An empty path is "/".

    >>> decode_path("/caf\xc3\xa9")
    '/café'

    Raises ValueError where the bytes are no UTF-8, or a host has put characters there that are no bytes.
    """
    if path_info.isascii():
        return path_info or "/"
    return path_info.encode("latin-1").decode()


def unquote_path_info(path_info: str) -> str:
    """PATH_INFO as WSGI wants it, where a host (Passenger) hands it over percent-encoded.

    Raises ValueError where the host has put characters there that are no bytes.
    """
    return unquote_to_bytes(path_info.encode("latin-1")).decode("latin-1")


def clean_path(path: str) -> str:
    """The canonical form of a path: httprouter's CleanPath.

    Slashes in a row become one, `.` and `..` are resolved and never lead above the root, a slash at the
    end stays, and the empty path is "/".

    >>> clean_path("//users/./me/../you//")
    '/users/you/'
    """
    if is_clean(path):
        return path
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    if not kept:
        return "/"
    return "/" + "/".join(kept) + ("/" if segments[-1] in ("", ".") else "")


def is_clean(path: str) -> bool:
    """Whether there is clearly nothing to be cleaned."""
    return path[:1] == "/" and "//" not in path and "/." not in path


def toggle_trailing_slash(path: str) -> str | None:
    """The path without its last slash, or with one more; None for the root, which has no other spelling."""
    if path[-1:] != "/":
        return path + "/" if path else None
    return path[:-1] or None


def is_same_site(path: str) -> bool:
    r"""Whether a path, sent as a Location, leads to itself: browsers take `//` and `/\` for a host, and resolve dots.

    RFC 3986, section 5.2.4: `/app/../x` would leave the application that is mounted at `/app`.
    """
    return path[1:2] not in ("/", "\\") and not ("/." in path and _DOTS.intersection(path.split("/")))


def location(script_name: str | None, path: str, query: str | None = None) -> str:
    r"""One path-absolute reference (RFC 3986, section 4.2) to `path` in this application.

    `script_name` and `query` are as WSGI has them, bytes decoded as latin-1; `path` is text. Everything is
    percent-encoded from bytes; only the escapes of `query` stay as they came. Slashes at the start of
    `script_name` become one and those at its end go, so that no client can choose the host.

    >>> location("//app/", "/caf\xe9 bar", "next=%2F")
    '/app/caf%C3%A9%20bar?next=%2F'
    """
    target = path if _PLAIN.fullmatch(path) else quote(path, _PATH_SAFE)
    prefix = script_name.strip("/") if script_name else ""
    if prefix:
        target = "/" + quote(wsgi_bytes(prefix), _PATH_SAFE) + target
    if query:
        target += "?" + _LONE_PERCENT.sub("%25", quote(wsgi_bytes(query), _QUERY_SAFE))
    return target


def to_wsgi_str(path: str) -> str:
    """A path as WSGI has it, its bytes decoded as latin-1; half a surrogate pair becomes what is no UTF-8."""
    return path if path.isascii() else path.encode("utf-8", "surrogatepass").decode("latin-1")


def wsgi_bytes(text: str) -> bytes:
    """The bytes behind a WSGI string; a host that put other characters there meant UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
