"""Decorators, groups and included Routers: each registers all of it, or refuses it and registers nothing."""

from __future__ import annotations

import inspect

import pytest

from microfn import Group, InvalidHandle, InvalidPattern, RouteConflict, Router
from microfn.http.json import JSON

from ..handles import marking, marks, raising, say
from ..wsgi import call


def test_a_group_puts_its_prefix_before_patterns():
    app = Router()
    api = app.group("/api")
    api.get("/users/:id")(lambda request, params: params["id"])
    api.get("")(say("root"))
    assert isinstance(api, Group)
    assert repr(api) == "<Group /api>"
    assert call(app, path="/api/users/7").text == "7"
    assert call(app, path="/api").text == "root"
    assert [route.pattern for route in app.routes] == ["/api/users/:id", "/api"]


def test_groups_may_be_nested_and_have_params():
    app = Router()
    user = app.group("/users/:id", use=[marking("user")])
    posts = user.group("/posts", use=[marking("posts")])
    posts.get("/:post", use=[marking("route")])(lambda request, params: params)
    got = call(app, path="/users/7/posts/8")
    assert (got.json, marks(got)) == ({"id": "7", "post": "8"}, ["route", "posts", "user"])


@pytest.mark.parametrize("prefix", ["", "/"])
def test_a_group_without_a_prefix_shares_middleware(prefix):
    app = Router()
    private = app.group(prefix, use=[marking("private")])
    private.get("/a")(say("a"))
    app.get("/b")(say("b"))
    assert marks(call(app, path="/a")) == ["private"]
    assert marks(call(app, path="/b")) == []
    assert marks(call(app, path="/c")) == []


MISSES = [
    ("GET", "/api/nothing", 404),
    ("GET", "/api/", 404),
    ("GET", "/api//", 404),
    ("GET", "/api/users/x", 404),
    ("DELETE", "/api/users/7", 405),
    ("OPTIONS", "/api/users/7", 204),
    ("GET", "/api/users/7/", 301),
    ("GET", "/api/USERS/7", 301),
    ("POST", "/api/users/7/", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), MISSES)
def test_all_below_a_prefix_is_the_groups_business(method, path, status):
    app = Router()
    app.use(marking("app"))
    api = app.group("/api", use=[marking("api")])
    api.get("/users/:id", convert={"id": int})(say("user"))
    for inside in path, "/API" + path[4:] if status == 301 else path:
        got = call(app, method, inside)
        assert got.code == status
        assert marks(got) == ["api", "app"]


def test_what_is_beside_a_prefix_is_not():
    app = Router()
    app.group("/api", use=[marking("api")]).get("/x")(say("x"))
    for path in "/", "/apis", "/ap", "/x", "//api/y":
        assert marks(call(app, path=path)) == []


def test_a_prefix_with_params_and_one_with_text_are_told_apart():
    app = Router(overlap=True)
    app.group("/:tenant", use=[marking("tenant")]).get("/x")(say("x"))
    app.group("/admin", use=[marking("admin")]).get("/x")(say("x"))
    assert marks(call(app, path="/admin/nothing")) == ["admin"]
    assert marks(call(app, path="/acme/nothing")) == ["tenant"]


def test_the_nearest_error_handler_answers():
    app = Router()
    app.error(404)(say("app 404"))
    app.error(KeyError)(lambda request, error: ("app KeyError", 400))
    api = app.group("/api")
    api.error(404)(lambda request, error: {"error": "api 404"})
    v1 = api.group("/v1")
    v1.get("/x")(raising(KeyError()))
    v1.get("/y")(raising(ValueError()))
    v1.error(ValueError)(lambda request, error: ("v1 ValueError", 400))
    assert call(app, path="/nothing").text == "app 404"
    assert call(app, path="/api/nothing").json == {"error": "api 404"}
    assert call(app, path="/api/v1/nothing").json == {"error": "api 404"}
    assert call(app, path="/api/v1/x").text == "app KeyError"
    assert call(app, path="/api/v1/y").text == "v1 ValueError"


def test_handler_of_a_class_beats_one_of_500_in_a_nearer_group():
    app = Router()
    app.error(KeyError)(lambda request, error: ("app KeyError", 400))
    api = app.group("/api")
    api.error(500)(say("api 500"))
    api.get("/x")(raising(KeyError()))
    api.get("/y")(raising(ValueError()))
    assert call(app, path="/api/x").text == "app KeyError"
    assert (call(app, path="/api/y").code, call(app, path="/api/y").text) == (500, "api 500")


def test_a_groups_error_handlers_are_not_the_applications():
    app = Router()
    app.group("/api").error(404)(say("api"))
    assert call(app, path="/nothing").headers["content-type"] == "application/problem+json"
    assert call(app, path="/api/nothing").text == "api"


def test_error_handler_that_fails_leaves_it_to_the_outer_one(caplog):
    app = Router()
    app.error(Exception)(lambda request, error: ("app", 500))
    api = app.group("/api")
    api.error(KeyError)(raising(ValueError()))
    api.get("/x")(raising(KeyError()))
    assert (call(app, path="/api/x").code, call(app, path="/api/x").text) == (500, "app")


def test_use_on_a_group_is_inside_that_of_the_application():
    """The order of the two calls does not matter."""
    app = Router()
    api = app.group("/api", use=[marking("first")])
    api.get("/x")(say("x"))
    api.use(marking("second"))
    app.use(marking("app"))
    assert marks(call(app, path="/api/x")) == ["second", "first", "app"]
    api.use(marking("third"))
    assert marks(call(app, path="/api/x")) == ["third", "second", "first", "app"]


def test_misses_go_to_the_first_group_that_has_its_own_parts():
    """Two groups have one prefix, and the first of them with middleware or handlers has the misses."""
    app = Router()
    app.group("/api").get("/x")(say("x"))
    app.group("/api", use=[marking("a")]).get("/y")(say("y"))
    app.group("/api", use=[marking("b")]).get("/z")(say("z"))
    assert marks(call(app, path="/api/nothing")) == ["a"]
    assert marks(call(app, path="/api/z")) == ["b"]


def test_a_prefix_that_is_not_ascii():
    app = Router()
    api = app.group("/käse", use=[marking("m")])
    api.get("/ö")(say("ok"))
    assert call(app, path="/käse/ö".encode().decode("latin-1")).text == "ok"
    assert marks(call(app, path="/käse/x".encode().decode("latin-1"))) == ["m"]
    assert marks(call(app, path="/k\xff/x")) == []


@pytest.mark.parametrize("prefix", ["api", "/api/", "//", "/a/*rest", "/:", "/a:b:c"])
def test_a_prefix_that_could_be_before_nothing_is_refused(prefix):
    with pytest.raises(InvalidPattern):
        Router().group(prefix)
    with pytest.raises(InvalidPattern):
        Router().include(prefix, Router())


@pytest.mark.parametrize("prefix", [None, 7, b"/api"])
def test_a_prefix_is_text(prefix):
    with pytest.raises(TypeError):
        Router().group(prefix)


def test_a_pattern_in_a_group_begins_with_a_slash_too():
    with pytest.raises(InvalidPattern, match="must begin with a slash, even below '/api'"):
        Router().group("/api").get("users")(say(""))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("prefix", ["/users", "/a/users", "/:tenant"])
def test_empty_pattern_is_the_prefix_of_an_include(prefix, method):
    inner, app = Router(), Router()
    inner.route("", methods=[method], name="users")(lambda request, params: request.route.pattern)
    inner.get("/:id")(say("user"))
    app.include(prefix, inner)
    reply = call(app, method, prefix)
    assert (reply.code, reply.text) == (200, "" if method == "HEAD" else prefix)
    assert app.routes[0].pattern == prefix
    assert app.url_for("users", **{"tenant": ":tenant"} if ":" in prefix else {}) == prefix


def test_path_of_an_empty_pattern_answers_other_methods():
    inner, app = Router(), Router()
    inner.get("")(say("all"))
    inner.post("")(say("made"))
    app.include("/users", inner)
    assert call(app, "HEAD", "/users").code == 200
    assert call(app, "POST", "/users").text == "made"
    assert (call(app, "PUT", "/users").code, call(app, "OPTIONS", "/users").code) == (405, 204)
    assert call(app, "OPTIONS", "/users").headers["allow"] == "GET, HEAD, OPTIONS, POST"
    redirect = call(app, "POST", "/users/")
    assert (redirect.code, redirect.headers["location"]) == (308, "/users")


@pytest.mark.parametrize("part", [lambda app: app, lambda app: app.group(""), lambda app: app.group("/")])
def test_empty_pattern_without_a_prefix_is_the_root(part):
    app, outer = Router(), Router()
    part(app).get("", name="home")(say("home"))
    assert [route.pattern for route in app.routes] == ["/"]
    assert (call(app).text, call(app, path="").text, app.url_for("home")) == ("home", "home", "/")
    with pytest.raises(RouteConflict, match=r"GET / .* conflicts with GET / .*; a route can be registered only once"):
        part(app).get("/")(say("home"))
    outer.mount("/old", app)
    assert (call(outer, path="/old").text, call(outer, path="/old/").text) == ("home", "home")


def test_empty_pattern_conflicts_with_the_root_before_it():
    app = Router()
    app.get("/")(say("home"))
    with pytest.raises(RouteConflict):
        app.get("")(say("home"))
    app.post("")(say("other"))
    assert call(app, "POST").text == "other"


def test_empty_pattern_follows_each_include():
    """Without a prefix it is the root still, and below one no more than that."""
    inner, middle, app = Router(), Router(), Router()
    inner.get("")(say("x"))
    inner.group("/g").get("")(say("g"))
    middle.include("", inner)
    middle.include("/m", inner)
    assert [route.pattern for route in middle.routes] == ["/", "/g", "/m", "/m/g"]
    app.group("/api").include("/v1", middle)
    app.include("/", middle)
    assert [route.pattern for route in app.routes] == [
        *["/api/v1", "/api/v1/g", "/api/v1/m", "/api/v1/m/g"],
        *["/", "/g", "/m", "/m/g"],
    ]


def test_empty_pattern_of_an_include_collides_with_others():
    inner, app = Router(), Router()
    inner.get("")(say("x"))
    app.get("/users")(say("users"))
    with pytest.raises(RouteConflict, match="GET /users"):
        app.include("/users", inner)
    app.mount("/old", Router())
    with pytest.raises(RouteConflict, match="mount"):
        app.include("/old", inner)


def test_route_of_an_empty_pattern_is_removed_by_it():
    app = Router()
    app.get("")(say("x"))
    with pytest.raises(LookupError):
        app.remove("GET", None)
    app.remove("GET", "")
    assert app.routes == ()


def test_files_need_a_catch_all_below_an_empty_pattern():
    with pytest.raises(InvalidPattern, match="needs a catch-all"):
        Router().serve_files("", ".")


def test_a_param_that_its_prefix_has_already_is_refused():
    with pytest.raises(InvalidPattern, match="its own name, got 'id' twice"):
        Router().group("/users/:id").get("/posts/:id")(say(""))


def test_files_are_served_below_a_prefix(tmp_path):
    (tmp_path / "a.txt").write_text("hello", "utf-8")
    app = Router()
    app.group("/docs").serve_files("/*path", str(tmp_path))
    assert call(app, path="/docs/a.txt").text == "hello"


# Included Routers


def users():
    router = Router()
    router.use(marking("users"))
    router.error(404)(lambda request, error: {"error": "users"})
    router.get("/", name="users")(say("all"))
    router.get("/:id", name="user", convert={"id": int}, max_content_length=7)(
        lambda request, params: [params["id"], request.route.max_content_length]
    )
    admin = router.group("/:id/admin", use=[marking("admin")])
    admin.get("/keys")(lambda request, params: params)
    return router


def test_an_included_router_is_there_with_all_that_it_has():
    app = Router()
    app.use(marking("app"))
    app.include("/users", users())
    assert call(app, path="/users/").text == "all"
    assert call(app, path="/users/7").json == [7, 7]
    got = call(app, path="/users/7/admin/keys")
    assert (got.json, marks(got)) == ({"id": "7"}, ["admin", "users", "app"])
    got = call(app, path="/users/x")
    assert (got.code, got.json, marks(got)) == (404, {"error": "users"}, ["users", "app"])
    assert marks(call(app, path="/other")) == ["app"]
    assert app.url_for("user", id=8) == "/users/8"
    assert [route.pattern for route in app.routes] == ["/users/", "/users/:id", "/users/:id/admin/keys"]


def test_router_may_be_included_in_groups_and_included_routers():
    inner, middle, app = Router(), Router(), Router()
    inner.get("/c")(say("c"))
    inner.use(marking("inner"))
    middle.group("/b", use=[marking("b")]).include("/i", inner)
    app.group("/a", use=[marking("a")]).include("", middle)
    got = call(app, path="/a/b/i/c")
    assert (got.text, marks(got)) == ("c", ["inner", "b", "a"])


OPTIONS = {
    "redirect_trailing_slash": False,
    "redirect_fixed_path": False,
    "handle_method_not_allowed": False,
    "handle_options": False,
    "global_options": say("options"),
    "permanent_redirects": False,
    "max_content_length": 1000,
    "max_path_length": 100,
    "trusted_hosts": ["b.example:8000", "A.example"],
    "path_info_encoded": True,
}


@pytest.mark.parametrize("name", OPTIONS)
def test_included_router_without_the_options_of_both_is_refused(name):
    """They would be dropped without a word, a limit or a list of trusted hosts among them."""
    inner = Router(**{name: OPTIONS[name]})
    inner.get("/x")(say("x"))
    for app in Router(), Router().group("/a"):
        with pytest.raises(ValueError, match=f"router must have no {name} of its own, got .*or mount the router"):
            app.include("/in", inner)
        inner.get(f"/{id(app)}")(say("still open"))
    assert app._registry.current.routes == []
    for app in Router(**{name: OPTIONS[name]}), Router(**{name: OPTIONS[name]}).group("/a"):
        app.include("/in", inner)
    assert Router(**OPTIONS).include("", inner) is None


@pytest.mark.parametrize("limit", [None, 999])
def test_included_router_with_another_limit_is_refused(limit):
    with pytest.raises(ValueError, match="no max_content_length of its own, got 1000, since"):
        Router(max_content_length=limit).include("", Router(max_content_length=1000))


def test_included_router_takes_options_that_it_does_not_name():
    app = Router(**OPTIONS)
    app.include("/in", users())
    inner = Router(trusted_hosts=["a.example.", "B.example:08000"], json=JSON(), overlap=True, not_found=say("none"))
    app.include("/also", inner)


def test_included_router_of_an_included_one_keeps_its_options():
    inner, middle = Router(max_path_length=9), Router(max_path_length=9)
    middle.include("", inner)
    with pytest.raises(ValueError, match="no max_path_length of its own, got 9"):
        Router().include("", middle)


def test_every_option_of_a_router_is_kept_or_refused():
    documented = {"responses", "tags", "security", "deprecated"}  # tests/openapi/test_entries.py includes them
    known = {*OPTIONS, *documented, "json", "overlap", "not_found", "method_not_allowed"}
    assert set(inspect.unwrap(Router.__init__).__kwdefaults__) == known


def test_router_may_be_included_under_several_prefixes():
    inner, app = Router(), Router()
    inner.get("/x")(lambda request, params: request.route.pattern)
    app.include("/v1", inner)
    app.include("/v2", inner)
    assert call(app, path="/v1/x").text == "/v1/x"
    assert call(app, path="/v2/x").text == "/v2/x"


def test_where_a_route_came_from_is_still_known():
    inner, app = Router(), Router()
    inner.get("/x")(say("x"))
    app.include("/a", inner)
    with pytest.raises(RouteConflict, match=r"test_registration\.py:\d+"):
        app.get("/a/x")(say("y"))


def test_where_one_thing_is_refused_nothing_is_taken():
    inner, app = Router(), Router()
    inner.use(marking("inner"))
    inner.get("/free")(say("free"))
    inner.get("/taken")(say("taken"))
    app.get("/taken")(say("mine"))
    with pytest.raises(RouteConflict):
        app.include("", inner)
    assert [route.pattern for route in app.routes] == ["/taken"]
    assert marks(call(app, path="/taken")) == []
    inner.get("/more")(say("it is not included"))
    app.include("/inner", inner)
    assert call(app, path="/inner/more").code == 200


def test_an_include_that_is_undone_leaves_the_router_open():
    inner, app = users(), Router()

    def fail():
        with app.changes():
            app.include("/users", inner)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert app.routes == ()
    inner.get("/:id/late")(say("late"))
    app.include("/users", inner)
    app.include("/again", Router())
    assert call(app, path="/users/7/late").text == "late"
    with pytest.raises(RuntimeError):
        inner.get("/too/late")(say(""))


def test_a_name_that_both_have_is_refused():
    app = Router()
    app.get("/u", name="user")(say("u"))
    with pytest.raises(ValueError, match="the name 'user'"):
        app.include("/users", users())


CHANGES = [
    lambda router: router.get("/late")(say("late")),
    lambda router: router.use(marking("late")),
    lambda router: router.error(418)(say("late")),
    lambda router: router.group("/g").get("/late")(say("late")),
    lambda router: router.mount("/m", Router()),
    lambda router: router.include("/i", Router()),
    lambda router: router.remove("GET", "/"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_included_router_refuses_later_changes(change):
    """A later change would be lost."""
    inner, app = users(), Router()
    app.include("/users", inner)
    with pytest.raises(RuntimeError, match=r"included at .*test_registration\.py:\d+"):
        change(inner)


def test_an_included_router_can_still_be_tested_by_itself():
    inner = users()
    Router().include("/users", inner)
    assert call(inner, path="/7").json == [7, 7]


def test_a_router_may_be_included_while_requests_are_served():
    app = Router()
    assert call(app, path="/users/7").code == 404
    app.include("/users", users())
    assert call(app, path="/users/7").code == 200


def test_what_was_meant_is_told():
    from .. import handles as module

    with pytest.raises(TypeError, match="pass the prefix first"):
        Router().include(Router(), "/users")
    with pytest.raises(TypeError, match=r"use app\.mount for other WSGI applications"):
        Router().include("/users", module)
    module.some_router = Router()
    with pytest.raises(TypeError, match=r"did you mean tests.handles.some_router\?"):
        Router().include("/users", module)
    del module.some_router


@pytest.mark.parametrize("wrong", [None, "users", lambda environ, start_response: [], Router().group("/a")])
def test_what_is_no_router_is_not_included(wrong):
    with pytest.raises(TypeError, match="router must be a Router"):
        Router().include("/x", wrong)


def test_a_router_cannot_include_itself():
    app = Router()
    with pytest.raises(ValueError, match="itself"):
        app.include("/x", app)
    with pytest.raises(ValueError, match="itself"):
        app.group("/a").include("/x", app)


def refusing(handle):
    return lambda request, params: ("no", 403)


@pytest.mark.parametrize("path", ["/admin", "/admin/", "/admin/nothing", "/admin/a/b"])
@pytest.mark.parametrize("prefix", ["", "/v1"])
@pytest.mark.parametrize("is_included", [False, True])
def test_a_group_guards_its_prefix_with_nothing_registered_in_it(path, prefix, is_included):
    app, inner = Router(), Router()
    target = inner if is_included else app.group(prefix)
    target.group("/admin", use=[refusing])
    if is_included:
        app.include(prefix, inner)
    app.get("/other")(say("other"))
    assert call(app, path=prefix + path).code == 403
    assert call(app, path="/administrator").code == 404
    assert call(app, path="/other").text == "other"


def test_group_made_while_serving_guards_from_then_on():
    app = Router()
    assert call(app, path="/admin/x").code == 404
    app.group("/admin", use=[refusing])
    assert call(app, path="/admin/x").code == 403


def test_misses_go_to_the_first_group_made_with_middleware():
    """Both groups have the same prefix."""
    app = Router()
    app.group("/a", use=[refusing])
    app.group("/a").error(404)(lambda request, error: "second")
    assert call(app, path="/a/nothing").code == 403


METHODS = ["get", "post", "put", "patch", "delete", "head", "options"]


def ok(request, params):
    return "ok"


@pytest.mark.parametrize("name", METHODS)
def test_decorator_registers_its_method_and_returns_the_handle(name):
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
    with pytest.raises(RouteConflict, match=r"GET /x .* conflicts with GET /x"):
        app.route("/x", methods=["GET", "GET"])(ok)
    assert app.routes == ()


@pytest.mark.parametrize("methods", ["GET", 5, None])
def test_methods_that_are_no_list_are_refused(methods):
    with pytest.raises(TypeError, match="methods must be a list"):
        Router().route("/x", methods=methods)


def test_no_methods_at_all_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        Router().route("/x", methods=[])


@pytest.mark.parametrize(
    "pattern", ["x", "/:", "/*", "/a*b", "/*a/b", "/:a:b", "/:a-b", "/:0", "/:a/:a", "/:name.json", "/\ud800"]
)
def test_a_pattern_that_cannot_be_is_refused(pattern):
    app = Router()
    with pytest.raises(InvalidPattern) as caught:
        app.get(pattern)(ok)
    assert caught.value.pattern == pattern
    assert app.routes == ()


def test_a_pattern_that_is_no_str_is_refused():
    with pytest.raises(TypeError, match="pattern must be a str, got int"):
        Router().handle("GET", 5, ok)


def test_a_decorator_without_its_pattern_is_refused():
    with pytest.raises(TypeError, match=r"ok must be called with a pattern, like @app.get\(\"/path\"\)"):
        Router().get(ok)


def test_the_same_pattern_may_be_registered_for_another_method():
    app = Router()
    app.get("/users/:id")(ok)
    app.post("/users/new")(ok)
    assert call(app, "GET", "/users/new").code == 200


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        ("404", TypeError, "key must be a status or a class of exceptions"),
        (True, TypeError, "key must be a status or a class of exceptions"),
        (None, TypeError, "key must be a status or a class of exceptions"),
        (200, ValueError, "key must be the status of an error, 400 to 599"),
        (600, ValueError, "key must be the status of an error, 400 to 599"),
        (int, TypeError, "key must be a subclass of Exception, got int"),
        (KeyboardInterrupt, TypeError, "key must be a subclass of Exception"),
    ],
)
def test_error_handler_needs_a_status_or_an_exception_class(key, error, message):
    with pytest.raises(error, match=message):
        Router().error(key)


def test_an_error_has_one_handler():
    app = Router(not_found=ok)
    with pytest.raises(ValueError, match=r"404 already has an error handler, tests.application.test_registration.ok"):
        app.error(404)(ok)
    app.error(KeyError)(ok)
    with pytest.raises(ValueError, match="KeyError already has an error handler"):
        app.error(KeyError)(ok)


def test_an_error_handler_takes_two_arguments():
    with pytest.raises(InvalidHandle, match=r"an error handler: handler\(request, error\)"):
        Router().error(404)(lambda error: "")


def test_a_decorator_for_errors_without_its_key_is_refused():
    with pytest.raises(
        TypeError, match=r"the decorator must be called with a status or a class, like @app.error\(404\)"
    ):
        Router().error(ok)


def test_circular_include_is_refused():
    a, b, c, app = Router(), Router(), Router(), Router()
    b.include("/a", a)
    with pytest.raises(
        ValueError, match=r"this one, at .*test_registration\.py:\d+: a circular include; register shared routes"
    ):
        a.include("/b", b)
    c.include("/b", b)
    with pytest.raises(ValueError, match="a circular include"):
        a.group("/g").include("/c", c)
    for part in (app, app.group("/x")):
        with pytest.raises(ValueError, match="includes itself: a circular include"):
            part.include("/app", app)
    app.include("/c", c)
    app.include("/a", a)
    assert app.routes == ()


VERBS = ["get", "post", "put", "patch", "delete", "head", "options"]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("part", [Router(), Router().group("/g")])
def test_decorator_refuses_a_handle_behind_its_pattern(part, verb):
    def show(request, params):
        return ""

    decorator = rf"@app\.{verb}\('/'\) above show"
    message = rf"got <function .*; did you mean app\.handle\(\"{verb.upper()}\", '/', show\), or {decorator}"
    with pytest.raises(TypeError, match=message):
        getattr(part, verb)("/", show)
    with pytest.raises(TypeError, match=r"did you mean app\.handle"):
        getattr(part, verb)("/", show, name="x")


@pytest.mark.parametrize("verb", VERBS)
def test_decorator_of_one_method_refuses_others(verb):
    with pytest.raises(TypeError, match=r"a route has no option 'methods'; use app\.route\(pattern, methods="):
        getattr(Router(), verb)("/", methods=["GET", "POST"])
    with pytest.raises(TypeError, match=r"a route has no option 'method'; use app\.route\(pattern, methods="):
        getattr(Router(), verb)("/", method="POST")
    with pytest.raises(TypeError, match=r"did you mean app\.route\('/', methods=\['GET'\]\)"):
        getattr(Router(), verb)("/", ["GET"])


def test_route_refuses_what_stands_behind_its_pattern():
    app = Router()
    with pytest.raises(TypeError, match=r"did you mean app\.route\('/', methods=\['GET', 'POST'\]\)"):
        app.route("/", ["GET", "POST"])
    with pytest.raises(TypeError, match=r"did you mean app\.handle\(\"GET\", '/', <lambda>\), or @app\.route\('/'\)"):
        app.route("/", lambda request, params: "", methods=["PUT"])
    assert app.routes == ()


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("endpoint", "use name="),
        ("strict_slashes", r"use Router\(redirect_trailing_slash=False\)"),
        ("defaults", "a second route"),
        ("apply", "use="),
        ("status_code", r"\(body, status\)"),
        ("nam", "did you mean 'name'"),
        ("zzz", "its options are convert"),
    ],
)
def test_option_of_another_framework_is_refused_with_a_hint(option, hint):
    app = Router()
    for register in (
        lambda **options: app.get("/", **options),
        lambda **options: app.route("/", methods=["GET"], **options),
        lambda **options: app.handle("GET", "/", say(""), **options),
    ):
        with pytest.raises(TypeError, match=hint):
            register(**{option: "x"})
