"""Content-Length: it is told of one body, and that body has just so many bytes (RFC 9112, section 6.3)."""

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
    """Remember which body the Content-Length is told of, before that body may be replaced."""
    state = response.__dict__
    if "_wsgi" not in state or "response" in state:  # else `_wsgi` says it
        state["_told"] = response.response, response.headers.get("Content-Length")


def forget_length(response: Response) -> None:
    """Drop a Content-Length that was told of another body than a stream that is there now."""
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
    """The headers with the length that a body has which is whole; whatever was said before it changed."""
    size = sum(map(len, response.iter_encoded()))
    # A HEAD route of its own may say how long the body is that it does not make.
    if not size and environ["REQUEST_METHOD"] == "HEAD":
        return headers
    told = [pair for pair in headers if pair[0].lower() == "content-length"]
    if not told or told == [LENGTH_HEADERS[size]]:
        return headers
    return [pair for pair in headers if pair not in told] + [LENGTH_HEADERS[size]]


class Measured(CloseOnce):
    """A body of just so many bytes. It raises ValueError instead of more, and where there are fewer.

    Then the connection breaks, as it has to: the next response on it must not begin inside of this one, or fill it up
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
    """Return the response with a body that is as long as its headers say; a file is the server's to send."""
    told = next((value for name, value in headers if name.lower() == "content-length"), None)
    if told is None or len(told) > _MOST_DIGITS or is_file(body, environ):
        return status, headers, body
    return status, headers, Measured(body, int(told))
