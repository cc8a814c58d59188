"""Reverse URLs lead to their route, or are refused."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from microfn import InvalidUrl, Router

from ..handles import say
from ..wsgi import call


def index(request, params):
    return "index"


@pytest.fixture
def app():
    app = Router()
    app.get("/", name="home")(index)
    app.get("/users/:id", name="user", convert={"id": int})(say("user"))
    app.get("/users/:id/posts/:post", name="post")(say("post"))
    app.get("/files/*path", name="file")(say("file"))
    app.get("/tags/t_:tag", name="tag")(say("tag"))
    app.get("/käse/ü:x", name="cheese")(say("cheese"))
    app.get("/what?/a b/%41", name="odd")(say("odd"))
    app.get("/search/:query", name="search")(say("search"))
    return app


BUILT = [
    ("home", {}, "/"),
    ("user", {"id": 7}, "/users/7"),
    ("user", {"id": "7"}, "/users/7"),
    ("user", {"id": -7}, "/users/-7"),
    ("post", {"id": "a b", "post": "ü"}, "/users/a%20b/posts/%C3%BC"),
    ("post", {"id": "%2F", "post": "a?b#c"}, "/users/%252F/posts/a%3Fb%23c"),
    ("post", {"id": Decimal("1.5"), "post": UUID(int=1)}, "/users/1.5/posts/00000000-0000-0000-0000-000000000001"),
    ("post", {"id": "...", "post": ".a"}, "/users/.../posts/.a"),
    ("post", {"id": "\x00\n", "post": "\\"}, "/users/%00%0A/posts/%5C"),
    ("file", {"path": "a/b.txt"}, "/files/a/b.txt"),
    ("file", {"path": "/a/b.txt"}, "/files/a/b.txt"),
    ("file", {"path": "/"}, "/files/"),
    ("file", {"path": "dir/"}, "/files/dir/"),
    ("tag", {"tag": "."}, "/tags/t_."),
    ("cheese", {"x": "y"}, "/k%C3%A4se/%C3%BCy"),
    ("odd", {}, "/what%3F/a%20b/%2541"),
]


@pytest.mark.parametrize(("name", "params", "url"), BUILT)
def test_a_url_is_built_by_name(app, name, params, url):
    assert app.url_for(name, **params) == url


def test_a_url_is_built_by_handle(app):
    assert app.url_for(index) == "/"


def test_before_and_after_the_first_request_and_after_changes(app):
    assert app.url_for("home") == "/"
    app.build()
    assert app.url_for("home") == app.url_for(index) == "/"
    assert app.url_for(index) == "/"
    app.get("/late", name="late")(index)
    assert app.url_for("late") == "/late"


def test_a_url_that_is_asked_for_early_publishes_nothing(app):
    app.url_for("home")
    assert app._snapshot is None


REFUSED = [
    ("usr", {}, "did you mean 'user'"),
    ("nothing like it", {}, "so pass the handle, or register it with name='nothing like it'$"),
    ("user", {}, "needs the param 'id'"),
    ("user", {"id": 7, "ids": 8}, "did you mean 'id'"),
    ("home", {"q": 1}, "its params are none; for the query, pass query={'q': [.]{3}}$"),
    ("search", {"query": "x", "zzz": 1}, "its params are query$"),
    ("user", {"id": ""}, "must be non-empty text or a number, got"),
    ("user", {"id": None}, "must be non-empty text or a number, got"),
    ("user", {"id": b"7"}, "must be non-empty text or a number, got"),
    ("user", {"id": [7]}, "must be non-empty text or a number, got"),
    ("user", {"id": "x"}, "that its converter accepts, got"),
    ("user", {"id": 1.5}, "that its converter accepts, got"),
    ("post", {"id": ".", "post": "x"}, "dot segment"),
    ("post", {"id": "..", "post": "x"}, "dot segment"),
    ("post", {"id": "a/b", "post": "x"}, "must be without slashes, even escaped ones, got"),
    ("post", {"id": "\ud800", "post": "x"}, "surrogate"),
    ("file", {"path": ""}, "must be non-empty text or a number, got"),
    ("file", {"path": "//evil"}, "since servers merge slashes, got"),
    ("file", {"path": "a//b"}, "since servers merge slashes, got"),
    ("file", {"path": "../x"}, "dot segment"),
    ("file", {"path": "a/./x"}, "dot segment"),
]


@pytest.mark.parametrize(("name", "params", "reason"), REFUSED)
def test_a_url_that_would_not_lead_there_is_refused(app, name, params, reason):
    with pytest.raises(InvalidUrl, match=reason) as info:
        app.url_for(name, **params)
    assert info.value.target == name


def test_a_handle_that_has_no_route(app):
    with pytest.raises(InvalidUrl, match="it has no route"):
        app.url_for(print)


@pytest.mark.parametrize(
    ("params", "url"),
    [
        ({}, "/u"),
        ({"id": 7}, "/u/7"),
        ({"id": 7, "query": {"q": 1}}, "/u/7?q=1"),
        ({"day": 1, "id": 7}, "/u/7/on/1"),
        ({"query": "x"}, "/s/x"),
        ({"query": {"page": 2}, "day": 3}, "/d/3?page=2"),
    ],
)
def test_handle_with_several_routes_goes_by_params(params, url):
    app, handle = Router(), say("u")
    for pattern in ("/s/:query", "/u", "/u/:id", "/v/:id", "/u/:id/on/:day", "/d/:day"):
        app.route(pattern, methods=["GET", "POST"])(handle)
    assert app.url_for(handle, **params) == url


def test_handle_with_several_routes_and_other_params_is_refused():
    app, handle = Router(), say("u")
    app.get("/u/:id")(handle)
    app.get("/v")(handle)
    with pytest.raises(InvalidUrl, match="params must be those of one of /u/:id, /v, got day, query"):
        app.url_for(handle, day=1, query={})
    app.remove("GET", "/v")
    app.get("/v/:x")(handle)
    with pytest.raises(InvalidUrl, match="params must be those of one of /u/:id, /v/:x, got none"):
        app.url_for(handle)


def test_value_does_not_choose_the_route():
    """The first route with these params is used, even if its converter rejects the value."""
    app, handle = Router(), say("u")
    app.get("/u/:id", convert={"id": int})(handle)
    app.get("/v/:id")(handle)
    with pytest.raises(InvalidUrl, match="its converter accepts"):
        app.url_for(handle, id="x")


@pytest.mark.parametrize(
    ("query", "url"),
    [
        ({}, "/users/7"),
        ({"q": None}, "/users/7"),
        ([], "/users/7"),
        ({"q": "a b&c=ü"}, "/users/7?q=a+b%26c%3D%C3%BC"),
        ({"q": ["x", None, 2], "r": (), "ü": 1.5}, "/users/7?q=x&q=2&%C3%BC=1.5"),
        ([("q", 1), ("r", 2), ["q", 3]], "/users/7?q=1&r=2&q=3"),
        (MultiDict([("q", "1"), ("q", "2")]), "/users/7?q=1&q=2"),
        (iter([("q", "")]), "/users/7?q="),
    ],
)
def test_query_is_encoded_behind_the_path(app, query, url):
    assert app.url_for("user", id=7, query=query) == url


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("q=1", "query must be a mapping or pairs"),
        (5, "query must be a mapping or pairs"),
        (["ab"], "query must be a mapping or pairs"),
        ([("q", 1, 2)], "query must be a mapping or pairs"),
        ({"q": b"x"}, "query must have str or numbers as values, got 'q': b'x'"),
        ({"q": [["x"]]}, "query must have str"),
        ({"q": {"x": 1}}, "query must have str"),
        ({5: 1}, "query must have str or numbers as values, got 5: 1"),
        ({"q": "\ud800"}, "query must be without surrogates"),
    ],
)
def test_query_that_is_none_is_refused(app, query, reason):
    with pytest.raises(InvalidUrl, match=reason):
        app.url_for("user", id=7, query=query)


def test_query_is_a_param_where_the_pattern_has_one():
    app = Router()
    app.get("/search/:query", name="search")(lambda request, params: request.url_for("search", query="a b"))
    assert app.url_for("search", query=7) == "/search/7"
    assert call(app, path="/search/x").text == "/search/a%20b"
    with pytest.raises(InvalidUrl, match="needs the param 'query'"):
        app.url_for("search")


def test_request_query_goes_behind_the_script_name():
    app = Router()
    app.get("/")(lambda request, params: request.url_for("home", query=request.args))
    app.get("/home", name="home")(say(""))
    assert call(app, query="b=1&a=2&b=3", SCRIPT_NAME="/app").text == "/app/home?b=1&b=3&a=2"


def test_a_handle_that_cannot_be_hashed():
    class Handle:
        __hash__ = None

        def __call__(self, request, params):
            return ""

    app, handle = Router(), Handle()
    app.get("/x", name="x")(handle)
    assert app.url_for("x") == "/x"
    with pytest.raises(InvalidUrl, match="it has no route"):
        app.url_for(handle)
    app.get("/y")(index)
    assert app.url_for(index) == "/y"


def test_a_handle_of_several_methods_has_one_url():
    app = Router()
    app.route("/x/:y", methods=["GET", "POST"], name="x")(index)
    assert app.url_for(index, y=1) == app.url_for("x", y=1) == "/x/1"


def test_a_method_of_an_object_is_a_handle_too():
    class Users:
        def show(self, request, params):
            return ""

    users, app = Users(), Router()
    app.get("/users")(users.show)
    assert app.url_for(users.show) == "/users"


@pytest.mark.parametrize("is_published", [False, True])
def test_a_url_that_would_lead_to_another_route_is_refused(is_published):
    app = Router(overlap=True)
    app.get("/users/:id", name="user")(index)
    app.get("/users/new")(say("new"))
    app.get("/*rest", name="rest")(say("rest"))
    if is_published:
        app.build()
    assert app.url_for("user", id="ann") == "/users/ann"
    assert app.url_for("rest", rest="x/y") == "/x/y"
    with pytest.raises(InvalidUrl, match="matches GET /users/new"):
        app.url_for("user", id="new")
    with pytest.raises(InvalidUrl, match="matches GET /users/:id"):
        app.url_for("rest", rest="users/ann")


def test_a_url_that_would_lead_to_a_mount_is_refused():
    app = Router()
    app.get("/:page", name="page")(index)
    app.mount("/old", Router())
    assert app.url_for("page", page="new") == "/new"
    with pytest.raises(InvalidUrl, match="matches a mount"):
        app.url_for("page", page="old")


def test_across_groups_and_included_routers():
    inner, app = Router(), Router()
    inner.get("/:id", name="inner")(lambda request, params: request.url_for("outer"))
    app.group("/g").get("/x", name="outer")(lambda request, params: request.url_for("inner", id="ü"))
    app.include("/i", inner)
    assert call(app, path="/i/7").text == "/g/x"
    assert call(app, path="/g/x").text == "/i/%C3%BC"


def show(request, params):
    return [request.url_for("item", id=1), request.url_for(show, id=2), request.url_for(start, query={"p": 1})]


def start(request, params):
    return request.url_for("item", id=1)


def items():
    router = Router()
    router.get("", name="items")(start)
    router.group("/g", use=[lambda handle: handle]).get("/:id", name="item")(show)
    return router


@pytest.mark.parametrize("prefix", ["/v1", "/v2", "/a/v2", "/a/b"])
def test_router_included_twice_links_below_its_own_prefix(prefix):
    app, outer, inner = Router(), Router(), items()
    app.include("/v1", inner)
    app.include("/v2", inner)
    outer.include("/v2", inner)
    outer.include("/b", inner)
    app.include("/a", outer)
    assert call(app, path=f"{prefix}/g/7").json == [f"{prefix}/g/1", f"{prefix}/g/2", f"{prefix}?p=1"]
    assert call(app, path=prefix).text == f"{prefix}/g/1"


def test_request_elsewhere_links_to_the_first_include():
    app, inner = Router(), items()
    app.include("/v1", inner)
    app.include("/v2", inner)
    app.get("/")(show)
    app.error(404)(show)
    assert call(app).json == ["/v1/g/1", "/v1/g/2", "/v1?p=1"]
    assert call(app, path="/v2/nothing/there").json == ["/v1/g/1", "/v1/g/2", "/v1?p=1"]
    assert app.url_for("items") == app.url_for(start) == "/v1"


@pytest.mark.parametrize("prefix", ["/v1", "/v2", "/a/v2"])
@pytest.mark.parametrize(
    ("method", "path", "error"), [("GET", "/none", 404), ("PUT", "/g/7", 405), ("GET", "/g/", 404)]
)
def test_error_handler_of_an_include_links_below_its_prefix(prefix, method, path, error):
    """The request has no route there, and belongs to the Router all the same."""
    app, outer, inner = Router(redirect_trailing_slash=False), Router(), items()
    inner.error(error)(show)
    app.include("/v1", inner)
    app.include("/v2", inner)
    outer.include("/v2", inner)
    app.include("/a", outer)
    reply = call(app, method, prefix + path, SCRIPT_NAME="/s")
    assert reply.json == [f"/s{prefix}/g/1", f"/s{prefix}/g/2", f"/s{prefix}?p=1"]


@pytest.mark.parametrize("prefix", ["/v1", "/v2"])
def test_middleware_of_an_include_links_below_its_prefix(prefix):
    app, inner = Router(), items()
    inner.use(lambda handle: lambda request, params: request.url_for("items"))
    app.include("/v1", inner)
    app.include("/v2", inner)
    for path in "/g/7", "/none", "/g/7/":
        assert call(app, path=prefix + path).text == prefix
    assert call(app, "OPTIONS", prefix).text == prefix


def test_include_below_a_param_goes_by_params_and_prefix():
    app, inner = Router(overlap=True), items()
    app.include("/:tenant", inner)
    app.include("/v2", inner)
    assert app.url_for("item", id=1) == "/v2/g/1"
    assert app.url_for("item", id=1, tenant="t") == "/t/g/1"
    assert call(app, path="/v2").text == "/v2/g/1"
    app.error(InvalidUrl)(lambda request, error: str(error))
    assert "/:tenant/g/:id needs the param 'tenant'" in call(app, path="/t").text


def test_group_does_not_choose_between_routes_of_one_handle():
    app, handle = Router(), say("x")
    group = app.group("/g")
    app.get("/first")(handle)
    group.get("/second")(handle)
    group.get("/")(lambda request, params: request.url_for(handle))
    assert call(app, path="/g/").text == "/first"


def test_name_of_an_include_is_not_for_another_router():
    app = Router()
    app.include("/v1", items())
    with pytest.raises(ValueError, match=r"the name 'items' of GET /v3 .* is already used by GET /v1"):
        app.include("/v3", items())
    with pytest.raises(ValueError, match=r"the name 'item' of GET /x .* is already used by GET /v1/g/:id"):
        app.get("/x", name="item")(show)


def test_name_stays_with_the_next_include_when_one_is_removed():
    app, inner = Router(), items()
    for number in (1, 2, 3):
        app.include(f"/v{number}", inner)
    app.remove("GET", "/v1")
    assert app.url_for("items") == "/v2"


@pytest.mark.parametrize(
    ("script", "url"),
    [
        ("/app", "/app/g"),
        ("/app/", "/app/g"),
        ("/", "/g"),
        ("//evil.test", "/evil.test/g"),
        (None, "/g"),
        ("/a b", "/a%20b/g"),
    ],
)
def test_a_requests_url_has_the_script_name(script, url):
    app = Router()
    app.get("/g", name="g")(lambda request, params: request.url_for("g"))
    assert call(app, path="/g", SCRIPT_NAME=script, validate=False).text == url


def test_a_param_may_be_called_like_an_argument():
    app = Router()
    app.get("/:target/:self", name="x")(say(""))
    assert app.url_for("x", target=1, self=2) == "/1/2"


def test_a_removed_name_is_gone_and_one_of_another_method_stays():
    app = Router()
    app.route("/x", methods=["GET", "POST"], name="x")(index)
    app.remove("GET", "/x")
    assert app.url_for("x") == "/x"
    app.remove("POST", "/x")
    with pytest.raises(InvalidUrl):
        app.url_for("x")


VALUES = st.text(max_size=8) | st.text("./%\\:*?#ab\u00e4 ", max_size=6)


@given(first=VALUES, second=VALUES, rest=VALUES)
def test_whatever_is_built_leads_back_with_the_same_values(first, second, rest):
    app = Router(redirect_trailing_slash=False, redirect_fixed_path=False)
    app.get("/a/:first/b_:second/*rest", name="x")(lambda request, params: {**params})
    try:
        url = app.url_for("x", first=first, second=second, rest=rest)
    except InvalidUrl:
        return
    assert url.isascii()
    from urllib.parse import unquote_to_bytes

    got = call(app, path=unquote_to_bytes(url).decode("latin-1")).json
    assert got == {"first": first, "second": second, "rest": rest if rest.startswith("/") else f"/{rest}"}
