"""What an answer is made of: its status line, its headers, and the gate that both pass before they leave."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import quote

from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response

from .grammar import DIGITS, HOP_BY_HOP, TOKEN

__all__ = [
    "LENGTH_HEADERS",
    "LOCATIONS",
    "Headers",
    "WSGIResponse",
    "as_uri",
    "missing_headers",
    "needs_url",
    "own_headers",
    "status_line",
    "validate_headers",
]

Headers = list[tuple[str, str]]

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"

# PEP 3333: no control characters; what is not latin-1 cannot be sent at all.
_UNSENDABLE = re.compile("[^ -~\x80-\xff]")
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_STATUS_LINE = re.compile("[2-5][0-9]{2} [ -~\x80-\xff]*")
# RFC 3986, section 2: what may stand in a URL, but for the brackets of an IPv6 address.
_URL = re.compile(r"[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]+")
_VISIBLE = re.compile("[!-~]*")

TEXT_HEADER = ("Content-Type", TEXT)
HTML_HEADER = ("Content-Type", HTML)
BYTES_HEADER = ("Content-Type", BYTES)
JSON_HEADER = ("Content-Type", JSON)

WSGIResponse = tuple[str, Headers, Iterable[bytes]]
"""A response as WSGI has it: status line, headers, body. PERF: a NamedTuple takes four times as long to make."""


class _LengthHeaders(dict[int, tuple[str, str]]):
    """The header that says how long a body is. PERF: those of short bodies are made once."""

    def __missing__(self, size: int) -> tuple[str, str]:
        header = ("Content-Length", str(size))
        if size < 1024:
            self[size] = header
        return header


LENGTH_HEADERS = _LengthHeaders()

LOCATIONS = ("location", "content-location")
"""The headers that hold a URL."""


def needs_url(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether the value of a header in LOCATIONS has yet to become a URL, or one is there twice."""
    if "location" not in "".join([name for name, _ in headers]).lower():
        return False  # PERF: one look at all names together
    found = [(name.lower(), value) for name, value in headers if name.lower() in LOCATIONS]
    return len(dict(found)) < len(found) or not all(_URL.fullmatch(value) for _, value in found)


_STATUS_LINES = {status: f"{status} {phrase}" for status, phrase in HTTP_STATUS_CODES.items()}
_KNOWN_LINES = frozenset(
    form(_STATUS_LINES[status]) for status in HTTP_STATUS_CODES if status >= 200 for form in (str, str.upper)
)
"""PERF: these are seen to be right without an expression. werkzeug's Response has them in capitals."""


def status_line(status: int | str) -> str:
    """The status with its phrase: `404 Not Found`; a str is one already.

    Raises TypeError for what is neither.
    """
    if isinstance(status, str):
        return status
    if not isinstance(status, int):
        raise TypeError(
            f"status must be an int or a str like '404 Not Found', got {status!r}; return (body, status, headers)"
        )
    return _STATUS_LINES.get(status) or f"{int(status)} Unknown"


def as_uri(location: str) -> str:
    r"""A location as headers have it: in ASCII, percent-encoded where it has to be (RFC 3986, section 2.1).

    One in which nothing has to be stays as it is.

    >>> as_uri("/caf\xe9 1"), as_uri("http://[")
    ('/caf%C3%A9%201', 'http://%5B')

    Raises ValueError where it holds a control character, TypeError where it is no text.
    """
    if _URL.fullmatch(location):
        return location
    if _CONTROL.search(location):
        raise ValueError(f"location must be without control characters, got {location!r}")
    # Of slashes and blanks that it begins with, Python's urlsplit drops some, and then it leads elsewhere.
    with suppress(ValueError):  # a host that is none
        if location[:3] != "///" and location.strip() == location:
            location = iri_to_uri(location)
            if _VISIBLE.fullmatch(location):  # which a host with a blank is not
                return location
    return quote(location, safe="!#$%&'()*+,/:;=?@", errors="surrogatepass")


def own_headers(response: Response) -> WerkzeugHeaders:
    """Return the headers of a response; of a dict or a list that was assigned, Headers are made, as werkzeug does."""
    headers = response.headers
    if not isinstance(headers, WerkzeugHeaders):
        headers = response.headers = WerkzeugHeaders(headers)
    return headers


def missing_headers(present: Iterable[tuple[str, str]], wanted: Headers) -> Headers:
    """Those of the wanted headers that are not present by another value."""
    names = {name.lower() for name, _ in present}
    return [pair for pair in wanted if pair[0].lower() not in names]


def validate_headers(line: str, headers: Headers, *, is_whole: bool = False) -> None:
    """Refuse what a server would send as something else, or not at all. Raises ValueError or TypeError.

    The length that is given for a body that `is_whole` may be anything, since its own replaces it.
    """
    if line not in _KNOWN_LINES and not _STATUS_LINE.fullmatch(line):
        raise ValueError(f"status must be a final status (200 to 599), a space and a reason phrase, got {line!r}")
    told = None
    for name, value in headers:
        # PERF: nearly all values are printable ASCII, which these calls find in a third of the time of an expression.
        try:
            is_length = _NAMES[name]
            is_plain = value.isascii() and value.isprintable() and (not is_length or value.isdecimal())
        except (AttributeError, TypeError):
            is_plain = False
        if not is_plain:
            _validate_header(name, value, is_whole)
        elif is_length and told not in (None, value) and not is_whole:
            raise ValueError(
                f"the header {name!r} must have one value (RFC 9112, section 6.3), got {told!r} and {value!r}"
            )
        elif is_length:
            told = value


def _validate_header(name: str, value: str, is_whole: bool) -> None:
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError(f"names and values of headers must be str, got {name!r}: {value!r}")
    is_length = _NAMES[name]
    if _UNSENDABLE.search(value):
        raise ValueError(f"the header {name!r} must be without control characters and in latin-1, got {value!r}")
    if is_length and not is_whole and not DIGITS.fullmatch(value):
        raise ValueError(f"the header {name!r} must be a number of bytes (RFC 9110, section 8.6), got {value!r}")


class _Names(dict[str, bool]):
    """Names of headers that can be sent, and whether the value is a length. PERF: each is looked at once."""

    def __missing__(self, name: str) -> bool:
        if not TOKEN.fullmatch(name):
            raise ValueError(f"the name of a header must be a token (RFC 9110, section 5.1), got {name!r}")
        lower = name.lower()
        if lower in HOP_BY_HOP:
            raise ValueError(f"the header {name!r} belongs to the server's connection (PEP 3333); leave it out")
        is_length = lower == "content-length"
        if len(self) < 1024 and len(name) < 64:
            self[str(name)] = is_length
        return is_length


_NAMES = _Names()
