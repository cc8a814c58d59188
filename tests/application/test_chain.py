"""Middleware: every outcome is a Response, errors are caught inside, and open bodies are closed once."""

from __future__ import annotations

import functools
import json
import sys
from functools import partial

import pytest
from werkzeug.exceptions import Conflict, HTTPException, NotFound
from werkzeug.wrappers import Response as WerkzeugResponse
from werkzeug.wsgi import FileWrapper

from microfn import Request, Response, Router, abort, html, json_response, redirect
from microfn.middleware import access_log, cors, request_id

from ..handles import Body, marking, marks, raising, say
from ..wsgi import call


def test_the_first_is_the_outermost():
    app = Router()
    app.use(marking("a"))
    app.use(marking("b"))
    app.get("/", use=[marking("c"), marking("d")])(say("hello"))
    assert marks(call(app)) == ["d", "c", "b", "a"]
    assert call(app).text == "hello"


def test_the_order_of_use_and_routes_does_not_matter():
    app = Router()
    app.get("/")(say("hello"))
    app.use(marking("late"))
    assert marks(call(app)) == ["late"]


def test_use_is_a_decorator_too():
    app = Router()

    @app.use
    def middleware(handle):
        return handle

    assert callable(middleware)
    app.get("/")(say("hello"))
    assert call(app).text == "hello"


RETURNED = {
    "text": lambda: "text",
    "bytes": lambda: b"bytes",
    "dict": lambda: {"a": 1},
    "list": lambda: [1],
    "html": lambda: html("<p>"),
    "tuple": lambda: ("made", 201, {"X-A": "1"}),
    "stream": lambda: iter(["a", "b"]),
    "a stream with a status": lambda: (iter([b"a"]), 202),
    "nothing": lambda: ("", 204),
    "Response": lambda: Response("r", 201),
    "a Response with headers": lambda: Response("r", headers={"X-A": "1"}),
    "a streaming Response": lambda: Response(iter(["a", "b"])),
    "werkzeug's Response": lambda: WerkzeugResponse("w"),
    "a redirect": lambda: redirect("/x"),
    "a WSGI application": lambda: WerkzeugResponse("w").__call__,
    "None": lambda: None,
    "half a surrogate": lambda: ("x", 200, {"X": "\n"}),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("make", RETURNED.values(), ids=RETURNED)
def test_result_of_a_handle_is_the_same_with_middleware(make, method):
    plain, wrapped = Router(), Router()
    seen = []

    @wrapped.use
    def look(handle):
        def looked(request, params):
            response = handle(request, params)
            seen.append(response)
            return response

        return looked

    for app in plain, wrapped:
        app.get("/")(lambda request, params: make())
    ours, theirs = call(wrapped, method), call(plain, method)
    assert (ours.status, sorted(ours.lasting), ours.body) == (
        theirs.status,
        sorted(theirs.lasting),
        theirs.body,
    )
    assert isinstance(seen[0], WerkzeugResponse)


OUTCOMES = {
    "a hit": ("GET", "/users/7", 200, None),
    "HEAD": ("HEAD", "/users/7", 200, None),
    "404": ("GET", "/nothing", 404, NotFound),
    "405": ("DELETE", "/users/7", 405, HTTPException),
    "OPTIONS": ("OPTIONS", "/users/7", 204, None),
    "a slash redirect": ("GET", "/users/7/", 301, None),
    "a case redirect": ("GET", "/USERS/7", 301, None),
    "a cleaned path": ("POST", "//things", 308, None),
    "a path that is not UTF-8": ("GET", "/\xff", 400, HTTPException),
    "a path that is too long": ("GET", "/" + "x" * 9000, 414, HTTPException),
    "no path": ("GET", "x", 400, HTTPException),
    "a converter's refusal": ("GET", "/users/x", 404, NotFound),
    "an error that was meant": ("GET", "/conflict", 409, Conflict),
    "an error that nobody foresaw": ("GET", "/broken", 500, KeyError),
    "a body that is too long": ("POST", "/things", 413, HTTPException),
    "a body that is no JSON": ("POST", "/json", 415, HTTPException),
    "None": ("GET", "/none", 500, TypeError),
    "a converter that fails": ("GET", "/odd/x", 500, KeyError),
}


def many(**options):
    app = Router(max_content_length=3, **options)
    app.get("/users/:id", convert={"id": int})(say("user"))
    app.get("/odd/:id", convert={"id": {}.__getitem__})(say("odd"))
    app.post("/things")(lambda request, params: request.get_data())
    app.post("/json")(lambda request, params: request.json)
    app.get("/conflict")(raising(Conflict("both")))
    app.get("/broken")(raising(KeyError("inside")))
    app.get("/none")(say(None))
    return app


@pytest.mark.parametrize("has_handlers", [False, True])
@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)
def test_a_middleware_sees_every_outcome_as_a_response(outcome, has_handlers):
    method, path, status, error = outcome
    plain, app, log = many(), many(), []
    app.use(marking("m", log))
    if has_handlers:
        for one in plain, app:
            one.error(Exception)(lambda request, error: "mine")
            one.error(404)(lambda request, error: "mine")
            one.error(405)(lambda request, error: "mine")
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "CONTENT_LENGTH": "4", "CONTENT_TYPE": "text/plain"}
    ours, theirs = call(app, validate=False, **environ), call(plain, validate=False, **environ)
    assert ours.code == theirs.code == status
    assert ours.body == theirs.body
    assert [pair for pair in ours.lasting if pair[0] != "X-Mark"] == theirs.lasting
    assert marks(ours) == ["m"]
    ((_, seen, pattern, raised),) = log
    assert seen == status
    assert isinstance(raised, error) if error else raised is None
    hits = ("a hit", "HEAD", "an error that was meant", "an error that nobody foresaw", "None")
    if outcome in [OUTCOMES[name] for name in hits]:
        assert pattern is not None


def test_a_host_that_is_not_trusted_is_an_outcome_too():
    app, log = Router(trusted_hosts=["example.com"]), []
    app.use(marking("m", log))
    app.get("/")(say("hello"))
    assert call(app, HTTP_HOST="evil.example").code == 400
    assert log[0][1:3] == (400, None)
    assert call(app, HTTP_HOST="example.com").text == "hello"


def test_encoded_path_is_decoded_before_its_scope_is_found():
    app = Router(path_info_encoded=True)
    group = app.group("/ü", use=[marking("m")])
    group.get("/x")(say("x"))
    assert marks(call(app, PATH_INFO="/%C3%BC/x")) == ["m"]
    assert marks(call(app, PATH_INFO="/%C3%BC/y")) == ["m"]
    assert call(app, PATH_INFO="/%FF/y").code == 400


def test_what_a_middleware_returns_is_converted_like_a_handles():
    app = Router()
    app.use(marking("outer"))
    app.use(lambda handle: lambda request, params: ({"status": handle(request, params).status_code}, 418))
    app.get("/")(say("hello"))
    got = call(app)
    assert (got.code, got.json, marks(got)) == (418, {"status": 200}, ["outer"])


def test_the_outermost_may_return_anything_too():
    app = Router()
    app.use(lambda handle: lambda request, params: "short")
    assert call(app, path="/nothing").text == "short"
    assert call(app, "HEAD", path="/nothing").body == b""


def test_middleware_that_returns_none_is_named_in_the_log(caplog):
    """A request without a route has no params."""
    app, seen = Router(), []

    def forgetful(handle):
        def forget(request, params):
            seen.append(params)

        return forget

    app.use(forgetful)
    assert call(app, path="/nothing").code == 500
    assert seen == [{}]
    assert "forgetful.<locals>.forget returned None" in str(caplog.records[0].exc_info[1])


def test_an_error_in_a_middleware_is_answered_outside_of_it(caplog):
    app, log = Router(), []
    app.use(marking("outer", log))
    app.use(lambda handle: raising(KeyError("inner")))
    app.use(marking("never"))
    app.get("/")(say("hello"))
    got = call(app)
    assert (got.code, marks(got)) == (500, ["outer"])
    assert isinstance(log[0][3], KeyError)
    assert len(caplog.records) == 1


def test_error_in_the_outermost_middleware_has_a_handler():
    app = Router()
    app.use(lambda handle: raising(Conflict()))
    app.error(409)(lambda request, error: "mine")
    app.get("/")(say("hello"))
    assert (call(app).code, call(app).text) == (409, "mine")
    assert (call(app, path="/x").code, call(app, path="/x").text) == (409, "mine")


def test_a_middleware_may_stop_a_request():
    app = Router()
    app.use(lambda handle: lambda request, params: abort(401))
    app.get("/")(lambda request, params: pytest.fail("it is called"))
    assert call(app).code == 401


def test_a_middleware_may_change_what_the_handle_gets():
    app = Router()

    def double(handle):
        return lambda request, params: handle(request, {**params, "id": params["id"] * 2})

    app.get("/:id", use=[double])(lambda request, params: params["id"])
    assert call(app, path="/ab").text == "abab"


def test_what_middleware_hands_on_is_fresh_for_each_request():
    app = Router()

    def login(handle):
        def logged_in(request, params):
            assert "user" not in request.context
            request.context.user = "ann"
            request.context["role"] = "admin"
            return handle(request, params)

        return logged_in

    app.use(login)

    @app.get("/")
    def show(request, params):
        context = request.context
        return [context["user"], context.role, context.get("x"), context.get("user"), "role" in context]

    assert call(app).json == ["ann", "admin", None, "ann", True]
    assert call(app).code == 200
    with pytest.raises(AttributeError):
        Request({}).context.user  # noqa: B018


def test_middleware_sees_the_response_of_an_error_handler():
    """The handler sees the error; the middleware sees the response, and the error on the request."""
    app, log = Router(), []
    app.use(marking("m", log))
    app.error(KeyError)(lambda request, error: (str(error), 410))
    app.get("/")(raising(KeyError("gone")))
    assert call(app).code == 410
    assert log[0][1] == 410
    assert isinstance(log[0][3], KeyError)


@pytest.mark.parametrize(
    "make",
    [lambda body: body, lambda body: Response(body), lambda body: (body, 201), lambda body: WerkzeugResponse(body)],
)
class TestOpenBodies:
    def test_a_stream_is_closed_once_at_its_end(self, make):
        app, body = Router(), Body("a", "b")
        app.use(marking("m"))
        app.get("/")(lambda request, params: make(body))
        got = call(app)
        assert (got.body, body.closed, marks(got)) == (b"ab", 1, ["m"])

    def test_a_stream_that_a_middleware_drops_is_closed_once(self, make):
        app, body = Router(), Body("a", "b")
        app.use(lambda handle: lambda request, params: [handle(request, params).status_code])
        app.get("/")(lambda request, params: make(body))
        assert isinstance(call(app).json[0], int)
        assert body.closed == 1

    def test_stream_is_closed_once_if_a_middleware_fails(self, make):
        app, body = Router(), Body("a", "b")

        def fail(handle):
            def failing(request, params):
                handle(request, params)
                raise Conflict

            return failing

        app.use(fail)
        app.get("/")(lambda request, params: make(body))
        assert call(app).code == 409
        assert body.closed == 1

    def test_a_stream_that_fails_at_once_is_an_error_inside(self, make):
        app, log, body = Router(), [], Body(KeyError("early"))
        app.use(marking("outer", log))
        app.use(marking("inner"))
        app.get("/")(lambda request, params: make(body))
        got = call(app)
        assert (got.code, body.closed, marks(got)) == (500, 1, ["inner", "outer"])
        assert isinstance(log[0][3], KeyError)

    def test_stream_that_fails_late_cuts_the_connection(self, make):
        """The stream is closed once."""
        app, body = Router(), Body("a", KeyError("late"))
        app.use(marking("m"))
        app.get("/")(lambda request, params: make(body))
        assert isinstance(call(app).error, KeyError)
        assert body.closed == 1

    def test_head_closes_a_stream_without_sending_it(self, make):
        app, body = Router(), Body("a", "b")
        app.use(marking("m"))
        app.get("/")(lambda request, params: make(body))
        assert (call(app, "HEAD").body, body.closed) == (b"", 1)


@pytest.mark.parametrize("body", ["text", ["li", "st"]])
@pytest.mark.parametrize("is_dropped", [True, False])
def test_what_a_response_calls_when_it_is_closed_is_called_once(body, is_dropped):
    app, calls = Router(), []
    if is_dropped:
        app.use(lambda handle: lambda request, params: handle(request, params) and "other")
    else:
        app.use(marking("outer"))
    app.use(marking("inner"))

    @app.get("/")
    def index(request, params):
        response = Response(body)
        response.call_on_close(lambda: calls.append(1))
        response.call_on_close(lambda: calls.append(2))
        return response

    assert call(app).code == 200
    assert calls == [1, 2]


def test_what_a_stream_and_its_response_call_comes_in_order():
    app, calls = Router(), []
    app.use(marking("m"))

    class Closing(Body):
        def close(self):
            calls.append("body")

    @app.get("/")
    def index(request, params):
        response = Response(Closing("a"))
        response.call_on_close(lambda: calls.append(1))
        response.call_on_close(lambda: calls.append(2))
        request.call_on_close(lambda: calls.append("request"))
        return response

    assert call(app).body == b"a"
    assert calls == ["body", 1, 2, "request"]


def test_the_request_ends_also_where_what_is_no_exception_passes():
    app, ended = Router(), []

    def interrupt(handle):
        def interrupted(request, params):
            request.call_on_close(lambda: ended.append(1))
            raise KeyboardInterrupt

        return interrupted

    app.use(interrupt)
    app.get("/")(say("hello"))
    for path in "/", "/nothing":
        with pytest.raises(KeyboardInterrupt):
            call(app, path=path)
    assert ended == [1, 1]


def test_a_file_keeps_its_wrapper(tmp_path):
    class Wrapper:
        def __init__(self, file, size=8192):
            self.file = file
            self.closed = 0

        def __iter__(self):
            return iter(lambda: self.file.read(8192), b"")

        def close(self):
            self.closed += 1
            self.file.close()

    (tmp_path / "a.txt").write_text("hello", "utf-8")
    app = Router()
    app.use(marking("outer"))
    app.use(marking("inner"))
    app.serve_files("/*path", str(tmp_path))
    got = call(app, path="/a.txt", validate=False, **{"wsgi.file_wrapper": Wrapper})
    assert isinstance(got.iterable, Wrapper)
    assert (got.body, got.iterable.closed, marks(got)) == (b"hello", 1, ["inner", "outer"])


def test_a_file_that_is_dropped_is_closed(tmp_path):
    (tmp_path / "a.txt").write_text("hello", "utf-8")
    opened = []

    def drop(handle):
        def dropped(request, params):
            opened.append(handle(request, params).response)
            return "other"

        return dropped

    app = Router()
    app.use(drop)
    app.serve_files("/*path", str(tmp_path))
    assert call(app, path="/a.txt", wsgi__file_wrapper=FileWrapper).text == "other"
    with pytest.raises(ValueError, match="closed"):
        opened[0].file.read()


def test_request_without_middleware_has_no_trace_of_it():
    app, seen = Router(), []
    app.get("/")(lambda request, params: seen.append(request) or "")
    call(app)
    assert not hasattr(seen[0], "site")
    assert vars(seen[0]) == {}


@pytest.mark.parametrize(
    "path", ["/text", "/dict", "/stream", "/nothing", "/application", "/typed", "/bytes", "/werkzeug", "/redirect"]
)
@pytest.mark.parametrize("body", [["other", "s"], (b"other", b"s"), "generator"])
def test_body_that_replaces_another_has_its_own_length(path, body):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("content-length", "5")])
        return [b"first"]

    def replace(handle):
        def replaced(request, params):
            response = handle(request, params)
            response.response = iter([b"other", b"s"]) if body == "generator" else body
            return response

        return replaced

    app = Router()
    app.use(replace)
    app.get("/text")(say("hello"))
    app.get("/dict")(say({"a": 1}))
    app.get("/stream")(lambda request, params: iter(["a", "b"]))
    app.get("/application")(lambda request, params: application)
    app.get("/typed")(lambda request, params: Response("hello", mimetype="text/css"))
    app.get("/bytes")(lambda request, params: Response(b"hello", headers={"Content-Length": "5"}))
    app.get("/werkzeug")(lambda request, params: WerkzeugResponse("hello"))
    app.get("/redirect")(lambda request, params: redirect("/x"))
    got = call(app, path=path)
    assert got.body == b"others"
    assert got.headers.get("content-length") == (None if body == "generator" else "6")


def told(response, name, value):
    response.headers[name] = value
    return response


class Chunks:
    def __iter__(self):
        return iter([b"a", b"b"])


KEPT = [
    Response("kept"),
    Response("kept", 201),
    told(Response("kept"), "X-Other", "1"),
    Response(["ke", "pt"]),
    Response(Chunks()),
    WerkzeugResponse("kept"),
    WerkzeugResponse(["ke", "pt"]),
    (Response("kept"), 202),
]


@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_response_kept_by_a_handle_collects_no_changes(kept, count):
    """Data for one client, such as a cookie, never reaches another."""

    def marked(handle):
        def mark(request, params):
            response = handle(request, params)
            assert "X-Name" not in response.headers or count > 1
            response.headers["X-Name"] = request.environ["name"]
            response.set_cookie("name", request.environ["name"])
            response.call_on_close(lambda: ended.append(request.environ["name"]))
            if response.is_sequence:
                response.response.append(b"!")
            return response

        return mark

    ended = []
    app = Router()
    app.use(*[marked] * count)
    app.get("/")(lambda request, params: kept)
    first, second = (call(app, validate=False, name=name) for name in ("ann", "bob"))
    assert first.body == second.body
    assert "ann" not in str(second.header_list)
    assert len(second.header_list) == len(first.header_list)
    assert set(ended) == {"ann", "bob"}


def test_response_kept_by_a_middleware_collects_no_changes():
    kept = {}

    def cache(handle):
        def cached(request, params):
            if request.path not in kept:
                kept[request.path] = handle(request, params)
            return kept[request.path]

        return cached

    def cookie(handle):
        def set_cookie(request, params):
            response = handle(request, params)
            response.set_cookie("name", request.environ["name"])
            return response

        return set_cookie

    app = Router()
    app.use(cookie, cache)
    app.get("/")(say("hello"))
    app.get("/made")(lambda request, params: Response("made"))
    for path in "/", "/made", "/nothing", "/", "/made", "/nothing":
        for name in "ann", "bob":
            cookies = [value for key, value in call(app, path=path, name=name).header_list if key == "Set-Cookie"]
            assert cookies == [f"name={name}; Path=/"]


def test_what_a_middleware_does_to_a_response_holds_further_out():
    def first(handle):
        def set_status(request, params):
            response = handle(request, params)
            response.status = 203
            return response

        return set_status

    app = Router()
    app.use(marking("outer"), first, marking("inner"))
    app.get("/")(lambda request, params: Response("x"))
    got = call(app)
    assert (got.code, sorted(marks(got))) == (203, ["inner", "outer"])


@pytest.mark.parametrize("length", ["0", "1", "999", "5, 5"])
@pytest.mark.parametrize("path", ["/text", "/response", "/dict", "/nothing"])
def test_whole_body_has_its_length_despite_a_middleware(path, length):
    def wrong(handle):
        def tell(request, params):
            response = told(handle(request, params), "Content-Length", length)
            response.headers.add("Content-Length", length)
            return response

        return tell

    app = Router()
    app.use(wrong)
    app.get("/text")(say("hello"))
    app.get("/response")(lambda request, params: Response("hello", headers={"Content-Length": "3"}))
    app.get("/dict")(say({"a": 1}))
    got = call(app, path=path)
    assert [value for name, value in got.header_list if name == "Content-Length"] == [str(len(got.body))]


def test_head_route_may_give_a_length_without_a_body():
    app = Router()
    app.use(marking("m"))
    app.head("/a")(lambda request, params: ("", 200, {"Content-Length": "1000"}))
    app.head("/b")(lambda request, params: told(Response(), "Content-Length", "1000"))
    assert call(app, "HEAD", "/a").headers["content-length"] == "1000"
    assert call(app, "HEAD", "/b").headers["content-length"] == "1000"


def test_several_are_given_at_once():
    app = Router()
    app.use(marking("a"), marking("b"))
    app.get("/")(say("hello"))
    assert marks(call(app)) == ["b", "a"]


@pytest.mark.parametrize(
    ("misuse", "message"),
    [
        (
            lambda handle, request: handle(request),
            r"handle\(request, params\)\(\) missing 1 required",
        ),
        (lambda handle, request: handle(), r"handle\(request, params\)\(\) missing 2 required"),
        (lambda handle, request: handle(request, **request.params), r"handle\(request, params\)\(\) got an unexpected"),
        (lambda handle, request: handle(request, {}, 5), r"handle\(request, params\)\(\) takes 2 positional arguments"),
    ],
)
@pytest.mark.parametrize("inner", [[], [marking("inner")]])
def test_handle_called_otherwise_says_how_it_is_called(misuse, message, inner):
    app = Router()
    app.get("/:id", use=[lambda handle: lambda request, params: misuse(handle, request), *inner])(say("x"))
    with app.test_client(raise_exceptions=True) as client, pytest.raises(TypeError, match=message):
        client.get("/7")


@pytest.mark.parametrize("inner", [[], [marking("inner")]])
def test_middleware_with_wraps_is_named_by_its_own_name(inner):
    def middleware(handle):
        @functools.wraps(handle)
        def around(request, params):
            handle(request, params)

        return around

    app = Router()
    app.get("/", use=[middleware, *inner])(say("x"))
    with app.test_client(raise_exceptions=True) as client, pytest.raises(TypeError) as info:
        client.get("/")
    name = "around" if sys.version_info < (3, 11) else f"{middleware.__qualname__}.<locals>.around"
    assert str(info.value).startswith(f"{__name__}.{name} returned None; did you forget to return?")


class Kept(Response):
    """A subclass with nothing of its own."""


class Failing(Response):
    """A subclass that fails on its way out."""

    def get_wsgi_headers(self, environ):
        raise ZeroDivisionError


def assigned(response, name, value):
    setattr(response, name, value)
    return response


def application(status="200 OK", headers=(), body=(b"x",)):
    def respond(environ, start_response):
        start_response(status, list(headers))
        return list(body)

    return respond


UNSENDABLE = {
    "a hop-by-hop header": lambda cls: cls("", 200, {"Connection": "keep-alive"}),
    "assigned headers": lambda cls: assigned(cls(""), "headers", {"TE": "trailers"}),
    "a status above": lambda cls: cls("", 999),
    "a status below": lambda cls: cls("", 199),
    "a status without a number": lambda cls: cls("", "Fine"),
    "a status of two lines": lambda cls: cls("", "200 OK\r\nX-A: 1"),
    "a name that is no token": lambda cls: cls("", 200, {"X A": "1"}),
    "an empty name": lambda cls: cls("", 200, {"": "1"}),
    "a name that is not ASCII": lambda cls: cls("", 200, {"X-É": "1"}),
    "a control character": lambda cls: cls("", 200, {"X-A": "a\x7fb"}),
    "a value that is not latin-1": lambda cls: cls("", 200, {"X-A": "€"}),
    "a cookie that is not latin-1": lambda cls: assigned(cls(""), "headers", [("Set-Cookie", "a=€")]),
    "a length that is no number": lambda cls: cls(iter(["a"]), headers={"Content-Length": "+1"}),
    "headers that are none": lambda cls: assigned(cls(""), "headers", 5),
    "headers with a break": lambda cls: assigned(cls(""), "headers", {"X-A": "a\nb"}),
    "a number in a list": lambda cls: assigned(cls(""), "response", [5, b"a"]),
    "a list in a list": lambda cls: assigned(cls(""), "response", [["a"]]),
    "half a surrogate pair": lambda cls: assigned(cls(""), "response", ["\ud800"]),
    "a dict": lambda cls: assigned(cls(""), "response", {1: "a"}),
    "a number": lambda cls: assigned(cls(""), "response", 5),
    "None": lambda cls: assigned(cls(""), "response", None),
    "a stream of numbers": lambda cls: cls(iter([5])),
    "a stream that fails": lambda cls: cls(1 / 0 for _ in "a"),
    "a stream of numbers, passed on": lambda cls: cls(iter([5]), direct_passthrough=True),
    "a stream that fails, passed on": lambda cls: cls((1 / 0 for _ in "a"), direct_passthrough=True),
    "a tuple with a status": lambda cls: (cls("x"), 999),
    "a tuple with headers": lambda cls: (cls("x"), {"Upgrade": "h2c"}),
    "a Response as an application": lambda cls: cls("", 200, {"Connection": "close"}).__call__,
}
OTHERS = {
    "a tuple of text": lambda: ("", 200, {"Connection": "keep-alive"}),
    "text with a status": lambda: ("", 999),
    "a Location": lambda: ("", 302, {"Location": "/\x00"}),
    "a Location of a Response": lambda: Kept("", 302, {"Location": "/\x00"}),
    "an application's header": lambda: application(headers=[("Connection", "close")]),
    "an application's status": lambda: application("999 Mine"),
    "an application's body": lambda: application(body=[5]),
    "an application's number": lambda: application(headers=[("X-A", 5)]),
    "an application's length": lambda: application(headers=[("Content-Length", "x")]),
    "a Response that fails": lambda: Failing(""),
    "a value of no JSON": lambda: json_response(object()),
    "JSON with a status": lambda: json_response(1, 999),
    "a Response of a dict": lambda: Response({"a": 1}),
}
PLACES = ["handle", "error handler", "fallback", "middleware", "mount"]
AROUND = {
    "access_log": ["access_log"],
    "cors": ["cors"],
    "request_id": ["request_id"],
    "several": ["request_id", "access_log", "cors"],
    "several, otherwise": ["cors", "access_log", "request_id"],
}


OTHERS |= {
    f"{name} in {cls.__module__}.{cls.__name__}": partial(make, cls)
    for name, make in UNSENDABLE.items()
    for cls in (Response, Kept, WerkzeugResponse)
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
def test_what_cannot_be_sent_is_a_500_inside(make, place, caplog):
    """The error is logged once, and each outer middleware sees it, regardless of its origin."""
    for names in AROUND.values():
        app, lines, log = Router(), [], []
        around = {"access_log": access_log(lines.append), "cors": cors("*"), "request_id": request_id()}
        app.use(marking("outer", log), *(around[name] for name in names))
        if place == "middleware":
            app.use(lambda handle: lambda request, params: (handle(request, params), make())[1])
        app.error(404)(lambda request, error: make() if place == "fallback" else "")
        app.error(KeyError)(lambda request, error: make() if place == "error handler" else ("", 500))
        results = {"middleware": say("x"), "error handler": raising(KeyError())}
        app.get("/")(results.get(place, lambda request, params: make()))
        app.mount("/mount", lambda environ, start_response: make()(environ, start_response))
        caplog.clear()
        got = call(app, path={"mount": "/mount/x", "fallback": "/x"}.get(place, "/"), HTTP_ORIGIN="http://a.test")
        assert (got.code, log[0][1], marks(got)) == (500, 500, ["outer"])
        assert len(caplog.records) == 1
        assert [(json.loads(line)["status"], "complete" in line) for line in lines] == [(500, False)] * len(lines)
        assert len(lines) == names.count("access_log")
        assert ("access-control-allow-origin" in got.headers, "x-request-id" in got.headers) == (
            "cors" in names,
            "request_id" in names,
        )


def test_middleware_that_makes_it_unsendable_is_seen_outside():
    app, log = Router(), []

    def spoil(handle):
        def spoiled(request, params):
            response = handle(request, params)
            response.headers["Connection"] = "close"
            return response

        return spoiled

    app.use(marking("outer", log), marking("second", log), spoil, marking("inner", log))
    app.get("/")(say("hello"))
    for path, code in ("/", 200), ("/x", 404):
        log.clear()
        assert call(app, path=path).code == 500
        assert [entry[:2] for entry in log] == [("inner", code), ("second", 500), ("outer", 500)]


def test_a_mounted_application_that_is_unsendable_is_closed():
    class Closing(list):
        def close(self):
            closed.append(1)

    app, closed, log = Router(), [], []
    app.use(marking("outer", log))
    body = Closing([b"x"])
    app.mount("/m", lambda environ, start_response: (start_response("200 OK", [("Upgrade", "x")]), body)[1])
    assert (call(app, path="/m").code, log[0][1], closed) == (500, 500, [1])


def test_another_spelling_is_looked_for_once(monkeypatch):
    app, asked = Router(), []
    app.group("/a", use=[lambda handle: lambda request, params: handle(request, params)]).get("/x")(lambda *_: "x")
    app.get("/y")(lambda request, params: "y")
    assert call(app, path="/y").code == 200
    table = app._ensure_snapshot().table
    monkeypatch.setattr(type(table), "find_redirect", lambda table, method, path: asked.append(path))
    assert [call(app, path="/a/nope").code, call(app, "POST", "/a/x").code] == [404, 405]
    assert asked == ["/a/nope"]
