"""The response in a function's output (RFC 3875, section 6: the CGI response)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import NamedTuple

from ...http.grammar import HOP_BY_HOP, STATUSES_WITHOUT_CONTENT
from ..errors import Failed
from .function import Function

__all__ = ["CGIResponse", "read_response"]

_LONGEST_HEAD = 65536
_LONGEST_END = b"\r\n\r\n"
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
# Not the lines of `str.splitlines`: a byte of UTF-8 that is NEL in latin-1 would begin a header of its own.
_END_OF_LINE = re.compile(r"\r?\n")
_STATUS = re.compile(r"([2-5][0-9]{2})(?: ([ -~]*))?")
_IS_CGI = 'with protocol="cgi" headers come first, and an empty line'
_TOO_MUCH = "The function sent more than it announced."
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class CGIResponse(NamedTuple):
    """Status line, headers, and the body as it comes: no body to HEAD, or with a status without content."""

    status: str
    headers: list[tuple[str, str]]
    body: Iterator[bytes]


def read_response(function: Function, method: str, read: Callable[[], bytes]) -> CGIResponse:
    """Read the head of a function's response; `read` returns its output piece by piece.

    Raises `Failed` if there is no valid head, and the errors of `read`.
    """
    if function.protocol == "plain":
        first = read()
        body = _nothing(read) if method == "HEAD" else _pieces(first, read, None)
        return CGIResponse("200 OK", [("Content-Type", function.content_type)], body)
    head, rest = _split(read)
    headers = [_header(line) for line in _END_OF_LINE.split(head.decode("latin-1"))]
    status = _status(headers)
    length = _length(headers)
    named = {name.strip().lower() for value in _values(headers, "connection") for name in value.split(",")}
    dropped = HOP_BY_HOP | named | {"status"} | ({"content-length"} if status.startswith("204") else set())
    kept = [pair for pair in headers if pair[0].lower() not in dropped]
    if method == "HEAD" or status.startswith(STATUSES_WITHOUT_CONTENT):
        return CGIResponse(status, kept, _nothing(read))
    if length is not None and len(rest) > length:
        raise Failed(_TOO_MUCH)
    return CGIResponse(status, kept, _pieces(rest, read, length))


def _split(read: Callable[[], bytes]) -> tuple[bytes, bytes]:
    """Return the head of a response, and the part of its body that was read with it."""
    data, looked = b"", 0
    while True:
        found = _END_OF_HEAD.search(data, max(0, looked - len(_LONGEST_END)))
        looked = len(data)
        if found:
            return data[: found.start()], data[found.end() :]
        piece = read()
        data += piece
        if not piece or len(data) > _LONGEST_HEAD:
            if piece:
                raise Failed("The function's head has no end.", f"There were {len(data)} bytes without an empty line.")
            raise Failed("The function ended without a response.", _IS_CGI)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise Failed("The function sent an invalid header.", f"{line:.100}: {_IS_CGI}")
    return name, value.strip(" \t")


def _values(headers: list[tuple[str, str]], wanted: str) -> list[str]:
    return [value for name, value in headers if name.lower() == wanted]


def _status(headers: list[tuple[str, str]]) -> str:
    """Return the status line (RFC 3875, section 6.3.3); with a Location alone it is 302 (section 6.2.3)."""
    told = _values(headers, "status") or ["302" if _values(headers, "location") else "200"]
    found = _STATUS.fullmatch(told[0])
    if found is None or len(told) > 1:
        raise Failed("The function sent an invalid status.", ", ".join(told))
    return f"{found[1]} {found[2] or _PHRASES.get(int(found[1]), 'Unknown')}"


def _length(headers: list[tuple[str, str]]) -> int | None:
    told = _values(headers, "content-length")
    if not told:
        return None
    if len(told) > 1 or not re.fullmatch("[0-9]{1,18}", told[0]):
        raise Failed("The function sent an invalid length.", ", ".join(told))
    return int(told[0])


def _pieces(first: bytes, read: Callable[[], bytes], length: int | None) -> Iterator[bytes]:
    """Yield the body; if it has another length than its header says, the response breaks off."""
    size = len(first)
    if first:
        yield first
    for piece in iter(read, b""):
        size += len(piece)
        if length is not None and size > length:
            raise Failed(_TOO_MUCH)
        yield piece
    if length is not None and size < length:
        raise Failed("The function sent less than it announced.")


def _nothing(read: Callable[[], bytes]) -> Iterator[bytes]:
    """Discard the body: Content-Length is that of another response (RFC 9110, section 8.6)."""
    for _ in iter(read, b""):
        pass
    yield from ()
