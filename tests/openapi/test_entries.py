"""Routes of a document, with the facts of the parts around them."""

from __future__ import annotations

import pytest

from microfn import Router
from microfn.openapi.entries import entries, facts_of, tags_of


def handle(request, params):
    return ""


def facts(app):
    """Return the facts of each route, by its template."""
    return {entry.template: facts_of(entry) for entry in entries(app, leave_out=str)}


def tags(app):
    return {entry.template: tags_of(entry, facts_of(entry)) for entry in entries(app, leave_out=str)}


def test_a_route_has_what_each_part_around_it_says():
    app = Router(responses={500: "app"}, security=["app"])
    outer = app.group("/a", responses={401: "outer", 403: "outer"}, tags=["outer"])
    inner = outer.group("/b", responses={403: "inner", 404: "inner"}, security=["inner"], deprecated=True)
    inner.get("/c", responses={404: "route"}, use=[lambda handle: handle])(handle)
    inner.get("/d", security=[], tags=["route"], deprecated=False)(handle)
    app.get("/plain")(handle)
    inherited = {500: "app", 401: "outer", 403: "inner"}
    assert facts(app) == {
        "/a/b/c": ({**inherited, 404: "route"}, ("outer",), ({"inner": []},), True),
        "/a/b/d": ({**inherited, 404: "inner"}, ("route",), (), False),
        "/plain": ({500: "app"}, None, ({"app": []},), None),
    }


def test_an_included_router_brings_its_own_facts():
    def users():
        router = Router(responses={401: "own"}, tags=["own"])
        router.get("/x")(handle)
        router.group("/in", security=["key"]).get("/y")(handle)
        return router

    app = Router(deprecated=True)
    app.include("/said", users(), responses={401: "include", 403: "include"}, tags=["include"], security=["token"])
    app.group("/group", responses={409: "group"}).include("", users())
    assert facts(app) == {
        "/said/x": ({401: "own", 403: "include"}, ("own",), ({"token": []},), True),
        "/said/in/y": ({401: "own", 403: "include"}, ("own",), ({"key": []},), True),
        "/group/x": ({409: "group", 401: "own"}, ("own",), None, True),
        "/group/in/y": ({409: "group", 401: "own"}, ("own",), ({"key": []},), True),
    }


def test_one_router_included_twice_has_the_facts_of_each_place():
    users, middle, app = Router(), Router(), Router()
    users.get("/x")(handle)
    middle.include("/users", users, tags=["users"])
    app.include("/v1", middle, deprecated=True)
    app.include("/v2", middle, security=["token"])
    assert facts(app) == {
        "/v1/users/x": ({}, ("users",), None, True),
        "/v2/users/x": ({}, ("users",), ({"token": []},), None),
    }


def test_a_mounted_router_has_the_facts_of_its_mount_unless_bare():
    inner, deep, app = Router(responses={404: "inner"}), Router(), Router(security=["app"])
    inner.get("/x")(handle)
    inner.mount("/deep", deep)
    deep.get("/y", security=["deep"])(handle)
    group = app.group("/g", responses={401: "group"})
    group.mount("/guarded", inner)
    group.mount("/bare", inner, bare=True)
    assert facts(app) == {
        "/g/guarded/x": ({401: "group", 404: "inner"}, None, ({"app": []},), None),
        "/g/guarded/deep/y": ({401: "group", 404: "inner"}, None, ({"deep": []},), None),
        "/g/bare/x": ({404: "inner"}, None, None, None),
        "/g/bare/deep/y": ({404: "inner"}, None, ({"deep": []},), None),
    }


@pytest.mark.parametrize(
    ("register", "expected"),
    [
        (lambda app: app.get("/x")(handle), []),
        (lambda app: app.get("/x", tags=["ä", "b"])(handle), ["ä", "b"]),
        (lambda app: app.group("/käse/:id").get("/x")(handle), ["käse/{id}"]),
        (lambda app: app.group("/käse", tags=[]).get("/x")(handle), []),
        (lambda app: app.group("", tags=["a"]).get("/x")(handle), ["a"]),
        (lambda app: app.group("/a", tags=["a"]).group("/b").get("/x")(handle), ["a"]),
    ],
)
def test_tags_that_are_given_come_in_place_of_the_prefix(register, expected):
    app = Router()
    register(app)
    assert list(tags(app).values()) == [expected]


def test_a_router_included_at_no_prefix_may_have_a_tag():
    users, tokens, app = Router(), Router(tags=["tokens"]), Router()
    users.get("/users")(handle)
    tokens.get("/tokens")(handle)
    app.include("", users, tags=["users"])
    app.include("", tokens)
    assert tags(app) == {"/users": ["users"], "/tokens": ["tokens"]}
