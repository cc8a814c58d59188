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
    r"""One message: `data` is text, or what becomes JSON; `event` is its type, and `id` what a client comes back with.

    `retry` is how many milliseconds a client waits before it connects again.

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
    r"""Answer with events, as long as the client listens.

    `source` is a queue, which None ends and which is filled elsewhere, or an iterator. It holds `Event` objects, text,
    or what becomes JSON. The client is answered before there is an event, so what fails then cuts the connection.

    A queue that is empty for `heartbeat` seconds, and an iterator that yields None, send a comment: so proxies do not
    give up, and a client that has gone is noticed. Then an iterator is closed (the `finally` of a generator runs), and
    what `request.call_on_close` was given is called.

    Each listener takes a thread, or a greenlet, of the server: under gunicorn `--worker-class gthread` or `gevent`.
    A client that comes back says what it saw last: `request.headers.get("Last-Event-ID")`.

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
    # A queue first: gevent's, which it puts in the place of the standard library's, is iterable too.
    items: Any = source
    items = _taken(items, heartbeat) if _is_queue(items) else iter(items)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx would keep events back
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
    """Yield the items as text, behind a comment: with that a client is answered before there is an event."""
    yield _HEARTBEAT
    for item in items:
        yield _HEARTBEAT if item is None else str(item if isinstance(item, Event) else Event(item))
