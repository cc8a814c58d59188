"""The client for tests behaves as a server: it reads answers to their end, and closes them."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys

import pytest
from werkzeug.test import EnvironBuilder

from microfn import Request, Response, Router, abort

from .handles import Body, marking, raising


@pytest.fixture
def app():
    return Router()


def closing(log, body="x"):
    def handle(request, params):
        request.call_on_close(lambda: log.append("request"))
        response = Response(body() if callable(body) else body)
        response.call_on_close(lambda: log.append("response"))
        return response

    return handle


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options", "head"])
def test_client_closes_each_answer(app, method):
    log = []
    app.route("/", methods=[method.upper()])(closing(log))
    reply = getattr(app.test_client(), method)("/")
    assert log == ["response", "request"]
    assert reply.text == ("" if method == "head" else "x")


def test_client_closes_a_stream_that_it_has_read(app):
    body = Body("a", "b")
    app.get("/")(lambda request, params: body)
    assert app.test_client().get("/").text == "ab"
    assert body.closed == 1


def test_client_leaves_an_endless_stream_to_the_test(app):
    log = []
    app.get("/")(closing(log, lambda: map(str, itertools.count())))
    reply = app.test_client().get("/", buffered=False)
    chunks = reply.iter_encoded()
    assert ([next(chunks), next(chunks)], log) == ([b"0", b"1"], [])
    reply.close()
    assert log == ["response", "request"]


def test_client_left_as_a_context_closes_what_is_open(app):
    log = []
    app.get("/")(closing(log, lambda: map(str, itertools.count())))
    with app.test_client() as client:
        client.get("/", buffered=False)
        client.get("/", buffered=False)
        assert log == []
    assert log == ["response", "request"] * 2
    with pytest.raises(KeyError), client:
        raise KeyError
    client.get("/", buffered=False).close()
    assert len(log) == 6


def test_client_gives_responses_of_microfn(app):
    assert isinstance(app.test_client().get("/"), Response)


@pytest.mark.parametrize(("use_cookies", "seen"), [(True, "1"), (False, "none")])
def test_client_keeps_cookies_or_does_not(app, use_cookies, seen):
    def visit(request, params):
        response = Response(request.cookies.get("seen", "none"))
        response.set_cookie("seen", "1")
        return response

    app.get("/")(visit)
    with app.test_client(use_cookies=use_cookies) as client:
        assert (client.get("/").text, client.get("/").text) == ("none", seen)


@pytest.mark.parametrize("option", ["use_cookies", "raise_exceptions"])
@pytest.mark.parametrize("value", [None, 1, "no"])
def test_option_of_the_client_is_a_bool(app, option, value):
    with pytest.raises(TypeError, match=option):
        app.test_client(**{option: value})
    with pytest.raises(TypeError):
        app.test_client(True)


def test_client_is_at_127_0_0_1(app):
    app.get("/")(lambda request, params: request.remote_addr)
    client = app.test_client()
    environ = EnvironBuilder("/").get_environ()
    assert {client.get("/").text, client.open(environ).text, client.open(Request(environ)).text} == {"127.0.0.1"}
    assert client.get("/", environ_base={"REMOTE_ADDR": "192.0.2.1"}).text == "192.0.2.1"
    assert client.get("/", environ_overrides={"REMOTE_ADDR": "192.0.2.1"}).text == "192.0.2.1"


def test_environ_can_be_sent_again(app):
    app.post("/")(lambda request, params: request.data)
    client, environ = app.test_client(raise_exceptions=True), EnvironBuilder("/", method="POST", data="x").get_environ()
    assert client.open(environ).text == "x"
    environ["wsgi.input"].seek(0)
    assert client.open(environ).text == "x"
    assert client.open(EnvironBuilder("/", method="POST", data="y")).text == "y"
    stream = io.BytesIO(b"z")
    assert client.post("/", input_stream=stream, content_length=1).text == "z"
    assert not stream.closed
    assert "microfn.errors" not in environ


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("size", [3, 1_000_000])
def test_body_is_sent_again_to_where_a_redirect_leads(app, status, size):
    @app.post("/old")
    def old(request, params):
        assert len(request.files["f"].read()) == size
        return "", status, {"Location": "/new"}

    app.post("/new")(lambda request, params: [len(request.files["f"].read())])
    reply = app.test_client().post("/old", data={"f": (io.BytesIO(b"x" * size), "f")}, follow_redirects=True)
    assert (reply.json, len(reply.history)) == ([size], 1)


UPLOADS = """
import gc, io
from microfn import Router, abort

app = Router()

@app.post("/:what")
def upload(request, params):
    if params["what"] == "unread":
        return "unread"
    file = request.files["f"]
    if params["what"] == "broken":
        raise KeyError
    return f"{len(file.read())}"

with app.test_client() as client:
    for what in "read", "unread", "broken":
        for size in 10, 600_000, 2_000_000:
            data = {"f": (io.BytesIO(b"x" * size), "f.bin"), "title": "t"}
            client.post("/" + what, data=data)
            data = {"f": (io.BytesIO(b"x" * size), "f.bin")}
            client.post("/" + what, data=data, buffered=False)
            data = {"f": (io.BytesIO(b"x" * size), "f.bin")}
            client.post("/" + what + "/", data=data, follow_redirects=True)
client = app.test_client(raise_exceptions=True)
try:
    client.post("/broken", data={"f": (io.BytesIO(b"x" * 2_000_000), "f.bin")})
except KeyError:
    print("raised")
del client
gc.collect()
"""


def test_uploads_leave_no_file_open():
    """In a separate process, which prints each warning as an error."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", UPLOADS]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == "raised\n"
    assert "ResourceWarning" not in run.stderr


class Unforeseen(Exception):
    pass


@pytest.mark.parametrize("number", [0, 1, 2])
def test_exception_of_a_handle_reaches_the_test(app, number):
    """Even if middleware around it sees a 500 as usual, and if a handler for all exceptions exists."""
    log = []
    if number > 0:
        app.use(marking("outer", log))
    if number > 1:
        app.error(500)(lambda request, error: "sorry")
        app.error(Exception)(lambda request, error: "sorry")
    error = Unforeseen("x")

    @app.get("/")
    def handle(request, params):
        request.call_on_close(lambda: log.append("closed"))
        raise error

    with app.test_client(raise_exceptions=True) as client, pytest.raises(Unforeseen) as info:
        client.get("/")
    assert info.value is error
    assert info.traceback[-1].name == "handle"
    assert log[-1] == "closed"
    assert log[:-1] == [("outer", 500, "/", error)] * (number > 0)
    assert app.test_client().get("/").status_code == 500


@pytest.mark.parametrize("buffered", [True, False])
def test_exception_reaches_the_test_without_its_answer(app, buffered):
    body = Body("a", "b")
    app.error(500)(lambda request, error: body)
    app.get("/")(raising(Unforeseen()))
    with pytest.raises(Unforeseen):
        app.test_client(raise_exceptions=True).get("/", buffered=buffered)
    assert body.closed == 1


def test_error_that_was_foreseen_is_answered(app):
    app.get("/404")(lambda request, params: abort(404))
    app.get("/500")(lambda request, params: abort(500))
    app.get("/value")(raising(ValueError()))
    app.error(ValueError)(lambda request, error: ("value", 400))
    client = app.test_client(raise_exceptions=True)
    statuses = [client.get(path).status_code for path in ("/404", "/500", "/value", "/nothing")]
    assert statuses == [404, 500, 400, 404]


def test_other_exceptions_reach_the_test_too(app):
    """Those of a callback, a middleware, an error handler, an invalid result, and a mounted application."""

    def middleware(handle):
        return raising(Unforeseen("middleware"))

    def mounted(environ, start_response):
        raise Unforeseen

    app.get("/callback")(lambda request, params: request.call_on_close(raise_unforeseen) or "x")
    app.get("/middleware", use=[middleware])(lambda request, params: "x")
    app.get("/handler")(raising(KeyError()))
    app.error(KeyError)(raising(Unforeseen()))
    app.mount("/bare", mounted, bare=True)
    app.group("/g", use=[lambda handle: handle]).mount("/m", mounted)
    client = app.test_client(raise_exceptions=True)
    for path in ("/callback", "/middleware", "/handler", "/bare", "/g/m"):
        with pytest.raises(Unforeseen):
            client.get(path)
    app.get("/none")(lambda request, params: None)
    with pytest.raises(TypeError, match="did you forget to return"):
        client.get("/none")


def raise_unforeseen():
    raise Unforeseen
