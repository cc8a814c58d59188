"""Status lines and headers of responses, and the checks that both pass before the response leaves."""

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

# PEP 3333: no control characters. WSGI sends latin-1 only.
_UNSENDABLE = re.compile("[^ -~\x80-\xff]")
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_STATUS_LINE = re.compile("[2-5][0-9]{2} [ -~\x80-\xff]*")
# RFC 3986, section 2: characters of a URL, except the brackets of an IPv6 address.
_URL = re.compile(r"[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]+")
_VISIBLE = re.compile("[!-~]*")

TEXT_HEADER = ("Content-Type", TEXT)
HTML_HEADER = ("Content-Type", HTML)
BYTES_HEADER = ("Content-Type", BYTES)
JSON_HEADER = ("Content-Type", JSON)

WSGIResponse = tuple[str, Headers, Iterable[bytes]]
"""A WSGI response: status line, headers, body. PERF: creating a NamedTuple takes four times as long."""


class _LengthHeaders(dict[int, tuple[str, str]]):
    """The Content-Length of a body. PERF: those of short bodies are created once."""

    def __missing__(self, size: int) -> tuple[str, str]:
        header = ("Content-Length", str(size))
        if size < 1024:
            self[size] = header
        return header


LENGTH_HEADERS = _LengthHeaders()

LOCATIONS = ("location", "content-location")
"""The headers that contain a URL."""


def needs_url(headers: Iterable[tuple[str, str]]) -> bool:
    """Return True if the value of a header in LOCATIONS must be converted to a URL, or if one is duplicated."""
    if "location" not in "".join([name for name, _ in headers]).lower():
        return False  # PERF: one check of all names together
    found = [(name.lower(), value) for name, value in headers if name.lower() in LOCATIONS]
    return len(dict(found)) < len(found) or not all(_URL.fullmatch(value) for _, value in found)


_STATUS_LINES = {status: f"{status} {phrase}" for status, phrase in HTTP_STATUS_CODES.items()}
_KNOWN_LINES = frozenset(
    form(_STATUS_LINES[status]) for status in HTTP_STATUS_CODES if status >= 200 for form in (str, str.upper)
)
"""PERF: these are valid without a check by a regular expression. werkzeug's Response has them in capitals."""


def status_line(status: int | str) -> str:
    """Return the status with its phrase, like `404 Not Found`. A str is returned unchanged.

    Raises TypeError if the status is neither an int nor a str.
    """
    if isinstance(status, str):
        return status
    if not isinstance(status, int):
        raise TypeError(
            f"status must be an int or a str like '404 Not Found', got {status!r}; return (body, status, headers)"
        )
    return _STATUS_LINES.get(status) or f"{int(status)} Unknown"


def as_uri(location: str) -> str:
    r"""Return a location for a header: ASCII, percent-encoded if necessary (RFC 3986, section 2.1).

    A valid URL is returned unchanged.

    >>> as_uri("/caf\xe9 1"), as_uri("http://[")
    ('/caf%C3%A9%201', 'http://%5B')

    Raises ValueError if it contains a control character, and TypeError if it is not a str.
    """
    if _URL.fullmatch(location):
        return location
    if _CONTROL.search(location):
        raise ValueError(f"location must be without control characters, got {location!r}")
    # Python's urlsplit removes some slashes and spaces at the start, which would change the destination.
    with suppress(ValueError):  # an invalid host
        if location[:3] != "///" and location.strip() == location:
            location = iri_to_uri(location)
            if _VISIBLE.fullmatch(location):  # false if the host contains a space
                return location
    return quote(location, safe="!#$%&'()*+,/:;=?@", errors="surrogatepass")


def own_headers(response: Response) -> WerkzeugHeaders:
    """Return the headers of a response. Convert an assigned dict or list to Headers, as werkzeug does."""
    headers = response.headers
    if not isinstance(headers, WerkzeugHeaders):
        headers = response.headers = WerkzeugHeaders(headers)
    return headers


def missing_headers(present: Iterable[tuple[str, str]], wanted: Headers) -> Headers:
    """Return the wanted headers that are not present with another value."""
    names = {name.lower() for name, _ in present}
    return [pair for pair in wanted if pair[0].lower() not in names]


def validate_headers(line: str, headers: Headers, *, is_whole: bool = False) -> None:
    """Refuse headers that a server would change or reject. Raises ValueError or TypeError.

    The length for a body that `is_whole` is not checked, since the actual length replaces it.
    """
    if line not in _KNOWN_LINES and not _STATUS_LINE.fullmatch(line):
        raise ValueError(f"status must be a final status (200 to 599), a space and a reason phrase, got {line!r}")
    told = None
    for name, value in headers:
        # PERF: nearly all values are printable ASCII. These calls take a third of the time of an expression.
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
    """Valid names of headers; True if the value is a length. PERF: each name is checked once."""

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
