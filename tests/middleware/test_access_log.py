"""The access log: one line of JSON a request, written when its body has ended."""

from __future__ import annotations

import json
import logging

import pytest
from werkzeug.wsgi import FileWrapper

from microfn import Response, Router
from microfn.middleware import access_log, request_id

from ..handles import Body, raising, say
from ..wsgi import call, environ_of


def logged():
    app, lines = Router(), []
    app.use(request_id())
    app.use(access_log(lines.append))
    app.get("/users/:id")(lambda request, params: "hello")
    app.get("/stream")(lambda request, params: iter(["ab", "c"]))
    app.get("/response")(lambda request, params: Response(["ab", "ü"]))
    app.get("/none")(say(("", 204)))
    app.get("/broken")(raising(KeyError()))
    return app, lines


LINES = [
    ("GET", "/users/7", "/users/:id", 200, 5),
    ("HEAD", "/users/7", "/users/:id", 200, 0),
    ("GET", "/stream", "/stream", 200, 3),
    ("GET", "/response", "/response", 200, 4),
    ("GET", "/none", "/none", 204, 0),
    ("GET", "/nothing", None, 404, None),
    ("POST", "/users/7", None, 405, None),
    ("GET", "/users/7/", None, 301, None),
    ("OPTIONS", "/stream", None, 204, 0),
    ("GET", "/broken", "/broken", 500, None),
]


@pytest.mark.parametrize(("method", "path", "pattern", "status", "size"), LINES)
def test_a_request_is_a_line_of_json(method, path, pattern, status, size, caplog):
    app, lines = logged()
    got = call(app, method, path, HTTP_X_REQUEST_ID="abc")
    (line,) = map(json.loads, lines)
    assert list(line) == ["method", "pattern", "path", "status", "bytes", "ms", "id"]
    assert 0 <= line.pop("ms") < 1000
    assert line.pop("bytes") == (len(got.body) if size is None else size)
    assert line == {"method": method, "pattern": pattern, "path": path, "status": status, "id": "abc"}
    assert size is None or len(got.body) == size


def test_what_a_client_sent_is_escaped():
    app, lines = logged()
    call(app, "GET", '/\n"\x1b[31m\xe2\x80\xa8\\', validate=False)
    assert lines[0].isascii()
    assert lines[0].isprintable()
    assert json.loads(lines[0])["path"] == '/\n"\x1b[31m\u2028\\'


def test_the_line_comes_when_the_body_has_ended():
    app, lines = logged()
    body = app(environ_of(path="/stream"), lambda *answer: None)
    iterator = iter(body)
    next(iterator)
    assert lines == []
    body.close()
    assert json.loads(lines[0])["bytes"] == 2


def test_a_body_that_fails_is_a_line_too_and_is_closed():
    app, lines = logged()
    body = Body("a", KeyError())
    app.get("/fails")(lambda request, params: body)
    assert isinstance(call(app, path="/fails").error, KeyError)
    assert json.loads(lines[0])["bytes"] == 1
    assert json.loads(lines[0])["complete"] is False
    assert list(json.loads(lines[0]))[-1] == "complete"
    assert body.closed == 1


def test_a_file_keeps_its_wrapper_and_its_size_is_told(tmp_path):
    (tmp_path / "a.txt").write_text("hello", "utf-8")
    app, lines = logged()
    app.serve_files("/files/*path", str(tmp_path))
    assert call(app, path="/files/a.txt").body == b"hello"
    assert json.loads(lines[0])["bytes"] == 5


def test_without_a_place_to_write_it_is_a_logger(caplog):
    app = Router()
    app.use(access_log())
    with caplog.at_level(logging.INFO, "microfn.access"):
        call(app, path="/nothing")
    assert json.loads(caplog.records[0].message)["status"] == 404


def test_where_logging_is_not_set_up_it_is_stderr(capsys, monkeypatch):
    logger = logging.getLogger("microfn.access")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", False)
    app = Router()
    app.use(access_log())
    call(app, path="/nothing")
    assert json.loads(capsys.readouterr().err)["status"] == 404


@pytest.mark.parametrize("name", ["microfn.access", "microfn", None])
def test_logging_that_is_set_up_later_doubles_no_line(name, capsys, monkeypatch):
    for known in "microfn.access", "microfn", None:  # pytest's own are the root's
        monkeypatch.setattr(logging.getLogger(known), "handlers", [])
    app = Router()
    app.use(access_log())
    later = logging.StreamHandler()
    logging.getLogger(name).addHandler(later)
    call(app, path="/nothing")
    assert capsys.readouterr().err.count("\n") == 1
    logging.getLogger(name).removeHandler(later)
    call(app, path="/nothing")
    assert json.loads(capsys.readouterr().err)["status"] == 404


def test_a_log_that_cannot_be_written_breaks_no_answer(caplog):
    def fail(line):
        raise OSError("disk full")

    app = Router()
    app.use(access_log(fail))
    app.get("/")(lambda request, params: "fine")
    assert call(app).text == "fine"
    assert "disk full" in str(caplog.records[-1].exc_info[1])


@pytest.mark.parametrize("path", ["/users/7", "/stream", "/response", "/nothing", "/none", "/broken", "/file"])
@pytest.mark.parametrize("wrap", [None, lambda body: iter(list(body))])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_is_complete_if_the_server_took_it_all(method, wrap, path):
    """A client that left is no error, and its answer is not complete."""
    app, lines = logged()
    app.get("/file")(lambda request, params: Response(iter([b"ab"]), direct_passthrough=True))
    if wrap:
        app.use(lambda handle: lambda request, params: replace(handle(request, params), wrap))
    size = len(call(app, method, path).body)
    call(app, method, path, chunks=0, validate=False)
    call(app, method, path, chunks=100)
    told = [json.loads(line).get("complete") for line in lines]
    assert told == [None, None if not size else False, None]


def replace(response, wrap):
    response.response = wrap(response.response)
    return response


def test_a_client_that_leaves_midway_has_no_complete_answer(caplog):
    app, lines = logged()
    for chunks in 1, 2, 3:
        call(app, path="/stream", chunks=chunks, validate=False)
    assert [(json.loads(line)["bytes"], json.loads(line).get("complete")) for line in lines] == [
        (2, False),
        (3, False),
        (3, None),
    ]
    assert caplog.messages == []


def test_two_answers_at_once_are_told_apart():
    app, lines = logged()
    first, second = (app(environ_of(path="/stream"), lambda *answer: None) for _ in "ab")
    iterator = iter(first)
    next(iterator)
    assert b"".join(second) == b"abc"
    second.close()
    first.close()
    assert [json.loads(line).get("complete") for line in lines] == [None, False]


def test_a_server_that_cannot_start_sends_nothing():
    app, lines = logged()

    def refuse(*answer):
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - it is this one
        app(environ_of(path="/users/7"), refuse)
    assert json.loads(lines[0])["complete"] is False


def test_a_pattern_has_the_prefixes_of_its_mounts():
    """The server's own SCRIPT_NAME is no part of it."""
    app, lines, inner = Router(), [], Router()
    app.use(access_log(lines.append))
    inner.use(access_log(lines.append))
    inner.get("/items/:id")(say("x"))
    nested = Router()
    nested.mount("/deep", inner)
    for prefix in "/v1", "/v2":
        app.mount(prefix, inner)
    app.mount("/v3", nested)
    app.mount("/wsgi", Response("x"))
    app.get("/items/:id")(say("x"))
    paths = {
        "/items/7": "/items/:id",
        "/v1/items/7": "/v1/items/:id",
        "/v2/items/7": "/v2/items/:id",
        "/v3/deep/items/7": "/v3/deep/items/:id",
        "/v1/nothing": "/v1/*",
        "/wsgi/a": "/wsgi/*",
        "/nothing": None,
    }
    for path, pattern in paths.items():
        lines.clear()
        call(app, path=path, SCRIPT_NAME="/server")
        assert {json.loads(line)["pattern"] for line in lines} == {pattern}
        assert len(lines) == (2 if path.startswith("/v") else 1)


@pytest.mark.parametrize("wrapper", [None, FileWrapper])
def test_file_that_breaks_off_is_told_by_what_was_sent(tmp_path, wrapper):
    (tmp_path / "large").write_bytes(b"x" * 600_000)
    app, lines = Router(), []
    app.use(access_log(lines.append))
    app.serve_files("/f/*path", tmp_path)
    extra = {"wsgi.file_wrapper": wrapper} if wrapper else {}
    whole = call(app, path="/f/large", validate=False, **extra)
    left = call(app, path="/f/large", validate=False, chunks=1, **extra)
    assert [len(whole.body), len(left.body)] == [json.loads(line)["bytes"] for line in lines]
    assert whole.headers["content-length"] == left.headers["content-length"] == "600000"
    assert [json.loads(line).get("complete") for line in lines] == [None, False]
