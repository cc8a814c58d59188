"""Owners of bodies, and the order of closing: the rules of microfn/http/streams.py as a table."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, NamedTuple
from wsgiref.util import FileWrapper

import pytest
from werkzeug.wrappers import Response as WerkzeugResponse

from microfn import Response, Router
from microfn.http.streams import CloseOnce, ClosingBody, Stream, as_bytes, close_body
from microfn.middleware import request_id

from ..wsgi import call, environ_of


class Source:
    """An iterator that records all calls."""

    def __init__(self, log: list[str], *chunks: bytes, fails_at: int | None = None) -> None:
        self.log, self.chunks, self.fails_at, self.read = log, iter(chunks), fails_at, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.read == self.fails_at:
            raise RuntimeError("SECRET")
        chunk = next(self.chunks)
        self.read += 1
        return chunk

    def close(self):
        self.log.append("body")


class ServerFile(FileWrapper):
    """The server's own way to send a file."""

    def __init__(self, log: list[str]) -> None:
        super().__init__(io.BytesIO(b"file"))
        self.close = lambda: log.append("body")


def respond_with(make: Callable[[Any], Any]) -> Callable[[Any, Any, list[str]], Any]:
    return lambda request, source, log: make(source)


def respond_with_callbacks(cls: type[WerkzeugResponse]) -> Callable[[Any, Any, list[str]], Any]:
    def make(request, source, log):
        response = cls(source)
        response.call_on_close(lambda: log.append("response 1"))
        response.call_on_close(lambda: log.append("response 2"))
        return response

    return make


def application_of(source):
    return lambda environ, start_response: start_response("200 OK", [("Content-Type", "text/plain")]) and source


RETURNED = {
    "iterator": respond_with(lambda source: source),
    "tuple": respond_with(lambda source: (source, 200, {"X-A": "1"})),
    "Response": respond_with(Response),
    "tuple with Response": respond_with(lambda source: (Response(source), 200, {"X-A": "1"})),
    "Response with callbacks": respond_with_callbacks(Response),
    "werkzeug's, with callbacks": respond_with_callbacks(WerkzeugResponse),
    "WSGI application": respond_with(application_of),
}
"""The result of a handle, created from the source."""


def passing(handle):
    return handle


def seeing(handle):
    return lambda request, params: handle(request, params)


def dropping(handle):
    return lambda request, params: handle(request, params) and "other"


def raising(handle):
    def failing(request, params):
        handle(request, params)
        raise RuntimeError("SECRET")

    return failing


def replacing(handle):
    def changed(request, params):
        response = handle(request, params)
        response.response = Source(request.environ["test.log"], b"new")
        return response

    return changed


def wrapping(handle):
    def changed(request, params):
        response = handle(request, params)
        body = response.response
        response.response = CloseOnce((chunk.upper() for chunk in body), body)
        return response

    return changed


class Row(NamedTuple):
    """One line of the table."""

    code: int
    body: bytes
    read: int
    """How many chunks of the source are read. For HEAD, a Response knows its headers, and is not read."""
    method: str = "GET"
    fails_at: int | None = None
    chunks: int | None = None
    """After how many chunks the client leaves."""
    middleware: tuple[Callable[[Any], Any], ...] = ()
    closed: int = 1
    """How many bodies are closed."""
    status: int | None = None


TABLE = {
    "hit": Row(200, b"abc", 3),
    "hit, seen by middleware": Row(200, b"abc", 3, middleware=(seeing, seeing)),
    "HEAD": Row(200, b"", 1, "HEAD"),
    "HEAD, seen by middleware": Row(200, b"", 1, "HEAD", middleware=(seeing, seeing)),
    "304": Row(304, b"", 1, status=304),
    "304, seen by middleware": Row(304, b"", 1, status=304, middleware=(seeing,)),
    "dropped by middleware": Row(200, b"other", 1, middleware=(dropping, seeing)),
    "dropped by middleware, then seen": Row(200, b"other", 1, middleware=(seeing, dropping)),
    "a middleware fails behind it": Row(500, b"", 1, middleware=(seeing, raising)),
    "failed before the first chunk": Row(500, b"", 0, fails_at=0),
    "failed before the first chunk, seen": Row(500, b"", 0, fails_at=0, middleware=(seeing,)),
    "failed after the first chunk": Row(200, b"a", 1, fails_at=1),
    "failed after the first chunk, seen": Row(200, b"a", 1, fails_at=1, middleware=(seeing,)),
    "client gone": Row(200, b"a", 1, chunks=1),
    "client gone, seen": Row(200, b"a", 1, chunks=1, middleware=(seeing,)),
    "client gone at once": Row(200, b"", 1, chunks=0),
    "replaced body": Row(200, b"new", 1, middleware=(replacing, seeing), closed=2),
    "replaced body, then seen": Row(200, b"new", 1, middleware=(seeing, replacing), closed=2),
    "wrapped body": Row(200, b"ABC", 3, middleware=(seeing, wrapping)),
}


@pytest.mark.parametrize("returned", RETURNED)
@pytest.mark.parametrize("row", TABLE)
def test_a_body_is_closed_once_and_then_the_request_ends(row, returned, caplog):
    expected, log = TABLE[row], []
    source = Source(log, b"a", b"b", b"c", fails_at=expected.fails_at)
    app = Router()
    for middleware in expected.middleware:
        app.use(middleware)

    @app.route("/", methods=["GET"])
    def handle(request, params):
        request.call_on_close(lambda: log.append("request 1"))
        request.call_on_close(lambda: log.append("request 2"))
        result = RETURNED[returned](request, source, log)
        return with_status(result, expected.status) if expected.status else result

    reply = call(app, expected.method, chunks=expected.chunks, validate=expected.chunks is None, test__log=log)
    assert (reply.code, reply.body if expected.code < 500 else b"") == (expected.code, expected.body)
    assert isinstance(reply.error, RuntimeError) if expected.fails_at == 1 else reply.error is None
    is_unread = expected.method == "HEAD" and returned not in ("iterator", "tuple", "WSGI application")
    assert source.read == (0 if is_unread else expected.read)
    has_callbacks = "callbacks" in returned
    assert log.count("body") == expected.closed
    assert sorted(set(log)) == ["body", "request 1", "request 2", *(["response 1", "response 2"] * has_callbacks)]
    assert [entry for entry in log if entry.startswith("request")] == ["request 1", "request 2"]
    assert [entry for entry in log if entry.startswith("response")] == ["response 1", "response 2"] * has_callbacks
    assert log[0] == "body"
    assert log[-2:] == ["request 1", "request 2"]


def with_status(result, status):
    """The same result with another status, however that is said."""
    return (result[0] if isinstance(result, tuple) else result, status)


@pytest.mark.parametrize("is_awaited", [False, True])
@pytest.mark.parametrize("middleware", [passing, seeing])
def test_a_file_of_the_server_goes_out_as_it_is(middleware, is_awaited):
    """If something waits for the end of the request, it is wrapped, and closed before that."""
    log: list[str] = []
    app = Router()
    app.use(middleware)

    @app.get("/")
    def handle(request, params):
        if is_awaited:
            request.call_on_close(lambda: log.append("request"))
        return application_of(ServerFile(log))

    body: Any = app(environ_of(wsgi__file_wrapper=ServerFile), lambda status, headers: None)
    assert isinstance(body, ClosingBody if is_awaited else ServerFile)
    assert b"".join(body) == b"file"
    body.close()
    assert log == ["body", "request"][: 1 + is_awaited]


def test_a_mounted_application_owns_its_body():
    log: list[str] = []
    inner, app = Router(), Router()

    @inner.get("/")
    def handle(request, params):
        request.call_on_close(lambda: log.append("request"))
        return Source(log, b"a")

    app.use(seeing)
    app.mount("/inner", inner)
    assert call(app, path="/inner/").body == b"a"
    assert log == ["body", "request"]


def test_a_callback_that_fails_holds_up_no_other(caplog):
    log: list[str] = []
    app = Router()

    @app.get("/")
    def handle(request, params):
        request.call_on_close(lambda: 1 / 0)
        request.call_on_close(lambda: log.append("request"))
        return Source(log, b"a")

    assert call(app).body == b"a"
    assert log == ["body", "request"]
    assert caplog.messages == ["GET / [/] raised ZeroDivisionError"]


def test_a_body_whose_close_fails_ends_the_request():
    log: list[str] = []
    app = Router()

    class Failing(Source):
        def close(self):
            super().close()
            raise OSError("SECRET")

    @app.get("/")
    def handle(request, params):
        request.call_on_close(lambda: log.append("request"))
        return Failing(log, b"a")

    body: Any = app(environ_of(), lambda status, headers: None)
    assert b"".join(body) == b"a"
    with pytest.raises(OSError, match="SECRET"):
        body.close()
    body.close()
    assert log == ["body", "request"]


def test_request_ends_if_the_server_cannot_start_the_response():
    log: list[str] = []
    app = Router()

    @app.get("/")
    def handle(request, params):
        request.call_on_close(lambda: log.append("request"))
        return Source(log, b"a", b"b")

    def start_response(status, headers):
        raise SystemExit

    with pytest.raises(SystemExit):
        app(environ_of(), start_response)
    assert log == ["body", "request"]


class Unready:
    """An iterable that gives no iterator."""

    def __init__(self, log):
        self.log = log

    def __iter__(self):
        raise RuntimeError("SECRET")

    def close(self):
        self.log.append("body")


def test_what_gives_no_iterator_is_closed():
    log: list[str] = []
    with pytest.raises(RuntimeError):
        Stream(Unready(log))
    assert log == ["body"]


@pytest.mark.parametrize("cls", [Stream, CloseOnce])
def test_closing_twice_closes_the_owner_once(cls):
    log: list[str] = []
    owner = Source(log)
    body = cls(iter([b"a"]), owner)
    assert list(body) == [b"a"]
    body.close()
    body.close()
    assert log == ["body"]


def test_close_body_leaves_alone_what_cannot_be_closed():
    close_body([b"a"])


def streaming(*chunks: Any, error: Exception | None = None) -> Router:
    """An application whose `/notes/:id` sends these chunks, and then fails."""
    app = Router()

    @app.get("/notes/:id")
    def notes(request, params):
        def generate():
            yield from chunks
            if error is not None:
                raise error

        return generate()

    return app


BROKEN = ["alone", "one middleware", "several", "mounted", "mounted in middleware", "handed over", "bare"]


def around(app: Router, how: str) -> tuple[Router, str]:
    """Put an application into others, and return the prefix of its paths."""
    outer = Router()
    if how == "alone":
        return app, ""
    if how in ("one middleware", "several"):
        app.use(request_id(), *([seeing, wrapping] if how == "several" else []))
        return app, ""
    if how == "handed over":
        outer.use(request_id(), seeing)
        outer.get("/*path")(lambda request, params: app)
        return outer, ""
    if how != "mounted":
        app.use(seeing)
        outer.use(request_id(), seeing)
    outer.mount("/v1", app, bare=how == "bare")
    return outer, "/v1"


@pytest.mark.parametrize("how", BROKEN)
def test_stream_that_fails_late_is_logged_once_and_breaks(how, caplog):
    """The line has the method, the path, the route and the id; an error that is raised again is logged again."""
    error = RuntimeError("late")
    app, prefix = around(streaming("a", error=error), how)
    for number in range(3):
        caplog.clear()
        reply = call(app, path=f"{prefix}/notes/{number}", HTTP_X_REQUEST_ID="abc", validate=False)
        assert (reply.code, reply.body.lower(), reply.error) == (200, b"a", error)
        has_id = how not in ("alone", "mounted", "bare")
        name = " (request abc)" * has_id
        (message,) = caplog.messages
        assert message.startswith("GET ")
        assert message.endswith(f"/notes/{number} [{prefix}/notes/:id] raised RuntimeError{name}")
        assert caplog.records[0].exc_info[1] is error
    assert "_microfn_is_logged" not in error.__dict__


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_client_that_leaves_is_not_logged_as_an_error(how, chunks, caplog):
    app, prefix = around(streaming("a", "b", "c"), how)
    reply = call(app, path=f"{prefix}/notes/1", chunks=chunks, validate=False)
    assert (len(reply.body), reply.error, caplog.messages) == (chunks, None, [])


def test_chunk_of_another_type_later_is_logged_and_breaks(caplog):
    reply = call(streaming("a", 5), path="/notes/1")
    assert (reply.body, type(reply.error)) == (b"a", TypeError)
    assert caplog.messages == ["GET /notes/1 [/notes/:id] raised TypeError"]


def test_exit_in_a_stream_is_no_error_of_its_own(caplog):
    app = Router()

    @app.get("/")
    def leave(request, params):
        yield "a"
        raise SystemExit

    app.get("/x")(lambda request, params: leave(request, params))
    body: Any = app(environ_of(path="/x"), lambda status, headers: None)
    iterator = iter(body)
    assert next(iterator) == b"a"
    with pytest.raises(SystemExit):
        next(iterator)
    body.close()
    assert caplog.messages == []


def test_body_passed_through_is_read_unless_the_server_sends_it():
    """A failure before the first chunk is a 500; a server's file is not touched."""
    app = Router()
    app.get("/")(lambda request, params: Response((1 / 0 for _ in "a"), direct_passthrough=True))
    assert call(app).code == 500
    app.get("/text")(lambda request, params: Response(iter(["é"]), direct_passthrough=True))
    for _ in range(2):
        assert call(app, path="/text").body == "é".encode()
        app.use(seeing)


@pytest.mark.parametrize("chunk", ["é", "é".encode(), bytearray("é".encode()), memoryview("é".encode())])
def test_a_chunk_is_text_or_bytes_of_any_kind(chunk):
    assert type(as_bytes(chunk)) is bytes
    assert as_bytes(chunk) == "é".encode()
    for wrong in 5, None, [b"a"], {}:
        with pytest.raises(TypeError, match="must yield str or bytes, got"):
            as_bytes(wrong)


def test_a_middleware_may_take_chunks_of_a_stream_one_by_one():
    app = Router()

    def shift(handle):
        def shifted(request, params):
            response = handle(request, params)
            request.context.first = next(response.response)
            return response.response

        return shifted

    app.use(shift)
    app.get("/")(lambda request, params: iter(["a", "", memoryview(b"b"), "é"]))
    assert call(app).body == "bé".encode()
