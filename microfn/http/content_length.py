"""Content-Length and the body it belongs to, which has exactly this many bytes (RFC 9112, section 6.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from .file_body import is_file
from .headers import LENGTH_HEADERS, Headers, WSGIResponse, own_headers
from .streams import CloseOnce

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Measured", "forget_length", "keep_length", "remember_length", "with_own_length"]

_MOST_DIGITS = 18


def remember_length(response: Response) -> None:
    """Record the body that the Content-Length belongs to, before that body can be replaced."""
    state = response.__dict__
    if "_wsgi" not in state or "response" in state:  # else `_wsgi` has it
        state["_told"] = response.response, response.headers.get("Content-Length")


def forget_length(response: Response) -> None:
    """Remove a Content-Length if a stream has replaced the body that it belongs to."""
    state = response.__dict__
    body, length = state.get("_told", (None, None))
    if body is None and "_wsgi" in state:
        _, headers, body = state["_wsgi"]
        length = next((value for name, value in headers if name.lower() == "content-length"), None)
    if response.is_sequence or response.response is body or length is None:
        return
    if own_headers(response).get("Content-Length") == length:
        del response.headers["Content-Length"]


def with_own_length(response: Response, headers: Headers, environ: WSGIEnvironment) -> Headers:
    """Return the headers with the length of a whole body, which replaces any other length."""
    size = sum(map(len, response.iter_encoded()))
    # A HEAD route can report the length of a body that it does not create.
    if not size and environ["REQUEST_METHOD"] == "HEAD":
        return headers
    told = [pair for pair in headers if pair[0].lower() == "content-length"]
    if not told or told == [LENGTH_HEADERS[size]]:
        return headers
    return [pair for pair in headers if pair not in told] + [LENGTH_HEADERS[size]]


class Measured(CloseOnce):
    """A body of exactly `size` bytes. It raises ValueError if there are more or fewer.

    The error breaks the connection: the next response on it must not begin inside this one, or complete it
    (RFC 9112, section 6.3).
    """

    def __init__(self, body: Iterable[bytes], size: int) -> None:
        super().__init__(body)
        self._size = size

    def __iter__(self) -> Iterator[bytes]:
        missing = self._size
        for chunk in self._chunks:
            if len(chunk) > missing:
                if missing:
                    yield chunk[:missing]
                raise ValueError(f"the body is longer than its Content-Length of {self._size} bytes")
            missing -= len(chunk)
            yield chunk
        if missing:
            raise ValueError(f"the body is {missing} bytes shorter than its Content-Length of {self._size} bytes")


def keep_length(status: str, headers: Headers, body: Iterable[bytes], environ: WSGIEnvironment) -> WSGIResponse:
    """Return the response with a body that has the length in its headers. The server sends files itself."""
    told = next((value for name, value in headers if name.lower() == "content-length"), None)
    if told is None or len(told) > _MOST_DIGITS or is_file(body, environ):
        return status, headers, body
    return status, headers, Measured(body, int(told))
