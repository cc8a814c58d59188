"""Mounted applications inside of middleware."""

from __future__ import annotations

from contextlib import suppress

import pytest
from werkzeug.exceptions import HTTPException

from microfn import Router

from ..fuzz.classes.forms import multipart
from ..handles import marking, marks, say
from ..wsgi import call


def echoing(environ, start_response):
    """An application that writes, streams, and tells its paths."""
    write = start_response("201 Created", [("Content-Type", "text/plain"), *environ.get("test.headers", ())])
    write(environ["SCRIPT_NAME"].encode() + b"|")
    content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return iter([environ["PATH_INFO"].encode(), b"|", content])


def test_middleware_is_around_a_mount_and_sees_its_answer():
    app, seen = Router(), []

    @app.use
    def outer(handle):
        def inner(request, params):
            response = handle(request, params)
            seen.append((request.path, request.route, params, response.status, request.environ["microfn.route"]))
            response.headers["X-Seen"] = "1"
            return response

        return inner

    app.group("/old", use=[marking("group")]).mount("/app", echoing)
    got = call(app, "POST", "/old/app/page", body=b"body", validate=False)
    assert (got.status, got.body) == ("201 Created", b"/old/app|/page|body")
    assert (got.headers["x-seen"], marks(got)) == ("1", ["group"])
    assert seen == [("/old/app/page", None, {}, "201 Created", "/old/app/*")]


def test_answer_of_a_mount_is_intact_behind_middleware():
    app = Router()
    app.use(lambda handle: lambda request, params: handle(request, params))
    app.mount("/odd", echoing)
    headers = [("X-Odd", "é"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    got = call(app, path="/odd/x", validate=False, test__headers=headers)
    assert got.header_list == [("Content-Type", "text/plain"), *headers]


def test_exception_of_a_mount_is_a_500_inside_of_middleware(caplog):
    app = Router()
    app.use(marking("m"))
    app.error(Exception)(say("mine"))

    def failing(environ, start_response):
        raise RuntimeError("SECRET")

    app.mount("/x", failing)
    got = call(app, path="/x/page")
    assert (got.code, marks(got)) == (500, ["m"])
    assert "SECRET" not in got.text
    assert "mine" not in got.text
    assert caplog.messages == ["GET /x/page [/x/*] raised RuntimeError"]


def test_bare_mount_runs_no_middleware():
    app = Router()
    app.use(marking("m"))
    app.mount("/x", echoing, bare=True)
    assert marks(call(app, path="/x/page", validate=False)) == []
    with pytest.raises(TypeError, match="bare must be True or False, got 1"):
        app.mount("/y", echoing, bare=1)


def test_mount_of_an_included_router_runs_its_middleware():
    inner, app = Router(), Router()
    inner.use(marking("inner"))
    inner.mount("/m", echoing)
    app.use(marking("app"))
    app.include("/v1", inner)
    assert marks(call(app, path="/v1/m/x", validate=False)) == ["inner", "app"]


def test_stream_of_a_mount_is_closed_once_behind_middleware():
    app, log = Router(), []

    class Body:
        def __iter__(self):
            yield b"a"
            yield b"b"

        def close(self):
            log.append("closed")

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Body()

    app.use(lambda handle: lambda request, params: handle(request, params))
    app.use(lambda handle: lambda request, params: handle(request, params))
    app.mount("/x", application)
    assert call(app, path="/x/", chunks=1, validate=False).body == b"a"
    assert call(app, "HEAD", path="/x/").body == b""
    assert log == ["closed", "closed"]


READ = [
    lambda request: request.get_data(),
    lambda request: request.json,
    lambda request: request.form,
    lambda request: (request.get_data(), request.form),
    lambda request: request.form.get("token"),
    lambda request: request.values,
    lambda request: request.args,
    lambda request: request.stream,
]


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("inner", ["application", "router"])
def test_body_that_middleware_has_read_reaches_a_mount(read, inner):
    """A guard of a form's token is such a middleware."""
    app, mounted = Router(), Router()
    mounted.post("/page")(lambda request, params: f"/old/app|/page|{request.get_data(as_text=True)}")

    @app.use
    def guard(handle):
        def guarded(request, params):
            with suppress(HTTPException):
                read(request)
            return handle(request, params)

        return guarded

    app.mount("/old/app", echoing if inner == "application" else mounted)
    for kind in "application/x-www-form-urlencoded", "application/json", "text/plain":
        body = b'{"a":1}' if "json" in kind else b"token=t&a=1"
        got = call(app, "POST", "/old/app/page", body=body, CONTENT_TYPE=kind, validate=False)
        assert got.body == b"/old/app|/page|" + body


def test_upload_that_middleware_has_parsed_is_no_empty_body(caplog):
    app = Router()
    app.use(lambda handle: lambda request, params: request.files and handle(request, params))
    app.mount("/m", echoing)
    body = multipart([("f", "f.bin", b"x" * 1000)])
    got = call(app, "POST", "/m/x", body=body, CONTENT_TYPE="multipart/form-data; boundary=b")
    assert got.code == 500
    assert "a middleware has read the body" in str(caplog.records[0].exc_info[1])


def test_form_beyond_its_limit_is_413_before_a_mount():
    app = Router()
    app.use(lambda handle: lambda request, params: request.form and handle(request, params))
    app.mount("/m", echoing)
    body = b"a=" + b"x" * 600_000
    got = call(app, "POST", "/m/x", body=body, CONTENT_TYPE="application/x-www-form-urlencoded")
    assert got.code == 413


def test_tab_of_a_mount_is_a_blank_behind_any_middleware():
    app = Router()
    for _ in range(3):
        app.use(marking("m"))
    app.mount("/odd", echoing)
    got = call(app, path="/odd/x", validate=False, test__headers=[("X-Odd", "a\tb")])
    assert (got.code, got.headers["x-odd"]) == (201, "a b")
