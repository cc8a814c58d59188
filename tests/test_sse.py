"""Server-sent events: the stream for an EventSource, and the end after a disconnect."""

from __future__ import annotations

import asyncio
import queue
import threading
from datetime import date

import pytest

from microfn import Event, Response, Router, event_stream

from .handles import marking
from .wsgi import call, environ_of

WRITTEN = [
    (Event("hello"), "data: hello\n\n"),
    (Event(""), "data: \n\n"),
    (Event("a\nb\r\nc\rd"), "data: a\ndata: b\ndata: c\ndata: d\n\n"),
    (Event("event: evil\n\ndata: x"), "data: event: evil\ndata: \ndata: data: x\n\n"),
    (Event("ü\u2028"), "data: ü\u2028\n\n"),
    (Event({"a": [1, "\n"]}), 'data: {"a":[1,"\\n"]}\n\n'),
    (Event(None), "data: null\n\n"),
    (Event(date(2026, 1, 2)), 'data: "2026-01-02"\n\n'),
    (Event("x", event="tick", id="7", retry=5), "event: tick\nid: 7\nretry: 5\ndata: x\n\n"),
    (Event("x", id=""), "id: \ndata: x\n\n"),
]


@pytest.mark.parametrize(("event", "text"), WRITTEN)
def test_an_event_is_written_as_the_standard_says(event, text):
    assert str(event) == text


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"event": "a\nb"}, ValueError),
        ({"id": "a\rb"}, ValueError),
        ({"id": "a\0"}, ValueError),
        ({"event": 7}, TypeError),
        ({"id": b"7"}, TypeError),
        ({"retry": -1}, ValueError),
        ({"retry": 1.5}, ValueError),
        ({"retry": True}, ValueError),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(options, error):
    with pytest.raises(error, match=f"{next(iter(options))} must be"):
        str(Event("x", **options))


def serve(source, **options):
    app = Router()
    app.get("/")(lambda request, params: event_stream(source, **options))
    return app


def test_the_answer_is_not_kept_back_or_kept():
    got = call(serve(iter(["a", {"b": 1}, Event("c", id="1"), None, 5])))
    assert got.headers["content-type"] == "text/event-stream"
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["x-accel-buffering"] == "no"
    assert "content-length" not in got.headers
    assert got.text == ':\n\ndata: a\n\ndata: {"b":1}\n\nid: 1\ndata: c\n\n:\n\ndata: 5\n\n'


def test_the_client_is_answered_before_there_is_an_event():
    started = []
    body = serve(iter(lambda: pytest.fail("it is asked"), 0))(environ_of(), lambda *answer: started.append(answer))
    assert started
    assert next(iter(body)) == b":\n\n"
    body.close()


def test_a_queue_is_read_until_none():
    source = queue.Queue()
    for item in "a", Event("b"), None, "never":
        source.put(item)
    assert call(serve(source)).text == ":\n\ndata: a\n\ndata: b\n\n"


def test_a_queue_that_can_be_iterated_is_a_queue():
    """As gevent's is, which it puts in the place of the standard library's."""

    class Iterable(queue.Queue):
        def __iter__(self):
            raise AssertionError("it was taken for an iterator")

    source = Iterable()
    for item in "a", None, "b":
        source.put(item)
    assert "".join(event_stream(source, heartbeat=0.1).response) == ":\n\ndata: a\n\n"


def test_a_queue_that_is_silent_sends_heartbeats():
    source = queue.Queue()
    timer = threading.Timer(0.5, lambda: (source.put("late"), source.put(None)))
    timer.start()
    text = call(serve(source, heartbeat=0.05)).text
    timer.join()
    assert text.startswith(":\n\n" * 2)  # ten, if the machine has time
    assert text.endswith(":\n\ndata: late\n\n")


def test_generator_and_request_end_when_the_client_has_gone():
    ended = []

    def events():
        try:
            while True:
                yield "tick"
        finally:
            ended.append("generator")

    app = Router()
    app.use(marking("m"))

    @app.get("/")
    def index(request, params):
        request.call_on_close(lambda: ended.append("request"))
        return event_stream(events())

    assert call(app, chunks=3).text == ":\n\ndata: tick\n\ndata: tick\n\n"
    assert ended == ["generator", "request"]


def test_head_sends_no_events():
    got = call(serve(iter(["a"])), "HEAD")
    assert (got.code, got.body) == (200, b"")


def test_it_is_a_response_that_can_be_changed():
    response = event_stream([])
    assert isinstance(response, Response)
    response.close()


@pytest.mark.parametrize("wrong", ["text", b"bytes", {"a": 1}, None, 7])
def test_what_is_no_source_is_refused(wrong):
    with pytest.raises(TypeError, match="source must be a queue or an iterator"):
        event_stream(wrong)


@pytest.mark.parametrize(
    ("heartbeat", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (float("nan"), ValueError),
        ("5", TypeError),
        (None, TypeError),
        (True, TypeError),
    ],
)
def test_a_heartbeat_is_a_time(heartbeat, error):
    with pytest.raises(error, match="heartbeat"):
        event_stream([], heartbeat=heartbeat)


def test_what_is_no_queue_is_not_taken_for_one():
    class Query(list):
        def get(self, ident):
            raise AssertionError("it was taken for a queue")

    assert "".join(event_stream(Query(["a"])).response) == ":\n\ndata: a\n\n"
    with pytest.raises(TypeError, match="source must be a queue or an iterator"):
        event_stream(asyncio.Queue())
