"""Bodies of responses: their owners, and the order in which they are closed.

The same rules apply to each body: a list, an iterator, a file, or the body of another application.

1. A body has one owner. A function that returns the body passes it on. A function that raises closes it.
2. The server is the last owner. The server gets one object, whose `close()` (PEP 3333) closes the body and then ends
   the request: it runs the callbacks of `response.call_on_close` and then of `request.call_on_close`, in order. Each
   runs once, even if another raises.
3. The end of the request also closes each body that a middleware sees. So middleware can drop a response or replace
   its body. Each body is still closed once.
4. A response without content (HEAD, 204, 205, 304) has its body closed at once, after at most one chunk.
5. The first chunk of a stream is read before the server gets the status. So an early failure becomes a 500, and the
   body is closed. A file of the server (`wsgi.file_wrapper`) is passed on unchanged, because the server sends it
   faster. It is wrapped only if a callback waits for the end of the request.
6. A body is as long as its Content-Length, or it raises. A file is never longer, even if it grows while it is sent,
   and even if `werkzeug.utils.send_file` wraps it.

The body of a mounted application goes to the server unchanged, because that application is its owner. If middleware
sees it, all rules apply to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from ..log import log_exception
from .file_body import FilePart, find_file, is_file, wrap_part
from .request import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = [
    "CloseOnce",
    "ClosingBody",
    "ResponseEnd",
    "Stream",
    "as_bytes",
    "close_body",
    "close_with_request",
    "hold_file",
    "own_stream",
    "with_close",
]


def close_body(body: object) -> None:
    """Call `close()` if the body has it, as a WSGI server does (PEP 3333)."""
    if hasattr(body, "close"):
        body.close()


class CloseOnce:
    """An unread body whose owner is closed once, even if `close` is called again.

    The owner is the body itself, or the object that provides it.
    """

    def __init__(self, chunks: Iterable[Any], owner: object = None) -> None:
        self._chunks = chunks
        self._owner: object = chunks if owner is None else owner

    def __iter__(self) -> Iterator[Any]:
        return iter(self._chunks)

    def close(self) -> None:
        """Close the owner at the first call."""
        owner, self._owner = self._owner, None
        close_body(owner)


class Stream(CloseOnce):
    """A stream whose first chunk has been read, so that an earlier failure can still become a 500.

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
                self._first.append(as_bytes(chunk))
                if chunk:  # PEP 3333: the headers are sent with the first non-empty chunk
                    break
            self._first.reverse()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        # PERF: the next chunk of a generator takes half the time of a call of `__next__`.
        while self._first:
            yield self._first.pop()
        for chunk in self._rest:
            yield chunk if type(chunk) is bytes else as_bytes(chunk)

    def raw(self) -> Iterator[str | bytes]:
        """Return the remaining chunks, for a caller that checks each. The stream is then empty."""
        first, self._first = self._first[::-1], []
        return chain(first, self._rest)

    def __next__(self) -> bytes:
        return self._first.pop() if self._first else as_bytes(next(self._rest))


class ResponseEnd:
    """The end of a werkzeug response that no middleware has seen: closes its body and runs its callbacks."""

    def __init__(self, response: Response, environ: WSGIEnvironment) -> None:
        self._response = response
        self._environ = environ

    def close(self) -> None:
        """Close the body and run the callbacks. Their errors are logged, as those of a request are."""
        try:
            close_body(self._response.response)
        finally:
            for callback in self._response._on_close:
                self._call(callback)

    def _call(self, callback: Callable[[], object]) -> None:
        try:
            callback()
        except Exception as error:
            log_exception(error, self._environ)


class ClosingBody:
    """The body for the server. Closing it ends the request, even if closing the inner body fails.

    If an error interrupts the body, it is logged and propagates, so that the server breaks the connection.
    """

    def __init__(self, request: Request, body: Iterable[bytes]) -> None:
        self._request = request
        self._body = body
        self._failure: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        body = self._body
        try:
            # PERF: without the generator of a Stream, which takes a third of the time.
            for chunk in body.raw() if type(body) is Stream else body:
                yield chunk if type(chunk) is bytes else as_bytes(chunk)
        except Exception as error:
            # An inner application has logged its own failure.
            if _LOGGED not in error.__dict__:
                error.__dict__[_LOGGED] = True
                self._failure = error
                log_exception(error, self._request.environ)
            raise
        self._request._is_complete = True

    def close(self) -> None:
        """Close the body, and end the request in any case."""
        if self._failure is not None:  # the exception could be raised again, in another request
            self._failure.__dict__.pop(_LOGGED, None)
        try:
            close_body(self._body)
        finally:
            self._request._close()


_LOGGED = "_microfn_is_logged"
"""The attribute that marks a logged exception, until the end of the body."""


def with_close(request: Request, body: Iterable[bytes]) -> Iterable[bytes]:
    """Return the body for the server (rule 2): unchanged if it has no callbacks, now or while it is sent."""
    callbacks = request._close_callbacks
    if type(body) is list:
        if not callbacks:
            return body
    elif is_file(body, request.environ) and (not callbacks or callbacks == [body.close]):  # type: ignore[attr-defined]
        return body
    else:  # nothing drops this body, so it is closed separately, before the request ends
        request._close_callbacks = [callback for callback in callbacks if callback != getattr(body, "close", None)]
    request._is_complete = body == []  # nothing to send, and some servers don't iterate
    return ClosingBody(request, body)


def close_with_request(request: Request, body: Iterable[Any]) -> Iterable[Any]:
    """Return the body for middleware (rule 3): the end of the request closes it too."""
    if not isinstance(body, CloseOnce) and not is_file(body, request.environ):
        body = CloseOnce(body)
    _call_first(request, getattr(body, "close", None))
    return body


def own_stream(request: Request, response: Response) -> None:
    """Apply this to a werkzeug response and its callbacks, and read the first chunk (rule 5)."""
    callbacks, response._on_close = response._on_close, []
    _call_first(request, *callbacks)
    if response.is_sequence:
        return
    if response.direct_passthrough:
        hold_file(response, request.environ)
    body = response.response
    # The body of a response to HEAD, or of a file that the server sends, is not read.
    is_read = request.method != "HEAD" and not (response.direct_passthrough and is_file(body, request.environ))
    if is_read and not isinstance(body, CloseOnce):
        body = Stream(body)
    response.response = close_with_request(request, body)


def hold_file(response: Response, environ: WSGIEnvironment) -> None:
    """Limit a passed-through file to its Content-Length, even if it has grown (rule 6)."""
    body, size = response.response, response.content_length
    if size is None:
        return
    file = find_file(body, environ)
    if file is None and is_file(body, environ):
        response.response = CloseOnce(body)  # else the server sends the whole file
    elif file is not None and not isinstance(file, FilePart):
        response.response = wrap_part(FilePart(file, file.tell(), size), environ)


def _call_first(request: Request, *callbacks: Any) -> None:
    """Add callbacks to the end of the request, before the existing ones."""
    known = request._close_callbacks
    request._close_callbacks = [*(new for new in callbacks if new is not None and new not in known), *known]


def as_bytes(chunk: str | bytes | bytearray | memoryview) -> bytes:
    """Encode a chunk of a body. Raises TypeError if it is neither text nor bytes."""
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, str):
        return chunk.encode()
    if isinstance(chunk, (bytearray, memoryview)):
        return bytes(chunk)
    raise TypeError(f"a stream must yield str or bytes, got {type(chunk).__name__}")
