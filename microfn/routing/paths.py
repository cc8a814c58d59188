"""Paths as text: decode them from the environ, clean them, find other spellings, and write a Location.

This module knows nothing about routes, and only the syntax of URLs about HTTP.
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

# RFC 3986, section 3.3: a path can contain these unescaped (pchar and "/"). quote() adds letters, digits and "_.-~".
_PATH_SAFE = "/!$&'()*+,;=:@"
_PLAIN = re.compile(r"[A-Za-z0-9_.~/!$&'()*+,;=:@-]*")
# Section 3.4: a query can also contain "/" and "?". "%" is here because existing escapes stay unchanged.
_QUERY_SAFE = _PATH_SAFE + "?%"
_DOTS = frozenset((".", ".."))
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


def decode_path(path_info: str) -> str:
    r"""Decode PATH_INFO, a WSGI string (bytes decoded as latin-1, PEP 3333).

    An empty path is "/".

    >>> decode_path("/caf\xc3\xa9")
    '/café'

    Raises ValueError if the bytes are not UTF-8, or if a server has put characters there that are not bytes.
    """
    if path_info.isascii():
        return path_info or "/"
    return path_info.encode("latin-1").decode()


def unquote_path_info(path_info: str) -> str:
    """Decode PATH_INFO if the server (Passenger) passes it percent-encoded.

    Raises ValueError if the server has put characters there that are not bytes.
    """
    return unquote_to_bytes(path_info.encode("latin-1")).decode("latin-1")


def clean_path(path: str) -> str:
    """Return the canonical form of a path, as httprouter's CleanPath does.

    Repeated slashes become one. `.` and `..` are resolved and never lead above the root. A slash at the end stays. The
    empty path becomes "/".

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
    """Return True if the path is clean; a false negative is possible."""
    return path[:1] == "/" and "//" not in path and "/." not in path


def toggle_trailing_slash(path: str) -> str | None:
    """Return the path without its last slash, or with one. Return None for the root, which has no other spelling."""
    if path[-1:] != "/":
        return path + "/" if path else None
    return path[:-1] or None


def is_same_site(path: str) -> bool:
    r"""Return True if a Location of this path leads to the path itself. Browsers read `//` and `/\` as a host.

    RFC 3986, section 5.2.4: browsers resolve dot segments, so `/app/../x` leaves the application mounted at `/app`.
    """
    return path[1:2] not in ("/", "\\") and not ("/." in path and _DOTS.intersection(path.split("/")))


def location(script_name: str | None, path: str, query: str | None = None) -> str:
    r"""Return a path-absolute reference (RFC 3986, section 4.2) to `path` in this application.

    `script_name` and `query` are WSGI strings (bytes decoded as latin-1); `path` is text. Bytes are percent-encoded,
    but the escapes of `query` stay unchanged. Slashes at the start of `script_name` become one, and those at its end
    disappear, so no client can choose the host.

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
    """Encode a path as a WSGI string. A lone surrogate becomes invalid UTF-8."""
    return path if path.isascii() else path.encode("utf-8", "surrogatepass").decode("latin-1")


def wsgi_bytes(text: str) -> bytes:
    """Return the bytes of a WSGI string. If a server put other characters there, encode them as UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
