"""What a function answered, read from its output (RFC 3875, section 6: the CGI response)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .errors import Failed
from .function import Function

__all__ = ["Reply", "read_reply"]

_LONGEST_HEAD = 65536
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(r"([2-5][0-9]{2})(?: ([ -~]*))?")
_TOO_MUCH = "The function answered with more than it said."
_PHRASES = {"200": "OK", "302": "Found"}
# RFC 9110, section 7.6.1: they are about a connection, which the function has not.
_HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer trailers "
    "transfer-encoding upgrade".split()
)


class Reply(NamedTuple):
    """Status line, headers, and the body as it comes."""

    status: str
    headers: list[tuple[str, str]]
    body: Iterator[bytes]


def read_reply(function: Function, read: Callable[[], bytes]) -> Reply:
    """The answer of a function, whose output `read` tells piece by piece; its head has been read then.

    Raises `Failed` where there is none, and what `read` raises.
    """
    if function.protocol == "plain":
        first = read()
        return Reply("200 OK", [("Content-Type", function.content_type)], _pieces(first, read, None))
    head, rest = _split(read)
    headers = [_header(line) for line in head.decode("latin-1").splitlines()]
    status = _status(headers)
    kept = [pair for pair in headers if pair[0].lower() not in _HOP_BY_HOP and pair[0].lower() != "status"]
    length = next((value for name, value in kept if name.lower() == "content-length"), None)
    if length is not None and not re.fullmatch("[0-9]{1,18}", length):
        raise Failed("The function answered with a length that is none.")
    told = None if length is None else int(length)
    if told is not None and len(rest) > told:
        raise Failed(_TOO_MUCH)
    return Reply(status, kept, _pieces(rest, read, told))


def _split(read: Callable[[], bytes]) -> tuple[bytes, bytes]:
    """The head of an answer, and what has been read of its body."""
    data = b""
    while True:
        found = _END_OF_HEAD.search(data)
        if found:
            return data[: found.start()], data[found.end() :]
        piece = read()
        data += piece
        if not piece or len(data) > _LONGEST_HEAD:
            raise Failed("The function ended without an answer." if not piece else "The function's head has no end.")


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise Failed("The function answered with a header that is none.")
    return name, value.strip(" \t")


def _status(headers: list[tuple[str, str]]) -> str:
    """The status line (RFC 3875, section 6.3.3); who says only where to go means 302 (section 6.2.3)."""
    names = {name.lower(): value for name, value in headers}
    found = _STATUS.fullmatch(names.get("status", "302" if "location" in names else "200"))
    if found is None:
        raise Failed("The function answered with a status that is none.")
    return f"{found[1]} {found[2] or _PHRASES.get(found[1], 'Unknown')}"


def _pieces(piece: bytes, read: Callable[[], bytes], length: int | None) -> Iterator[bytes]:
    """The body; where its length was told it has just that, or the answer breaks off."""
    size = 0
    while True:
        size += len(piece)
        if length is not None and size > length:
            raise Failed(_TOO_MUCH)
        if piece:
            yield piece
        piece = read()
        if not piece:
            break
    if length is not None and size < length:
        raise Failed("The function answered with less than it said.")
