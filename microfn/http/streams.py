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
6. A body is as long as its Content-Length, or it raises. A file is never longer, even if it grows while it is sent,
   also if `werkzeug.utils.send_file` wraps it.

The body of a mounted application goes to the server as it is, because its owner is that application. Where middleware
sees it, all of this holds for it too.
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
    """Call `close()` if there is one, as a WSGI server does (PEP 3333)."""
    if hasattr(body, "close"):
        body.close()


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
                self._first.append(as_bytes(chunk))
                if chunk:  # PEP 3333: nothing is sent before the first that is not empty
                    break
            self._first.reverse()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        # PERF: a generator, whose next chunk takes half the time of a call of `__next__`.
        while self._first:
            yield self._first.pop()
        for chunk in self._rest:
            yield chunk if type(chunk) is bytes else as_bytes(chunk)

    def raw(self) -> Iterator[str | bytes]:
        """The chunks as they come, for one who looks at each; they are gone from here."""
        first, self._first = self._first[::-1], []
        return chain(first, self._rest)

    def __next__(self) -> bytes:
        return self._first.pop() if self._first else as_bytes(next(self._rest))


class ResponseEnd:
    """The end of a response of werkzeug's that no middleware has seen: its body is closed, and its callbacks called."""

    def __init__(self, response: Response, environ: WSGIEnvironment) -> None:
        self._response = response
        self._environ = environ

    def close(self) -> None:
        """Do so. A callback that fails is logged, as those of a request are."""
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
    """The body that the server gets: after it is closed, the request ends, even if closing it fails.

    If it fails while it is sent, that is logged, and the server sees it too, so that it breaks the connection.
    """

    def __init__(self, request: Request, body: Iterable[bytes]) -> None:
        self._request = request
        self._body = body
        self._failure: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        body = self._body
        try:
            # PERF: without the generator of a Stream, which would take a third of the time.
            for chunk in body.raw() if type(body) is Stream else body:
                yield chunk if type(chunk) is bytes else as_bytes(chunk)
        except Exception as error:
            # An application within this one has logged its own failure.
            if _LOGGED not in error.__dict__:
                error.__dict__[_LOGGED] = True
                self._failure = error
                log_exception(error, self._request.environ)
            raise
        self._request._is_complete = True

    def close(self) -> None:
        """Close the body; the end comes in any case."""
        if self._failure is not None:  # it may be raised again, in another request
            self._failure.__dict__.pop(_LOGGED, None)
        try:
            close_body(self._body)
        finally:
            self._request._close()


_LOGGED = "_microfn_is_logged"
"""The attribute of an exception that says so, from where it is logged to the end of the body."""


def with_close(request: Request, body: Iterable[bytes]) -> Iterable[bytes]:
    """Return the body for the server (sentence 2): if it has no end to call, now or while it is sent, as it is."""
    callbacks = request._close_callbacks
    if type(body) is list:
        if not callbacks:
            return body
    elif is_file(body, request.environ) and (not callbacks or callbacks == [body.close]):  # type: ignore[attr-defined]
        return body
    else:  # this body is not dropped, so it is closed by itself, and before the request ends
        request._close_callbacks = [callback for callback in callbacks if callback != getattr(body, "close", None)]
    request._is_complete = body == []  # there is nothing to send, and not every server looks
    return ClosingBody(request, body)


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
    if response.direct_passthrough:
        hold_file(response, request.environ)
    body = response.response
    # Nothing is read of the answer to HEAD, and of a file that the server sends.
    is_read = request.method != "HEAD" and not (response.direct_passthrough and is_file(body, request.environ))
    if is_read and not isinstance(body, CloseOnce):
        body = Stream(body)
    response.response = close_with_request(request, body)


def hold_file(response: Response, environ: WSGIEnvironment) -> None:
    """Let a file that is passed through end where its Content-Length says, whatever is in it by now (sentence 6)."""
    body, size = response.response, response.content_length
    if size is None:
        return
    file = find_file(body, environ)
    if file is None and is_file(body, environ):
        response.response = CloseOnce(body)  # the server would send all that is in it
    elif file is not None and not isinstance(file, FilePart):
        response.response = wrap_part(FilePart(file, file.tell(), size), environ)


def _call_first(request: Request, *callbacks: Any) -> None:
    """Let the end of the request call these before what it calls already."""
    known = request._close_callbacks
    request._close_callbacks = [*(new for new in callbacks if new is not None and new not in known), *known]


def as_bytes(chunk: str | bytes | bytearray | memoryview) -> bytes:
    """Encode a piece of a body. Raises TypeError for what is none."""
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, str):
        return chunk.encode()
    if isinstance(chunk, (bytearray, memoryview)):
        return bytes(chunk)
    raise TypeError(f"a stream must yield str or bytes, got {type(chunk).__name__}")
