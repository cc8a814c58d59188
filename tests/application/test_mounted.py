"""Mounted applications inside of middleware."""

from __future__ import annotations

import pytest

from microfn import Router

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
