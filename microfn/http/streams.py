"""Bodies of responses: who closes what, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .request import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["CloseOnce", "ClosingBody", "Stream", "close_body", "is_file", "with_close"]


def close_body(body: object) -> None:
    """Call `close()` where there is one, as a WSGI server does (PEP 3333)."""
    if hasattr(body, "close"):
        body.close()


def is_file(body: object, environ: WSGIEnvironment) -> bool:
    """Whether the server knows how to send this faster than chunk by chunk (PEP 3333, wsgi.file_wrapper)."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


def with_close(request: Request, body: Iterable[bytes]) -> Iterable[bytes]:
    """The body, whose end is the end of the request too; also where what is to be called then is told meanwhile."""
    waiting = request._close_callbacks
    if type(body) is list and not waiting:
        return body
    if is_file(body, request.environ) and (not waiting or waiting == [body.close]):  # type: ignore[attr-defined]
        return body
    # Middleware has it closed with the request, in case it is dropped; this one is not, and is closed by itself.
    request._close_callbacks = [callback for callback in waiting if callback != getattr(body, "close", None)]
    return ClosingBody(body, request._close)


class Stream:
    """A streamed body whose first chunk has been read, so that an earlier failure can still become a clean 500.

    Closing is idempotent: the underlying iterable is closed once.
    """

    def __init__(self, chunks: Iterable[str | bytes], owner: object = None) -> None:
        self._chunks = iter(chunks)
        self._owner = chunks if owner is None else owner
        self._is_closed = False
        self._first: list[bytes] = []
        self.is_text = True
        try:
            for chunk in self._chunks:
                self.is_text = isinstance(chunk, str)
                self._first.append(_encode(chunk))
                if chunk:  # PEP 3333: nothing is sent before the first that is not empty
                    break
            self._first.reverse()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._first.pop() if self._first else _encode(next(self._chunks))

    def close(self) -> None:
        """Close what it came from, the first time."""
        if not self._is_closed:
            self._is_closed = True
            close_body(self._owner)


class CloseOnce:
    """A body whose owner is closed once; no chunk of it has been read."""

    def __init__(self, chunks: Iterable[Any], owner: object) -> None:
        self._chunks = chunks
        self._owner: object = owner

    def __iter__(self) -> Iterator[Any]:
        return iter(self._chunks)

    def close(self) -> None:
        """Close what it came from, the first time."""
        owner, self._owner = self._owner, None
        close_body(owner)


class ClosingBody:
    """A body that calls `end` when it is closed, even if closing the body itself fails."""

    def __init__(self, body: Iterable[bytes], end: Callable[[], object]) -> None:
        self._body = body
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        """Close the body; the end comes in any case."""
        try:
            close_body(self._body)
        finally:
            self._end()


def _encode(chunk: str | bytes) -> bytes:
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, str):
        return chunk.encode()
    raise TypeError(f"a stream yields str or bytes, not {type(chunk).__name__}")
