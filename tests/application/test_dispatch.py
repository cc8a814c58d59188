"""The life of a request that has a route, and of one that is refused before. WebTest checks the WSGI side."""

from __future__ import annotations

import pytest

from microfn import Response, Router, abort

from ..handles import echo
from ..wsgi import call, environ_of


def test_a_handle_gets_the_request_and_the_params(client):
    answer = client.get("/users/7")
    assert answer.json == {"method": "GET", "params": {"id": "7"}, "route": "/users/:id"}


def test_the_request_has_the_params_too():
    app = Router()
    app.get("/:id")(lambda request, params: request.params)
    assert call(app, path="/7").json == {"id": "7"}


def test_a_route_without_middleware_is_served_beside_one_with_it():
    app = Router()
    app.get("/plain")(lambda request, params: "plain")
    group = app.group("/group", use=[lambda handle: lambda request, params: "middleware"])
    group.get("/x")(lambda request, params: "x")
    assert (call(app, path="/plain").text, call(app, path="/group/x").text) == ("plain", "middleware")


def test_the_pattern_stands_in_the_environ_for_metrics(client):
    assert client.get("/users/7").request.environ["microfn.route"] == "/users/:id"
    assert "microfn.route" not in client.get("/nope", status=404).request.environ


def test_params_are_text_decoded_once(client):
    assert client.get("/users/%C3%A9%252F").json["params"] == {"id": "é%2F"}
    assert client.get("/src/a/b%20c/").json["params"] == {"path": "/a/b c/"}


def test_head_is_get_without_the_body(client):
    client.app.get("/text")(lambda request, params: "text")
    got, head = client.get("/text"), client.head("/text")
    assert head.body == b""
    assert head.content_length == len(got.body)
    assert head.content_type == got.content_type


def test_a_head_route_of_its_own_comes_first(client):
    client.app.handle("HEAD", "/users/:id", lambda request, params: ("", 204))
    assert client.head("/users/7").status_code == 204
    assert client.head("/docs/").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/ab\xff", "/\xc3", "/\xc0\xaf", "/\xed\xa0\x80", "/\u0100", "/\ud800", "about", "http://site.test/", "\xe9", "?"],
)
def test_a_path_that_is_none_is_400(app, path):
    assert call(app, path=path, validate=False).code == 400


@pytest.mark.parametrize("path", ["", None])
def test_an_empty_or_missing_path_is_the_root(app, path):
    assert call(app, path=path, validate=False).code == 200


def test_request_with_a_minimal_environ_has_a_response(app):
    missing = dict.fromkeys(
        ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT", "HTTP_HOST"]
    )
    assert call(app, validate=False, **missing).code == 200
    app.handle("HEAD", "/", lambda request, params: "head")
    assert call(app, validate=False, **missing).text == call(app).text
    assert call(app, validate=False, **{**missing, "PATH_INFO": "/docs"}).headers["location"] == "/docs/"


def test_a_host_that_hands_over_the_path_undecoded_is_an_option():
    app = Router(path_info_encoded=True)
    app.get("/caf\xe9/:name")(lambda request, params: {**params, "path": request.path})
    reply = call(app, path="/caf%C3%A9/a%2520b")
    assert reply.text == '{"name":"a%20b","path":"/café/a%20b"}'
    environ = environ_of(path="/caf%C3%A9/a%2520b")
    for _ in range(2):
        assert b"".join(app(environ, lambda status, headers: None)).startswith(b'{"name":"a%20b"')
    assert call(app, path="/%ff").code == 400
    assert call(app, path="/\u0100", validate=False).json["detail"] == "The path is not valid UTF-8."


@pytest.mark.parametrize("options", [{"path_info_encoded": True}, {"trusted_hosts": ["site.test"]}, {}], ids=str)
def test_methods_have_routes_of_their_own_with_any_options(options):
    app = Router(**options)
    for method in ["GET", "HEAD", "POST"]:
        app.handle(method, "/", lambda request, params: ("", 200, {"X-Route": request.route.method}))
        app.handle(
            method, "/:id", lambda request, params: ("", 200, {"X-Route": request.route.method}), convert={"id": int}
        )
    for method in ["GET", "HEAD", "POST"]:
        for path in ["/", "", "/7"]:
            assert call(app, method, path).headers["x-route"] == method


def test_trusted_hosts_are_checked_on_every_request():
    app = Router(trusted_hosts=["example.com", ".example.org"])
    app.get("/")(lambda request, params: request.host)
    assert call(app, HTTP_HOST="example.com:8080").text == "example.com:8080"
    assert call(app, HTTP_HOST="a.example.org").text == "a.example.org"
    for host in ["evil.example", "example.com.evil.example", "a b", ""]:
        assert call(app, HTTP_HOST=host).code == 400
        assert call(app, path="/nope", HTTP_HOST=host).code == 400


def test_a_refusal_has_its_request():
    app = Router(trusted_hosts=["example.com"])
    app.error(400)(lambda request, error: request.path)
    assert call(app, path="/x", HTTP_HOST="evil.example").text == "/x"


def test_a_guarded_router_answers_a_request_without_a_method():
    app = Router(trusted_hosts=["example.com"], path_info_encoded=True)
    assert call(app, REQUEST_METHOD=None, HTTP_HOST="evil.example", validate=False).code == 400
    assert call(app, REQUEST_METHOD=None, HTTP_HOST="example.com", path="/\u0100", validate=False).code == 400


@pytest.mark.parametrize("host", ["a b", "evil.example/x", "[::1", "\x7f", "a, b", "a:99999999"])
def test_a_host_that_is_none_is_400_where_it_is_used(host):
    app = Router()
    app.get("/url")(lambda request, params: request.url)
    app.get("/")(lambda request, params: "ok")
    assert call(app, path="/url", HTTP_HOST=host).code == 400
    assert call(app, path="/", HTTP_HOST=host).code == 200


@pytest.mark.parametrize(
    "host", ["example.com", "example.com:8080", "[::1]", "[::1]:80", "xn--caf-dma.example", "127.0.0.1"]
)
def test_an_ordinary_host_is_served(host):
    app = Router()
    app.get("/url")(lambda request, params: request.url)
    assert call(app, path="/url", HTTP_HOST=host).code == 200


def test_an_answer_can_be_any_wsgi_application(client):
    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"first ")
        return [b"second"]

    client.app.get("/app")(lambda request, params: application)
    assert client.get("/app").text == "first second"


def test_a_request_is_served_by_overlap_precedence():
    app = Router(overlap=True)
    for pattern in ["/users/:id", "/users/me", "/users/*rest"]:
        app.get(pattern)(lambda request, params: request.route.pattern)
    assert call(app, path="/users/me").text == "/users/me"
    assert call(app, path="/users/7").text == "/users/:id"
    assert call(app, path="/users/7/x").text == "/users/*rest"


def test_an_exception_of_the_server_closes_what_was_to_be_sent():
    closed = []

    class Stream:
        def __iter__(self):
            return self

        def __next__(self):
            return b"x"

        def close(self):
            closed.append(True)

    def start_response(status, headers, exc_info=None):
        raise OSError("the client is gone")

    app = Router()
    app.get("/")(lambda request, params: Stream())
    with pytest.raises(OSError, match="the client is gone"):
        app(environ_of(), start_response)
    assert closed == [True]


def test_what_must_happen_when_the_body_is_sent_is_called_then():
    seen = []

    def stream(request, params):
        request.call_on_close(lambda: seen.append("closed"))
        yield "a"
        seen.append("streamed")

    app = Router()
    app.get("/")(lambda request, params: stream(request, params))
    app.get("/early")(lambda request, params: request.call_on_close(lambda: seen.append("early")) or abort(404))
    assert call(app).text == "a"
    assert seen == ["streamed", "closed"]
    assert call(app, path="/early").code == 404
    assert seen[2:] == ["early"]


def test_what_is_told_while_the_body_streams_is_called_too():
    seen = []

    def stream(request):
        yield "a"
        request.call_on_close(lambda: seen.append("late"))
        yield "b"

    app = Router()
    app.get("/")(lambda request, params: stream(request))
    assert call(app).text == "ab"
    assert seen == ["late"]


def test_all_is_called_also_where_one_of_it_fails(caplog):
    seen = []

    def handle(request, params):
        request.call_on_close(lambda: seen.append(1))
        request.call_on_close(lambda: 1 / 0)
        request.call_on_close(lambda: seen.append(2))
        return "ok"

    app = Router()
    app.get("/")(handle)
    assert call(app).text == "ok"
    assert seen == [1, 2]
    (record,) = caplog.records
    assert "GET / [/] raised ZeroDivisionError" in record.message


def test_all_is_called_also_where_one_of_it_is_no_exception():
    seen = []

    def leave():
        raise SystemExit

    def handle(request, params):
        request.call_on_close(leave)
        request.call_on_close(lambda: seen.append(1))
        return "ok"

    app = Router()
    app.get("/")(handle)
    body = app(environ_of(), lambda status, headers: None)
    with pytest.raises(SystemExit):
        body.close()
    assert seen == [1]


def test_what_is_no_exception_ends_the_request_too():
    seen = []

    def handle(request, params):
        request.call_on_close(lambda: seen.append("ended"))
        raise SystemExit

    app = Router()
    app.get("/")(handle)
    with pytest.raises(SystemExit):
        app(environ_of(), lambda status, headers: None)
    assert seen == ["ended"]


def test_error_inside_microfn_is_500_with_a_request(monkeypatch, caplog):
    """An error before the request exists makes one for the error handler."""

    def fail(table, method, path):
        raise RuntimeError("a bug")

    monkeypatch.setattr("microfn.routing.table.Table.find_redirect", fail)
    app = Router()
    app.get("/a")(lambda request, params: "a")
    app.error(500)(lambda request, error: request.path)
    reply = call(app, path="/a/")
    assert (reply.code, reply.text) == (500, "/a/")
    assert "a bug" in caplog.text


def test_what_is_no_exception_passes_before_there_is_a_request():
    def leave(text):
        raise SystemExit

    app = Router()
    app.get("/:x", convert={"x": leave})(echo)
    with pytest.raises(SystemExit):
        app(environ_of(path="/1"), lambda status, headers: None)


def test_an_error_handlers_request_has_an_end_too():
    ended = []
    app = Router(not_found=lambda request, error: request.call_on_close(lambda: ended.append(1)) or "gone")
    assert call(app, path="/nope").text == "gone"
    assert ended == [1]


def test_an_error_carries_its_response():
    app = Router()
    app.error(403)(lambda request, error: "asked")
    app.get("/")(lambda request, params: abort(Response("as it is", 403)))
    assert call(app).text == "as it is"


def test_what_is_told_while_a_request_ends_is_called_too():
    app, seen = Router(), []

    @app.get("/")
    def handle(request, params):
        request.call_on_close(lambda: seen.append(1) or request.call_on_close(lambda: seen.append(3)))
        request.call_on_close(lambda: seen.append(2))
        return "ok"

    assert (call(app).text, seen) == ("ok", [1, 2, 3])


def test_head_is_served_if_its_body_cannot_be_closed(caplog):
    class Body:
        def __iter__(self):
            return iter([b"a"])

        def close(self):
            raise OSError("it is stuck")

    app = Router()
    app.get("/")(lambda request, params: Response(Body()))
    assert call(app, "HEAD", validate=False).code == 200
    assert "it is stuck" in str(caplog.records[-1].exc_info[1])
