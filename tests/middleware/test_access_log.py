"""The access log: one line of JSON a request, written when its body has ended."""

from __future__ import annotations

import json
import logging

import pytest

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


def test_a_log_that_cannot_be_written_breaks_no_answer(caplog):
    def fail(line):
        raise OSError("disk full")

    app = Router()
    app.use(access_log(fail))
    app.get("/")(lambda request, params: "fine")
    assert call(app).text == "fine"
    assert "disk full" in str(caplog.records[-1].exc_info[1])
