"""Bodies of responses: who closes what, and when.

One rule holds for each body, whether it is a list, an iterator, a file or another application's:

1. It has one owner. A function that returns it passes it on; a function that raises instead closes it.
2. The server is the last owner. It gets one object, and its `close()` (PEP 3333) closes the body and then ends the
   request: it calls what `response.call_on_close` and then what `request.call_on_close` was given, in order, each
   once, also if one of these fails.
3. A middleware sees a body that is closed with the request too, so it may drop a response or replace its body. Each
   body is closed once all the same.
4. A response without content (HEAD, 204, 205, 304) has its body closed at once; no more than the first chunk is read.
5. The first chunk of a stream is read before the server gets the status, so a failure until then is a clean 500, and
   the body is closed. A file of the server's own (`wsgi.file_wrapper`) is passed on as it is, because the server
   sends that faster; it is wrapped only if something waits for the end of the request.

The body of a mounted application goes to the server as it is: its owner is that application.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from .request import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = [
    "CloseOnce",
    "ClosingBody",
    "Stream",
    "close_body",
    "close_with_request",
    "is_file",
    "own_stream",
    "with_close",
]


def close_body(body: object) -> None:
    """Call `close()` if there is one, as a WSGI server does (PEP 3333)."""
    if hasattr(body, "close"):
        body.close()


def is_file(body: object, environ: WSGIEnvironment) -> bool:
    """Whether the server knows how to send this faster than chunk by chunk (PEP 3333, wsgi.file_wrapper)."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


class CloseOnce:
    """A body that is closed once, however often it is told to; nothing of it has been read.

    Closing it closes `owner`, which is the body itself or what the body comes from.
    """

    def __init__(self, chunks: Iterable[Any], owner: object = None) -> None:
        self._chunks = chunks
        self._owner: object = chunks if owner is None else owner

    def __iter__(self) -> Iterator[Any]:
        return iter(self._chunks)

    def close(self) -> None:
        """Close the owner, the first time."""
        owner, self._owner = self._owner, None
        close_body(owner)


class Stream(CloseOnce):
    """The same for a stream whose first chunk has been read, so that an earlier failure can still become a clean 500.

    If reading that chunk raises, the owner is closed.
    """

    def __init__(self, chunks: Iterable[str | bytes], owner: object = None) -> None:
        super().__init__(chunks, owner)
        self._first: list[bytes] = []
        self.is_text = True
        try:
            self._rest = iter(chunks)
            for chunk in self._rest:
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
        return self._first.pop() if self._first else _encode(next(self._rest))


class ClosingBody:
    """The body that the server gets: after it is closed, `end` is called, even if closing it fails."""

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


def with_close(request: Request, body: Iterable[bytes]) -> Iterable[bytes]:
    """Return the body for the server (sentence 2): if it has no end to call, now or while it is sent, as it is."""
    callbacks = request._close_callbacks
    if type(body) is list and not callbacks:
        return body
    if is_file(body, request.environ) and (not callbacks or callbacks == [body.close]):  # type: ignore[attr-defined]
        return body
    # This body is not dropped, so it is closed by itself, and before the request ends.
    request._close_callbacks = [callback for callback in callbacks if callback != getattr(body, "close", None)]
    return ClosingBody(body, request._close)


def close_with_request(request: Request, body: Iterable[Any]) -> Iterable[Any]:
    """Return the body as middleware may see it (sentence 3): the end of the request closes it too."""
    if not isinstance(body, CloseOnce) and not is_file(body, request.environ):
        body = CloseOnce(body)
    _call_first(request, getattr(body, "close", None))
    return body


def own_stream(request: Request, response: Response) -> None:
    """Do so for a response of werkzeug's and for its callbacks, and read the first chunk (sentence 5)."""
    callbacks, response._on_close = response._on_close, []
    _call_first(request, *callbacks)
    if response.is_sequence:
        return
    body = response.response
    # Nothing is read of the answer to HEAD, and of a body that goes out as it is.
    is_read = request.method != "HEAD" and not response.direct_passthrough
    if is_read and not isinstance(body, CloseOnce):
        body = Stream(body)
    response.response = close_with_request(request, body)


def _call_first(request: Request, *callbacks: Any) -> None:
    """Let the end of the request call these before what it calls already."""
    known = request._close_callbacks
    request._close_callbacks = [*(new for new in callbacks if new is not None and new not in known), *known]


def _encode(chunk: str | bytes) -> bytes:
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, str):
        return chunk.encode()
    raise TypeError(f"a stream must yield str or bytes, got {type(chunk).__name__}")
