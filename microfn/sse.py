"""Server-sent events (HTML Living Standard, section 9.2): a stream of messages to a browser's EventSource."""

from __future__ import annotations

import inspect
import queue
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from .http.json import text_encoder
from .http.response import Response
from .http.streams import CloseOnce

__all__ = ["Event", "event_stream"]

_LINE_BREAK = re.compile("\r\n|\r|\n")
_HEARTBEAT = ":\n\n"
_SILENCE = object()
_encode_json = text_encoder()


class Event(NamedTuple):
    r"""One message: `data` is text, or a value to encode as JSON, `event` is its type, and `id` identifies it.

    `retry` is the time in milliseconds before a client reconnects. A client that reconnects sends the last `id`.

    >>> str(Event({"n": 1}, event="count", id="7"))
    'event: count\nid: 7\ndata: {"n":1}\n\n'
    """

    data: Any
    event: str | None = None
    id: str | None = None
    retry: int | None = None

    def __str__(self) -> str:
        lines = []
        for name, value in ("event", self.event), ("id", self.id):
            if value is not None:
                if not isinstance(value, str):
                    raise TypeError(f"{name} must be a str, got {value!r}")
                if _LINE_BREAK.search(value) or "\0" in value:
                    raise ValueError(f"{name} must be one line, got {value!r}")
                lines.append(f"{name}: {value}")
        if self.retry is not None:
            if not isinstance(self.retry, int) or isinstance(self.retry, bool) or self.retry < 0:
                raise ValueError(f"retry must be a number of milliseconds, got {self.retry!r}")
            lines.append(f"retry: {self.retry}")
        text = self.data if isinstance(self.data, str) else _encode_json(self.data)
        lines += [f"data: {line}" for line in _LINE_BREAK.split(text)]
        return "\n".join(lines) + "\n\n"


def event_stream(source: Iterable[Any] | queue.Queue[Any], *, heartbeat: float = 15.0) -> Response:
    r"""Respond with a stream of events, until the client disconnects.

    `source` is a queue that another thread fills and that None ends, or an iterator. Its items are `Event` objects,
    text, or values to encode as JSON. The client gets the headers before the first event, so a later error breaks the
    connection.

    `heartbeat` is in seconds. A queue that is empty for this time, or an iterator that yields None, sends a comment. So
    proxies keep the connection, and a disconnect is detected. Then the iterator is closed (the `finally` of a generator
    runs), and the callbacks of `request.call_on_close` run.

    Each listener occupies a thread, or a greenlet, of the server: with gunicorn, `--worker-class gthread` or `gevent`.
    A client that reconnects sends the last id it has seen: `request.headers.get("Last-Event-ID")`.

    Raises TypeError if `source` is neither, and TypeError or ValueError if `heartbeat` is invalid.

    >>> from microfn import Router
    >>> app = Router()
    >>> @app.get("/counts")
    ... def counts(request, params):
    ...     return event_stream(Event(number, id=str(number)) for number in range(2))
    >>> app.test_client().get("/counts").text
    ':\n\nid: 0\ndata: 0\n\nid: 1\ndata: 1\n\n'
    """
    if isinstance(heartbeat, bool) or not isinstance(heartbeat, (int, float)):
        raise TypeError(f"heartbeat must be a number of seconds, got {heartbeat!r}")
    if not heartbeat > 0:
        raise ValueError(f"heartbeat must be a number of seconds above 0, got {heartbeat!r}")
    if isinstance(source, (str, bytes, dict, type)) or not (_is_queue(source) or isinstance(source, Iterable)):
        raise TypeError(f"source must be a queue or an iterator, got {source!r:.100}")
    # Queues first, since gevent's queue, which can replace the standard library's, is iterable too.
    items: Any = source
    items = _taken(items, heartbeat) if _is_queue(items) else iter(items)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # else nginx buffers events
    return Response(CloseOnce(_texts(items), items), headers=headers, content_type="text/event-stream")


def _is_queue(source: object) -> bool:
    return hasattr(source, "get") and hasattr(source, "put") and not inspect.iscoroutinefunction(source.get)


def _taken(source: queue.Queue[Any], heartbeat: float) -> Iterator[Any]:
    while (item := _next_of(source, heartbeat)) is not None:
        yield None if item is _SILENCE else item


def _next_of(source: queue.Queue[Any], heartbeat: float) -> Any:
    try:
        return source.get(timeout=heartbeat)
    except queue.Empty:
        return _SILENCE


def _texts(items: Iterator[Any]) -> Iterator[str]:
    """Yield the items as text after a first comment, which makes the server send the headers."""
    yield _HEARTBEAT
    for item in items:
        yield _HEARTBEAT if item is None else str(item if isinstance(item, Event) else Event(item))
