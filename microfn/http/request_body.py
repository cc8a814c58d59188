"""Bodies of requests, read exactly: never beyond their end, and never taken for whole where they are not."""

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
    """A body with a Content-Encoding, where its content is asked for (RFC 9110, sections 8.4 and 15.5.16)."""

    description = "Send the body without a Content-Encoding."

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """RFC 9110, section 12.5.3: Accept-Encoding in a response tells what a request may be encoded with."""
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", "identity")]


def is_encoded(environ: WSGIEnvironment) -> bool:
    """Whether a Content-Encoding other than `identity` was applied to the body."""
    codings = environ.get("HTTP_CONTENT_ENCODING") or ""
    return bool(codings) and any(coding.strip().lower() not in ("", "identity") for coding in codings.split(","))


def open_body(environ: WSGIEnvironment, limit: int | None) -> IO[bytes]:
    """The body. Raises `BadRequest` (400) or `RequestEntityTooLarge` (413) by what is said of its length."""
    # RFC 9112, section 6.2. A length counts also beside a Transfer-Encoding that a proxy left in place after it undid
    # the chunks (nginx before uWSGI and FastCGI).
    promised = environ.get("CONTENT_LENGTH")
    if not promised:
        return _open_chunked_body(environ, limit)
    return cast("IO[bytes]", Body(environ["wsgi.input"], checked_length(promised, limit)))


def _open_chunked_body(environ: WSGIEnvironment, limit: int | None) -> IO[bytes]:
    """A body without a length has an end only where the server says so; else reading it would block for ever."""
    if not environ.get("wsgi.input_terminated"):
        return io.BytesIO()
    return cast("IO[bytes]", Body(environ["wsgi.input"], ENDLESS if limit is None else limit, is_max=True))


def checked_length(promised: str, limit: int | None) -> int:
    """How many bytes a body has. RFC 9110, section 8.6: digits and nothing else."""
    if not DIGITS.fullmatch(promised):
        raise BadRequest("Content-Length is not a number.")
    # A number of thousands of digits is over every limit; int() would refuse it.
    length = int(promised) if len(promised) < 20 else ENDLESS
    if limit is not None and length > limit:
        raise RequestEntityTooLarge(f"The body can have at most {limit} bytes.")
    return length


def read(stream: IO[bytes], length: int) -> bytes:
    """Just so many bytes. Raises `ClientDisconnected` (400) where there are fewer, and what is no client's fault."""
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
    """What a server raises while a body is read is the connection's failure, unless this machine is short of something.

    Servers may put a body on disk before they give it away.
    """
    return error if is_shortage(error) else ClientDisconnected()


class _Source:
    """`wsgi.input`, with one exception for its every failure: servers have their own."""

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
    """A body that is read exactly: none of it is taken for whole that is not, and none is read beyond its end.

    werkzeug's own stream ends silently at a maximum; this one looks whether there is more. What failed once fails
    again.
    """

    def __init__(self, stream: IO[bytes], limit: int, *, is_max: bool = False) -> None:
        super().__init__(cast("IO[bytes]", _Source(stream)), limit, is_max)
        self._failure: Exception | None = None

    @classmethod
    def failed(cls, stream: IO[bytes], failure: Exception) -> Body:
        """One whose every read fails."""
        body = cls(stream, 1)
        body._failure = failure
        return body

    def on_exhausted(self) -> None:
        """It was read to its limit. Raises `RequestEntityTooLarge` (413) where there is more."""
        if self._limit_is_max and self._has_more():
            self._fail(RequestEntityTooLarge(f"The body can have at most {self.limit} bytes."))

    def on_disconnect(self, error: Exception | None = None) -> None:
        """It ended before its length. Raises `ClientDisconnected` (400), or what is no client's fault."""
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
        """One line, with its end. The server finds it: the standard library would read byte by byte."""
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
        """All that is left."""
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
    """`wsgi.input` cannot be read; `failure` is what is told of it."""

    def __init__(self, failure: Exception) -> None:
        super().__init__("the body cannot be read")
        self.failure = failure
