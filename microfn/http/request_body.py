"""Bodies of requests, read exactly: never beyond their end, and never incomplete without an error."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any, NoReturn, cast

from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.wsgi import LimitedStream

from ..arguments import ENDLESS
from ..shortage import is_shortage
from .grammar import DIGITS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Body", "UnsupportedCoding", "checked_length", "is_encoded", "open_body", "read"]


class UnsupportedCoding(UnsupportedMediaType):
    """A body with a Content-Encoding whose content was requested (RFC 9110, sections 8.4 and 15.5.16)."""

    description = "Send the body without a Content-Encoding."

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Add Accept-Encoding, which lists the supported encodings of requests (RFC 9110, section 12.5.3)."""
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", "identity")]


def is_encoded(environ: WSGIEnvironment) -> bool:
    """Return True if the body has a Content-Encoding other than `identity`."""
    codings = environ.get("HTTP_CONTENT_ENCODING") or ""
    return bool(codings) and any(coding.strip().lower() not in ("", "identity") for coding in codings.split(","))


def open_body(environ: WSGIEnvironment, limit: int | None) -> IO[bytes]:
    """Return the body. Raises `BadRequest` (400) or `RequestEntityTooLarge` (413) according to its length."""
    # RFC 9112, section 6.2. The length also applies beside a Transfer-Encoding that a proxy left in place after
    # decoding the chunks (nginx before uWSGI and FastCGI).
    promised = environ.get("CONTENT_LENGTH")
    if not promised:
        return _open_chunked_body(environ, limit)
    return cast("IO[bytes]", Body(environ["wsgi.input"], checked_length(promised, limit)))


def _open_chunked_body(environ: WSGIEnvironment, limit: int | None) -> IO[bytes]:
    """Return a body without a length. Its end is known only if the server marks it; else reading would block."""
    if not environ.get("wsgi.input_terminated"):
        return io.BytesIO()
    return cast("IO[bytes]", Body(environ["wsgi.input"], ENDLESS if limit is None else limit, is_max=True))


def checked_length(promised: str, limit: int | None) -> int:
    """Return the length of a body in bytes. RFC 9110, section 8.6: only digits are valid."""
    if not DIGITS.fullmatch(promised):
        raise BadRequest("Content-Length is not a number.")
    # A number of thousands of digits exceeds every limit, and int() refuses it.
    length = int(promised) if len(promised) < 20 else ENDLESS
    if limit is not None and length > limit:
        raise RequestEntityTooLarge(f"The body can have at most {limit} bytes.")
    return length


def read(stream: IO[bytes], length: int) -> bytes:
    """Read exactly `length` bytes. Raises `ClientDisconnected` (400) if there are fewer, and errors of the server."""
    chunks: list[bytes] = []
    missing = length
    try:
        while missing:
            chunk = stream.read(missing)
            if not chunk:
                break
            chunks.append(chunk)
            missing -= len(chunk)
    except Exception as error:
        raise _failure_of(error) from None
    if missing:
        raise ClientDisconnected
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _failure_of(error: Exception) -> Exception:
    """Return the failure to raise: the connection's, unless this machine is short of something.

    Servers can write a body to disk before they pass it on.
    """
    return error if is_shortage(error) else ClientDisconnected()


class _Source:
    """`wsgi.input` with one class of exceptions for all failures, since servers differ."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except Exception as error:
            raise _Unreadable(_failure_of(error)) from error

    def readline(self, size: int) -> bytes:
        try:
            return self._stream.readline(size)
        except Exception as error:
            raise _Unreadable(_failure_of(error)) from error


class Body(LimitedStream):
    """A body that is read exactly: never incomplete without an error, and never beyond its end.

    werkzeug's stream ends silently at a maximum. This one checks if more bytes follow. After a failure, each read fails
    again.
    """

    def __init__(self, stream: IO[bytes], limit: int, *, is_max: bool = False) -> None:
        super().__init__(cast("IO[bytes]", _Source(stream)), limit, is_max)
        self._failure: Exception | None = None

    @classmethod
    def failed(cls, stream: IO[bytes], failure: Exception) -> Body:
        """Return a body whose reads fail."""
        body = cls(stream, 1)
        body._failure = failure
        return body

    def on_exhausted(self) -> None:
        """Check the end of the body. Raises `RequestEntityTooLarge` (413) if more bytes follow."""
        if self._limit_is_max and self._has_more():
            self._fail(RequestEntityTooLarge(f"The body can have at most {self.limit} bytes."))

    def on_disconnect(self, error: Exception | None = None) -> None:
        """Raise `ClientDisconnected` (400) if the body ended early, or the error of the server."""
        if isinstance(error, _Unreadable):
            self._fail(error.failure)
        if not self._limit_is_max:
            self._fail(ClientDisconnected())

    def readinto(self, b: bytearray) -> int | None:  # type: ignore[override]
        """Read into a buffer."""
        if self._failure is not None:
            raise self._failure
        return super().readinto(b)

    def readline(self, size: int | None = -1) -> bytes:
        """Return one line, with its end. The server finds it, since the standard library would read byte by byte."""
        if self._failure is not None:
            raise self._failure
        if self.is_exhausted:
            self.on_exhausted()
        line = bytearray()
        missing = self.limit - self._pos
        missing = missing if size is None or size < 0 else min(size, missing)
        while missing and not line.endswith(b"\n"):
            piece = self._next_piece(min(missing, 65536))
            if not piece:
                break
            line += piece
            missing -= len(piece)
        return bytes(line)

    def _next_piece(self, size: int) -> bytes:
        try:
            piece = self._stream.readline(size)
        except _Unreadable as error:
            self._fail(error.failure)
        if not piece:
            self.on_disconnect()
        self._pos += len(piece)
        return piece

    def readall(self) -> bytes:
        """Return the rest of the body."""
        if self._failure is not None:
            raise self._failure
        data = super().readall()
        if self.is_exhausted:
            self.on_exhausted()
        return data

    def _has_more(self) -> bool:
        try:
            return bool(self._stream.read(1))
        except _Unreadable as error:
            self._fail(error.failure)

    def _fail(self, failure: Exception) -> NoReturn:
        self._failure = failure
        raise failure from None


class _Unreadable(OSError):
    """A failure to read `wsgi.input`; `failure` is the exception to raise."""

    def __init__(self, failure: Exception) -> None:
        super().__init__("the body cannot be read")
        self.failure = failure
