"""What is registered, what is refused, and what `lookup` and `routes` tell of it."""

from __future__ import annotations

import pytest

from microfn import InvalidHandle, InvalidPattern, Response, RouteConflict, Router

from .wsgi import call

METHODS = ["get", "post", "put", "patch", "delete", "head", "options"]


def ok(request, params):
    return "ok"


@pytest.mark.parametrize("name", METHODS)
def test_each_decorator_registers_its_method_and_returns_the_handle_unchanged(name):
    app = Router()
    assert getattr(app, name)("/x")(ok) is ok
    assert [(route.method, route.pattern, route.handle) for route in app.routes] == [(name.upper(), "/x", ok)]
    assert call(app, name.upper(), "/x").code == 200


def test_route_registers_several_methods():
    app = Router()
    app.route("/x", methods=["GET", "POST"], name="x")(ok)
    assert [(route.method, route.name) for route in app.routes] == [("GET", "x"), ("POST", "x")]


def test_route_registers_get_if_no_methods_are_given():
    app = Router()
    app.route("/x")(ok)
    assert [route.method for route in app.routes] == ["GET"]


def test_route_registers_all_of_its_methods_or_none():
    app = Router()
    app.post("/x")(ok)
    with pytest.raises(RouteConflict):
        app.route("/x", methods=["GET", "POST"])(ok)
    assert [route.method for route in app.routes] == ["POST"]
    assert call(app, "GET", "/x").code == 405


def test_route_refuses_a_method_given_twice():
    app = Router()
    with pytest.raises(RouteConflict, match=r"GET /x .* collides with GET /x"):
        app.route("/x", methods=["GET", "GET"])(ok)
    assert app.routes == ()


@pytest.mark.parametrize("methods", ["GET", 5, None])
def test_methods_that_are_no_list_are_refused(methods):
    with pytest.raises(TypeError, match="methods is a list"):
        Router().route("/x", methods=methods)


def test_no_methods_at_all_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        Router().route("/x", methods=[])


@pytest.mark.parametrize(
    "pattern", ["", "x", "/:", "/*", "/a*b", "/*a/b", "/:a:b", "/:a-b", "/:0", "/:a/:a", "/:name.json", "/\ud800"]
)
def test_a_pattern_that_cannot_be_is_refused(pattern):
    app = Router()
    with pytest.raises(InvalidPattern) as caught:
        app.get(pattern)(ok)
    assert caught.value.pattern == pattern
    assert app.routes == ()


def test_a_pattern_that_is_no_str_is_refused():
    with pytest.raises(TypeError, match="a pattern is a str, not int"):
        Router().handle("GET", 5, ok)


def test_a_decorator_without_its_pattern_is_refused():
    with pytest.raises(TypeError, match=r"ok lacks its pattern: @app.get\(\"/...\"\)"):
        Router().get(ok)


def test_the_same_pattern_may_be_registered_for_another_method():
    app = Router()
    app.get("/users/:id")(ok)
    app.post("/users/new")(ok)
    assert call(app, "GET", "/users/new").code == 200


def test_a_name_belongs_to_one_pattern():
    app = Router()
    app.get("/a", name="a")(ok)
    app.post("/a", name="a")(ok)
    with pytest.raises(ValueError, match=r"the name 'a' of GET /b .* is taken by GET /a"):
        app.get("/b", name="a")(ok)


@pytest.mark.parametrize(
    "flag",
    [
        "redirect_trailing_slash",
        "redirect_fixed_path",
        "handle_method_not_allowed",
        "handle_options",
        "overlap",
        "permanent_redirects",
        "path_info_encoded",
    ],
)
@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_a_switch_is_a_bool(flag, value):
    with pytest.raises(TypeError, match=f"{flag} is True or False"):
        Router(**{flag: value})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_content_length": "1"}, TypeError, "max_content_length is a number or None"),
        ({"max_content_length": True}, TypeError, "max_content_length is a number or None"),
        ({"max_content_length": -1}, ValueError, "max_content_length cannot be negative"),
        ({"max_path_length": None}, TypeError, "max_path_length is a number, not None"),
        ({"trusted_hosts": "example.com"}, TypeError, "trusted_hosts is a list"),
        ({"trusted_hosts": 5}, TypeError, "trusted_hosts is a list"),
        ({"trusted_hosts": ["a..b"]}, ValueError, "'a..b', which is no host"),
        ({"trusted_hosts": ["." + "x" * 64]}, ValueError, "which is no host"),
        ({"trusted_hosts": [""]}, ValueError, "'', which is no host: it is neither"),
        ({"trusted_hosts": ["::1"]}, ValueError, "'::1', which is no host: it is neither"),
        ({"trusted_hosts": [":80"]}, ValueError, "':80', which is no host: it is neither"),
        ({"trusted_hosts": ["http://site.test"]}, ValueError, "'http://site\\.test', which is no host: it is neither"),
        ({"trusted_hosts": [" site.test"]}, ValueError, "'\\ site\\.test', which is no host: it is neither"),
        ({"trusted_hosts": ["*.site.test"]}, ValueError, "'\\*\\.site\\.test', which is no host: it is neither"),
        ({"trusted_hosts": ["[::1"]}, ValueError, "'\\[::1', which is no host: it is neither"),
        ({"trusted_hosts": [5]}, TypeError, "trusted_hosts holds hosts as str"),
        ({"trusted_hosts": []}, ValueError, "trusted_hosts is empty"),
        ({"json": object()}, TypeError, "json is an object with dumps and loads"),
        ({"global_options": lambda: ""}, InvalidHandle, "handle"),
        ({"not_found": lambda request: ""}, InvalidHandle, "handle"),
        ({"method_not_allowed": "no"}, InvalidHandle, "not callable"),
    ],
)
def test_an_option_of_the_router_that_cannot_be_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        Router(**options)


def test_options_of_the_router_are_keyword_only():
    with pytest.raises(TypeError):
        Router(True)


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        ("404", TypeError, "by its status or its class"),
        (True, TypeError, "by its status or its class"),
        (None, TypeError, "by its status or its class"),
        (200, ValueError, "no status of an error"),
        (600, ValueError, "no status of an error"),
        (int, TypeError, "int is no class of exceptions"),
        (KeyboardInterrupt, TypeError, "no class of exceptions"),
    ],
)
def test_an_error_handler_needs_a_status_or_a_class_of_exceptions(key, error, message):
    with pytest.raises(error, match=message):
        Router().error(key)


def test_an_error_has_one_handler():
    app = Router(not_found=ok)
    with pytest.raises(ValueError, match=r"404 has an error handler already: tests.test_router.ok"):
        app.error(404)(ok)
    app.error(KeyError)(ok)
    with pytest.raises(ValueError, match="KeyError has an error handler already"):
        app.error(KeyError)(ok)


def test_an_error_handler_takes_two_arguments():
    with pytest.raises(InvalidHandle, match=r"an error handler: handler\(request, error\)"):
        Router().error(404)(lambda error: "")


def test_a_decorator_for_errors_without_its_key_is_refused():
    with pytest.raises(TypeError, match=r"@app.error\(404\), not @app.error"):
        Router().error(ok)


LOOKUPS = [
    ("GET", "/", "index", {}, False),
    ("HEAD", "/", "index", {}, False),
    ("GET", "/users/7", "user", {"id": "7"}, False),
    ("HEAD", "/users/7", "user_head", {"id": "7"}, False),
    ("GET", "/users/7/", None, {}, True),
    ("HEAD", "/src", None, {}, True),
    ("GET", "/src/", "src", {"path": "/"}, False),
    ("POST", "/", None, {}, False),
    ("get", "/", None, {}, False),
    ("GET", "/nope", None, {}, False),
]


@pytest.mark.parametrize(("method", "path", "handle", "params", "tsr"), LOOKUPS)
def test_lookup_tells_what_would_answer(method, path, handle, params, tsr):
    app, handles = Router(), {}
    for verb, pattern, name in [
        ("GET", "/", "index"),
        ("GET", "/users/:id", "user"),
        ("HEAD", "/users/:id", "user_head"),
        ("GET", "/src/*path", "src"),
    ]:
        handles[name] = lambda request, params: ""
        app.handle(verb, pattern, handles[name], convert={"id": int} if "id" in pattern else None)
    assert app.lookup(method, path) == (handles.get(handle), params, tsr)


def test_routes_are_listed_in_the_order_of_their_registration():
    app = Router()
    for pattern in ["/b", "/a", "/c"]:
        app.get(pattern)(ok)
    assert [route.pattern for route in app.routes] == ["/b", "/a", "/c"]


def test_the_test_client_gives_responses_of_microfn():
    app = Router()
    app.get("/")(ok)
    assert isinstance(app.test_client().get("/"), Response)
