"""Which answer a request gets: a handle's, a redirect, OPTIONS, 405, 404. WebTest checks the WSGI side of each."""

from __future__ import annotations

import pytest
import webtest

from microfn import Response, Router, abort

from ..wsgi import call, environ_of


def echo(request, params):
    return {"method": request.method, "params": params, "route": request.route.pattern}


@pytest.fixture
def app():
    app = Router()
    for method, pattern in [
        ("GET", "/"),
        ("GET", "/users/:id"),
        ("PUT", "/users/:id"),
        ("HEAD", "/own"),
        ("GET", "/own"),
        ("GET", "/docs/"),
        ("POST", "/docs/"),
        ("GET", "/Case/Mixed"),
        ("GET", "/src/*path"),
        ("POST", "/only"),
        ("OPTIONS", "/asked"),
        ("GET", "/café"),
    ]:
        app.handle(method, pattern, echo)
    return app


@pytest.fixture
def client(app):
    return webtest.TestApp(app)


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


REDIRECTS = [
    ("GET", "/users/7/", "/users/7", 301),
    ("HEAD", "/users/7/", "/users/7", 301),
    ("PUT", "/users/7/", "/users/7", 308),
    ("GET", "/docs", "/docs/", 301),
    ("POST", "/docs", "/docs/", 308),
    ("GET", "/src", "/src/", 301),
    ("GET", "/case/mixed", "/Case/Mixed", 301),
    ("GET", "/CASE/MIXED/", "/Case/Mixed", 301),
    ("GET", "/CAF%C3%89", "/caf%C3%A9", 301),
    ("GET", "//users///7", "/users/7", 301),
    ("GET", "/x/../users/./7", "/users/7", 301),
    ("GET", "/USERS/%C3%89/", "/users/%C3%89", 301),
]


@pytest.mark.parametrize(("method", "path", "location", "status"), REDIRECTS)
def test_another_spelling_is_redirected_to_the_one_that_is_registered(client, method, path, location, status):
    answer = client.request(path, method=method, status=status)
    assert answer.headers["Location"] == location
    assert client.request(location, method=method).status_code == 200


def test_a_redirect_keeps_the_query_as_it_came(client):
    location = client.get("/docs?a=1&b=%2f%2Fx&c=a+b", status=301).headers["Location"]
    assert location == "/docs/?a=1&b=%2f%2Fx&c=a+b"


def test_a_redirect_has_a_short_body_with_type_and_length(client):
    answer = client.get("/docs", status=301)
    assert answer.text == "Moved Permanently\n"
    assert answer.content_type == "text/plain"
    assert client.head("/docs", status=301).body == b""


@pytest.mark.parametrize(
    ("script_name", "location"),
    [
        ("", "/docs/"),
        ("/", "/docs/"),
        ("/app", "/app/docs/"),
        ("/app/", "/app/docs/"),
        ("//evil.example", "/evil.example/docs/"),
    ],
)
def test_a_redirect_stays_under_the_prefix_and_on_the_site(app, script_name, location):
    assert call(app, path="/docs", SCRIPT_NAME=script_name, validate=False).headers["location"] == location


@pytest.mark.parametrize(
    "path", ["//evil.example/", "/\\evil.example/", "//evil.example//", "/\t/evil.example/", "///evil.example/"]
)
@pytest.mark.parametrize("pattern", ["/:a/:b", "/:a/:b/", "/:a", "/:a/", "/*all"])
def test_no_redirect_leaves_the_site(path, pattern):
    app = Router()
    app.get(pattern)(echo)
    reply = call(app, path=path)
    location = reply.headers.get("location", "/")
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    assert reply.code in (200, 301, 404)


def test_permanent_redirects_can_be_switched_off():
    app = Router(permanent_redirects=False)
    app.route("/docs/", methods=["GET", "POST"])(echo)
    assert call(app, "GET", "/docs").status == "307 Temporary Redirect"
    assert call(app, "POST", "/docs").status == "307 Temporary Redirect"


def test_slash_redirects_can_be_switched_off():
    app = Router(redirect_trailing_slash=False)
    app.get("/docs/")(echo)
    app.get("/users/:id")(echo)
    assert call(app, path="/docs").code == 404
    assert call(app, path="/DOCS").code == 404
    assert call(app, path="/DOCS/").code == 301
    assert call(app, path="/users/7/").code == 404


def test_path_repair_can_be_switched_off():
    app = Router(redirect_fixed_path=False)
    app.get("/docs/")(echo)
    assert call(app, path="/docs").code == 301
    assert call(app, path="/DOCS/").code == 404
    assert call(app, path="//docs/").code == 404


def test_connect_and_the_root_are_not_redirected():
    app = Router()
    app.handle("CONNECT", "/docs/", echo)
    app.get("/*all")(echo)
    assert call(app, "CONNECT", "/docs", validate=False).code == 405
    app = Router()
    app.get("/docs/")(echo)
    assert call(app, path="/").code == 404


def test_a_path_that_repeats_its_own_repair_is_no_redirect_loop(client):
    assert client.get("/api/", status=404).status_code == 404


def test_options_tells_the_methods_that_there_are(client):
    answer = client.options("/users/7", status=204)
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, PUT"
    assert answer.body == b""
    client.options("/nope", status=404)


def test_an_options_route_comes_first(client):
    assert client.options("/asked").json["route"] == "/asked"


def test_options_with_an_asterisk_asks_about_the_server(app):
    assert call(app, "OPTIONS", "*", validate=False).headers["allow"] == "GET, HEAD, OPTIONS, POST, PUT"
    assert call(app, "GET", "*", validate=False).code == 400
    assert call(Router(), "OPTIONS", "*", validate=False).code == 404


def test_options_can_be_switched_off():
    app = Router(handle_options=False)
    app.get("/x")(echo)
    reply = call(app, "OPTIONS", "/x")
    assert (reply.code, reply.headers["allow"]) == (405, "GET, HEAD")
    assert call(app, "OPTIONS", "*", validate=False).code == 404


def test_global_options_answers_where_no_route_does():
    app = Router(global_options=lambda request, params: ("", 200, {"Access-Control-Allow-Methods": "*"}))
    app.get("/x")(echo)
    reply = call(app, "OPTIONS", "/x")
    assert (reply.code, reply.headers["allow"]) == (200, "GET, HEAD, OPTIONS")
    assert reply.headers["access-control-allow-methods"] == "*"


def test_global_options_may_set_allow_itself():
    app = Router(global_options=lambda request, params: ("", 204, {"allow": "GET"}))
    app.get("/x")(echo)
    assert [pair for pair in call(app, "OPTIONS", "/x").header_list if pair[0].lower() == "allow"] == [("allow", "GET")]


def test_the_error_of_a_global_options_has_its_request(caplog):
    app = Router(global_options=lambda request, params: 1 / 0)
    app.post("/x")(lambda request, params: "x")
    app.error(500)(lambda request, error: request.path)
    assert call(app, "OPTIONS", "/x").text == "/x"


def test_a_global_options_that_fails_is_500(caplog):
    app = Router(global_options=lambda request, params: 1 / 0)
    app.get("/x")(echo)
    assert call(app, "OPTIONS", "/x").code == 500
    assert caplog.messages == ["OPTIONS /x [no route] raised ZeroDivisionError"]


def test_another_method_is_405_with_allow(client):
    assert client.get("/only", status=405).headers["Allow"] == "OPTIONS, POST"
    assert client.post("/users/7", status=405).headers["Allow"] == "GET, HEAD, OPTIONS, PUT"
    assert client.head("/only", status=405).body == b""


def test_405_can_be_switched_off():
    app = Router(handle_method_not_allowed=False)
    app.get("/x")(echo)
    assert call(app, "POST", "/x").code == 404
    assert call(app, "OPTIONS", "/x").code == 204


def test_methods_are_case_sensitive(app):
    assert call(app, "get", "/users/7", validate=False).code == 405


def test_nothing_overrides_the_method(app):
    reply = call(app, "POST", "/users/7", HTTP_X_HTTP_METHOD_OVERRIDE="PUT", query="_method=PUT")
    assert reply.code == 405


@pytest.mark.parametrize(
    "path",
    ["/ab\xff", "/\xc3", "/\xc0\xaf", "/\xed\xa0\x80", "/\u0100", "/\ud800", "about", "http://site.test/", "\xe9", "?"],
)
def test_a_path_that_is_none_is_400(app, path):
    assert call(app, path=path, validate=False).code == 400


@pytest.mark.parametrize("path", ["", None])
def test_an_empty_or_missing_path_is_the_root(app, path):
    assert call(app, path=path, validate=False).code == 200


def test_a_request_without_anything_that_could_be_missing_is_answered(app):
    missing = dict.fromkeys(
        ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT", "HTTP_HOST"]
    )
    assert call(app, validate=False, **missing).code == 200
    app.handle("HEAD", "/", lambda request, params: "head")
    assert call(app, validate=False, **missing).text == call(app).text
    assert call(app, validate=False, **{**missing, "PATH_INFO": "/docs"}).headers["location"] == "/docs/"


def test_a_long_path_is_414_only_if_it_is_no_match():
    app = Router(max_path_length=20)
    app.get("/users/:id")(echo)
    assert call(app, path="/users/" + "x" * 100).code == 200
    assert call(app, path="/nope/" + "x" * 100).code == 414
    assert call(app, path="/users/" + "x" * 13 + "/").code == 414
    assert call(app, path="/users/" + "x" * 12 + "/").code == 301


def test_a_host_that_hands_over_the_path_undecoded_is_an_option():
    app = Router(path_info_encoded=True)
    app.get("/caf\xe9/:name")(lambda request, params: {**params, "path": request.path})
    reply = call(app, path="/caf%C3%A9/a%2520b")
    assert reply.text == '{"name":"a%20b","path":"/café/a%20b"}'
    environ = environ_of(path="/caf%C3%A9/a%2520b")
    for _ in range(2):
        assert b"".join(app(environ, lambda status, headers: None)).startswith(b'{"name":"a%20b"')
    assert call(app, path="/%ff").code == 400
    assert call(app, path="/\u0100", validate=False).json["detail"] == "The path is not UTF-8."


@pytest.mark.parametrize("options", [{"path_info_encoded": True}, {"trusted_hosts": ["site.test"]}, {}], ids=str)
def test_every_method_has_its_own_route_whatever_is_looked_at_before(options):
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


def test_a_mistake_of_ours_before_there_is_a_request_is_a_500_with_its_request(monkeypatch, caplog):
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


def test_a_head_is_answered_where_the_body_that_nobody_gets_cannot_be_closed(caplog):
    class Body:
        def __iter__(self):
            return iter([b"a"])

        def close(self):
            raise OSError("it is stuck")

    app = Router()
    app.get("/")(lambda request, params: Response(Body()))
    assert call(app, "HEAD", validate=False).code == 200
    assert "it is stuck" in str(caplog.records[-1].exc_info[1])
