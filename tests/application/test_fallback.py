"""Requests that match no route: a redirect, OPTIONS, 405, 404, 414. WebTest checks the WSGI side of each."""

from __future__ import annotations

import pytest

from microfn import Router

from ..handles import echo
from ..wsgi import call

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
def test_other_spelling_redirects_to_the_registered_one(client, method, path, location, status):
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


def test_a_long_path_is_414_only_if_it_is_no_match():
    app = Router(max_path_length=20)
    app.get("/users/:id")(echo)
    assert call(app, path="/users/" + "x" * 100).code == 200
    assert call(app, path="/nope/" + "x" * 100).code == 414
    assert call(app, path="/users/" + "x" * 13 + "/").code == 414
    assert call(app, path="/users/" + "x" * 12 + "/").code == 301
