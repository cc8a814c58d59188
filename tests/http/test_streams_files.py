"""Files that `werkzeug.utils.send_file` wraps are as long as Content-Length, even if they change."""

from __future__ import annotations

import os
from wsgiref.util import FileWrapper as FilelikeWrapper

import pytest
from gunicorn.http.wsgi import FileWrapper as GunicornWrapper
from waitress.buffers import ReadOnlyFileBasedBuffer
from werkzeug.utils import send_file
from werkzeug.wrappers import Response as WerkzeugResponse

from microfn import Response, Router
from microfn.http.file_body import FilePart

from ..wsgi import call, environ_of

CONTENT = bytes(range(256)) * 400
MORE = b"HTTP/1.1 200 OK\r\n" * 9


class HidingWrapper:
    """As bjoern's: it hides the file, and all that is in it would be sent."""

    def __init__(self, file, block_size=8192):
        self._file, self._block_size = file, block_size

    def __iter__(self):
        return self

    def __next__(self):
        if data := self._file.read(self._block_size):
            return data
        raise StopIteration

    def close(self):
        self._file.close()


def returned(file, block_size=8192):
    """As uWSGI's."""
    return file


WRAPPERS = [None, FilelikeWrapper, GunicornWrapper, ReadOnlyFileBasedBuffer, HidingWrapper, returned]
SENT = [
    ({}, CONTENT),
    ({"HTTP_RANGE": "bytes=10-"}, CONTENT[10:]),
    ({"HTTP_RANGE": "bytes=10-99998"}, CONTENT[10:99999]),
]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(CONTENT)
    return path


def passing(handle):
    return handle


def seeing(handle):
    return lambda request, params: handle(request, params)


def sending(path, *, middleware=passing, response_class=Response):
    """An application that sends a file, and the files that it has opened."""
    app, opened = Router(), []
    app.use(middleware)

    @app.get("/")
    def handle(request, params):
        environ = request.environ
        file = path.open("rb")
        opened.append(file)
        size = path.stat().st_size
        response = send_file(file, environ, "a/b", response_class=response_class)
        response.content_length = size
        response.set_etag("x")
        return response.make_conditional(environ, accept_ranges=True, complete_length=size)

    return app, opened


def sent(body):
    """Return the sent data, and the error at its end."""
    data = b""
    try:
        for chunk in body:
            data += chunk
    except Exception as error:
        return data, str(error)
    finally:
        body.close()
    return data, ""


def begin(app, method="GET", **given):
    """The body of an answer that is about to be sent, and its headers."""
    headers = {}
    return app(environ_of(method, **given), lambda status, pairs: headers.update(pairs)), headers


@pytest.mark.parametrize("middleware", [passing, seeing])
@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(("given", "content"), SENT)
def test_file_that_grows_is_sent_as_long_as_promised(path, wrapper, given, content, middleware):
    app, opened = sending(path, middleware=middleware)
    body, headers = begin(app, wsgi__file_wrapper=wrapper, **given)
    path.write_bytes(CONTENT + MORE)
    data, error = sent(body)
    assert data == content
    # The body would be longer, and only an error shows this.
    assert ("longer than its Content-Length" in error) is (wrapper is HidingWrapper and not given)
    assert bool(error) is (wrapper is HidingWrapper and not given)
    assert headers["Content-Length"] == str(len(content))
    assert [file.closed for file in opened] == [True]


@pytest.mark.parametrize("middleware", [passing, seeing])
@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(("given", "content"), SENT)
@pytest.mark.parametrize("left", [0, 1, 50_000])
def test_file_that_becomes_shorter_does_not_look_whole(
    path, wrapper, given, content, left, middleware, monkeypatch, caplog
):
    monkeypatch.setattr("microfn.http.file_body._BLOCK", 8192)
    app, opened = sending(path, middleware=middleware, response_class=WerkzeugResponse)
    body, _ = begin(app, wsgi__file_wrapper=wrapper, **given)
    os.truncate(path, left)
    data, error = sent(body)
    assert content.startswith(data)
    assert len(data) < len(content)
    assert "the file became shorter" in error or "shorter than its Content-Length" in error
    assert [file.closed for file in opened] == [True]


@pytest.mark.parametrize("middleware", [passing, seeing])
def test_file_is_still_sent_in_the_way_of_the_server(path, middleware):
    """waitress does not hold a thread for it."""
    app, _ = sending(path, middleware=middleware)
    for wrapper in FilelikeWrapper, GunicornWrapper, ReadOnlyFileBasedBuffer:
        body, _ = begin(app, wsgi__file_wrapper=wrapper)
        assert type(body) is wrapper
        assert isinstance(getattr(body, "filelike", None) or body.file, FilePart)
        body.close()


@pytest.mark.parametrize("middleware", [passing, seeing])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_file_that_is_not_sent_is_closed(path, middleware, wrapper):
    app, opened = sending(path, middleware=middleware)
    etag = call(app, wsgi__file_wrapper=FilelikeWrapper).headers["etag"]
    for method, code, given in [
        ("HEAD", 200, {}),
        ("HEAD", 200, {"HTTP_RANGE": "bytes=10-"}),
        ("GET", 304, {"HTTP_IF_NONE_MATCH": etag}),
    ]:
        reply = call(app, method, wsgi__file_wrapper=wrapper, **given)
        assert (reply.code, reply.body, reply.error) == (code, b"", None)
    assert [file.closed for file in opened] == [True] * 4


def test_file_without_a_length_is_sent_to_its_end(path):
    app = Router()
    app.get("/")(lambda request, params: send_file(path.open("rb"), request.environ, "a/b"))
    for wrapper in WRAPPERS:
        body, headers = begin(app, wsgi__file_wrapper=wrapper)
        path.write_bytes(CONTENT + MORE)
        assert b"".join(body) == CONTENT + MORE
        assert "Content-Length" not in headers
        body.close()
        path.write_bytes(CONTENT)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_part_that_is_left_of_a_file_is_sent(path, wrapper):
    app = Router()

    @app.get("/")
    def handle(request, params):
        file = path.open("rb")
        file.seek(1000)
        response = send_file(file, request.environ, "a/b")
        response.content_length = 500
        return response

    body, _ = begin(app, wsgi__file_wrapper=wrapper)
    assert sent(body)[0] == CONTENT[1000:1500]


@pytest.mark.parametrize("size", ["-5", "+5", "five", ""])
def test_length_that_is_none_is_refused_and_the_file_closed(path, size):
    app, files = Router(), []

    @app.get("/")
    def handle(request, params):
        files.append(path.open("rb"))
        response = send_file(files[0], request.environ, "a/b")
        response.headers["Content-Length"] = size
        return response

    assert call(app).code == 500
    assert files[0].closed


def test_file_that_is_closed_already_is_a_500(path):
    app = Router()

    @app.get("/")
    def handle(request, params):
        with path.open("rb") as file:
            response = send_file(file, request.environ, "a/b")
            response.content_length = 5
        return response

    for _ in range(2):
        assert call(app, wsgi__file_wrapper=FilelikeWrapper).code == 500
        app.use(seeing)


def test_body_that_a_middleware_puts_there_is_its_own(path):
    app, opened = sending(path)

    @app.use
    def upper(handle):
        def changed(request, params):
            response = handle(request, params)
            chunks = response.response
            response.response = (chunk.replace(b"a", b"A") for chunk in chunks)
            return response

        return changed

    path.write_bytes(b"banana")
    reply = call(app, validate=False)
    assert (reply.body, reply.error) == (b"bAnAnA", None)
    assert [file.closed for file in opened] == [True]
