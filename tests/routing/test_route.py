"""A route: its method, its options, and the file and line of its registration."""

from __future__ import annotations

import pytest

from microfn import InvalidMethod, RouteConflict, RouteError, Router

from ..wsgi import call


def ok(request, params):
    return "ok"


def test_any_upper_case_token_is_a_method():
    app = Router()
    app.handle("PROPFIND", "/x", ok)
    app.handle("M-SEARCH", "/x", ok)
    assert call(app, "PROPFIND", "/x", validate=False).code == 200
    assert call(app, "GET", "/x").headers["allow"] == "M-SEARCH, OPTIONS, PROPFIND"


@pytest.mark.parametrize(
    ("method", "hint"),
    [
        ("get", "did you mean 'GET'"),
        ("Get", "did you mean 'GET'"),
        ("", "token"),
        ("GE T", "token"),
        ("GÉT", "token"),
        ("G\n", "token"),
    ],
)
def test_a_method_that_no_request_can_have_is_refused(method, hint):
    with pytest.raises(InvalidMethod, match=hint) as caught:
        Router().handle(method, "/x", ok)
    assert caught.value.method == method
    assert isinstance(caught.value, RouteError)


def test_a_method_that_is_no_str_is_refused():
    with pytest.raises(TypeError, match="method must be a str, got int"):
        Router().handle(5, "/x", ok)


def test_a_method_and_a_pattern_that_changed_places_are_told_so():
    with pytest.raises(InvalidMethod, match="pass the method first"):
        Router().handle("/x", "GET", ok)


def test_conflict_names_both_routes_their_places_and_the_option():
    app = Router()
    app.get("/users/:id")(ok)
    with pytest.raises(RouteConflict) as caught:
        app.get("/users/new")(ok)
    message = str(caught.value)
    assert message.startswith("GET /users/new (tests/routing/test_route.py:")
    assert " conflicts with GET /users/:id (tests/routing/test_route.py:" in message
    assert "Router(overlap=True) prefers the literal text" in message
    assert caught.value.new.pattern == "/users/new"
    assert caught.value.existing is app.routes[0]
    assert caught.value.new.where[1] == caught.value.existing.where[1] + 2


def test_a_place_outside_of_the_working_directory_is_told_whole(tmp_path, monkeypatch):
    app = Router()
    app.get("/x")(ok)
    monkeypatch.chdir(tmp_path)
    assert str(app.routes[0]) == f"GET /x ({__file__}:{app.routes[0].where[1]})"
    assert repr(app.routes[0]).startswith("<Route GET /x ")


def test_an_unknown_option_of_a_route_is_refused():
    with pytest.raises(TypeError, match="a route has no option 'nmae'; did you mean 'name'"):
        Router().get("/x", nmae="x")
    with pytest.raises(
        TypeError, match="a route has no option 'zzz'; its options are convert, deprecated, max_content_length, "
    ):
        Router().handle("GET", "/x", ok, zzz="x")


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("response_model", r"responses=\{200: \.\.\.\}"),
        ("operation_id", "name="),
        ("summary", "the docstring of the handle"),
        ("description", "the docstring of the handle"),
    ],
)
def test_an_option_for_documents_elsewhere_gets_a_hint(name, ours):
    with pytest.raises(TypeError, match=f"a route has no option '{name}'; use {ours}$"):
        Router().get("/x", **{name: "x"})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"name": 5}, TypeError, "name must be a str, got int"),
        ({"responses": [404]}, TypeError, "responses must be a mapping"),
        ({"tags": "users"}, TypeError, "tags must be a list of texts"),
        ({"max_content_length": "5"}, TypeError, "max_content_length must be an int or None"),
        ({"max_content_length": -1}, ValueError, "must be 0 or more, got -1"),
        ({"convert": [int]}, TypeError, "convert must be a mapping of params to callables"),
        ({"convert": {"id": "int"}}, TypeError, "the converter of 'id' must be callable"),
        (
            {"convert": {"idd": int}},
            ValueError,
            "convert must have params of '/users/:id' as keys, got 'idd'; did you mean 'id'",
        ),
        ({"convert": {"zzz": int}}, ValueError, "convert must have params of '/users/:id' as keys, got 'zzz'$"),
    ],
)
def test_an_option_of_a_route_that_cannot_be_is_refused(options, error, message):
    app = Router()
    with pytest.raises(error, match=message):
        app.get("/users/:id", **options)(ok)
    assert app.routes == ()
