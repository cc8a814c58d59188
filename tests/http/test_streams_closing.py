"""Bodies of responses are closed once, also those that cannot be sent."""

from __future__ import annotations

import io

import pytest
from werkzeug.wrappers import Response as WerkzeugResponse
from werkzeug.wsgi import FileWrapper

from microfn import Response, Router

from ..handles import answer
from ..wsgi import call, environ_of


class Source:
    """An iterator that counts how often it is closed."""

    def __init__(self, *chunks, fails_at=None):
        self.chunks, self.fails_at, self.sent, self.closed = iter(chunks), fails_at, 0, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.sent == self.fails_at:
            raise RuntimeError("SECRET")
        self.sent += 1
        return next(self.chunks)

    def close(self):
        self.closed += 1


WAYS = [
    lambda source: source,
    lambda source: (source, 200),
    lambda source: Response(source),
    lambda source: (Response(source), 200, {"X-A": "1"}),
    lambda source: (
        lambda environ, start_response: start_response("200 OK", [("Content-Type", "text/plain")]) and source
    ),
]


@pytest.mark.parametrize("way", WAYS)
def test_stream_that_fails_before_its_first_chunk_is_500(way, caplog):
    source = Source(b"a", fails_at=0)
    reply = answer(way(source))
    assert (reply.code, reply.error) == (500, None)
    assert "SECRET" not in reply.text
    assert source.closed == 1
    assert caplog.messages == ["GET / [/] raised RuntimeError"]


@pytest.mark.parametrize(
    "result",
    [
        lambda source: (source, "bad\nstatus"),
        lambda source: (source, 200, {"bad name": "1"}),
        lambda source: (source, 200, "no headers"),
        lambda source: (source,),
        lambda source: Response(source, headers={"X-A": "€"}),
        lambda source: Response(source, headers={"Location": "http://["}),
        lambda source: (source, 204),
        lambda source: (Response(source), 304),
    ],
)
def test_it_is_closed_once_if_it_cannot_be_sent(result, caplog):
    source = Source(b"a")
    answer(result(source))
    assert source.closed == 1


def test_a_server_that_closes_twice_closes_the_source_once():
    source = Source(b"a")
    app = Router()
    app.get("/")(lambda request, params: source)
    body = app(environ_of(), lambda status, headers: None)
    body.close()
    body.close()
    assert source.closed == 1


def test_a_file_goes_to_the_server_as_its_own_wrapper():
    class Wrapper(FileWrapper):
        pass

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](io.BytesIO(b"file"))

    app = Router()
    app.get("/")(lambda request, params: application)
    seen = app(environ_of(wsgi__file_wrapper=Wrapper), lambda status, headers: None)
    assert isinstance(seen, Wrapper)
    seen.close()
    assert call(app, wsgi__file_wrapper=Wrapper, validate=False).body == b"file"
    assert call(app, wsgi__file_wrapper=lambda file: FileWrapper(file), validate=False).body == b"file"


def test_a_stream_that_fails_behind_nothing_is_a_clean_500(caplog):
    def stream():
        yield ""
        raise RuntimeError("SECRET")

    assert answer(stream()).code == 500


@pytest.mark.parametrize("layers", [0, 1, 2])
@pytest.mark.parametrize("cls", [Response, WerkzeugResponse])
@pytest.mark.parametrize(
    ("make", "options"),
    [(lambda: "x", {}), (lambda: iter(["x"]), {}), (lambda: io.BytesIO(b"x"), {"direct_passthrough": True})],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_callbacks_of_a_response_are_called_and_failures_logged(method, make, options, cls, layers, caplog):
    app, log = Router(), []
    for _ in range(layers):
        app.use(lambda handle: lambda request, params: handle(request, params))

    @app.get("/")
    def show(request, params):
        response = cls(make(), **options)
        response.call_on_close(lambda: log.append(1))
        response.call_on_close(lambda: 1 // 0)
        response.call_on_close(lambda: log.append(3))
        return response

    reply = call(app, method, validate=False)
    assert (reply.error, reply.body, log) == (None, b"x" if method == "GET" else b"", [1, 3])
    assert [type(record.exc_info[1]) for record in caplog.records] == [ZeroDivisionError]
