"""Run a WSGI application and return its response."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import name_of
from .file_body import is_file
from .headers import Headers, WSGIResponse
from .streams import Stream, close_body

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["run_application"]


def run_application(application: WSGIApplication, environ: WSGIEnvironment) -> WSGIResponse:
    """Run a WSGI application up to its first chunk, by which it has set its status and headers (PEP 3333)."""
    started: list[tuple[str, Headers]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], object]:
        if exc_info is None and started:
            raise AssertionError("start_response was called twice, the second time without exc_info (PEP 3333)")
        if exc_info is not None and is_sent:
            raise exc_info[1]
        started[:] = [(status, list(headers))]
        return written.append

    is_sent = False
    body = application(environ, start_response)
    if not started or written or not is_file(body, environ):
        body = Stream(_with_written(written, body), body)
    if not started:
        close_body(body)
        raise AssertionError(f"{name_of(application)} did not call start_response (PEP 3333)")
    is_sent = True
    return (*started[0], body)


def _with_written(written: list[bytes], body: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the data that an application sent through `write()`, before the chunks that followed."""
    for chunk in body:
        while written:
            yield written.pop(0)
        yield chunk
    while written:
        yield written.pop(0)
