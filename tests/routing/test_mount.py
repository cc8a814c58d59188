"""Mounted applications and hosts, whose requests and responses stay unchanged."""

from __future__ import annotations

import io

import pytest

from microfn import InvalidPattern, RouteConflict, Router

from ..handles import marking, marks, say
from ..wsgi import call, environ_of


def show(environ, start_response):
    """A foreign application that shows its environ."""
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [repr((environ["SCRIPT_NAME"], environ["PATH_INFO"])).encode()]


def seen(app, path, **options):
    return eval(call(app, path=path, validate=False, **options).text)


@pytest.fixture
def app():
    app = Router()
    app.mount("/old", show)
    app.mount("/old/older", show)
    app.mount("/käse", show)
    app.get("/new/:id")(say("new"))
    return app


SHIFTS = [
    ("/old", "", "/old", ""),
    ("/old/", "", "/old", "/"),
    ("/old/a/b", "", "/old", "/a/b"),
    ("/old//a/../b/", "", "/old", "//a/../b/"),
    ("/old/%2F", "", "/old", "/%2F"),
    ("/old/\xff", "", "/old", "/\xff"),
    ("/old/older", "", "/old/older", ""),
    ("/old/older/x", "", "/old/older", "/x"),
    ("/old/olders", "", "/old", "/olders"),
    ("/old/x", "/app", "/app/old", "/x"),
    ("/old/x", "/", "/old", "/x"),
    ("/k\xc3\xa4se/\xc3\xb6", "", "/k\xc3\xa4se", "/\xc3\xb6"),
    ("/old/" + "x" * 20_000, "", "/old", "/" + "x" * 20_000),
]


@pytest.mark.parametrize(("path", "script", "new_script", "rest"), SHIFTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "BREW", "get"])
def test_the_prefix_moves_to_script_name_as_it_came(app, method, path, script, new_script, rest):
    got = []

    def spy(environ, start_response):
        got.append((environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["REQUEST_METHOD"]))
        return show(environ, start_response)

    other = Router()
    for prefix in "/old", "/old/older", "/käse":
        other.mount(prefix, spy)
    call(other, method, path, validate=False, SCRIPT_NAME=script)
    assert got == [(new_script, rest, method)]


@pytest.mark.parametrize("path", ["/", "/older", "/ol", "/OLD/x", "//old/x", "/new/old", "/k\xe4se/x"])
def test_what_is_beside_a_mount_is_not_its_business(app, path):
    assert call(app, path=path).text[:2] != "('"


def test_a_script_name_that_is_missing(app):
    assert seen(app, "/old/x", SCRIPT_NAME=None) == ("/old", "/x")


def test_the_pattern_is_told_for_metrics(app):
    environ = environ_of(path="/old/x")
    app(environ, lambda *answer: None)
    assert environ["microfn.route"] == "/old/*"


def test_its_answers_and_errors_stay_its_own():
    class Odd(Exception):
        pass

    def odd(environ, start_response):
        if environ["PATH_INFO"] == "/raise":
            raise Odd
        write = start_response("404 My Own", [("X-Odd", "tab\there")])
        write(b"written ")
        return iter([b"then returned"])

    app = Router()
    app.use(marking("m"))
    app.error(404)(say("mine"))
    app.error(Exception)(say("mine"))
    app.mount("/odd", odd, bare=True)
    got = call(app, path="/odd/x", validate=False)
    assert (got.status, got.header_list, got.body) == ("404 My Own", [("X-Odd", "tab\there")], b"written then returned")
    assert isinstance(call(app, path="/odd/raise", validate=False).error, Odd)
    assert marks(call(app, path="/x")) == ["m"]


def test_its_body_is_the_very_object_that_it_returned():
    body = io.BytesIO(b"file")

    def files(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](body)

    app = Router()
    app.mount("/files", files)
    got = app(environ_of(path="/files/x", wsgi__file_wrapper=lambda file: file), lambda *answer: None)
    assert got is body


def test_a_router_can_be_mounted_and_redirects_within_itself():
    inner = Router()
    inner.get("/a")(lambda request, params: request.url_for("there"))
    inner.get("/b/:x", name="there", convert={"x": lambda text: text})(say("b"))
    inner.get("/c", name="c")(lambda request, params: request.url_for("c"))
    app = Router()
    app.mount("/inner", inner)
    assert call(app, path="/inner/a/").headers["location"] == "/inner/a"
    assert call(app, path="/inner/c").text == "/inner/c"


def test_mounts_come_before_routes_with_wildcards():
    app = Router(overlap=True)
    app.get("/:page")(say("page"))
    app.get("/*rest")(say("rest"))
    app.get("/o:ld/x")(say("prefixed"))
    app.mount("/old", show)
    app.mount("/a/b", show)
    app.get("/x/:y")(say("x"))
    assert seen(app, "/old/x") == ("/old", "/x")
    assert seen(app, "/old") == ("/old", "")
    assert seen(app, "/a/b/c") == ("/a/b", "/c")
    assert call(app, path="/older").text == "page"
    assert call(app, path="/a/c").text == "rest"


def test_a_single_page_application_beside_a_mount():
    app = Router()
    app.get("/*page")(say("page"))
    app.mount("/api", show)
    assert seen(app, "/api/x") == ("/api", "/x")
    assert call(app, path="/apis").text == "page"


def test_in_strict_mode_too():
    app = Router()
    app.get("/:page/x")(say("page"))
    app.mount("/old", show)
    assert seen(app, "/old/x") == ("/old", "/x")
    assert call(app, path="/new/x").text == "page"


def test_a_mount_below_an_encoded_path():
    app = Router(path_info_encoded=True)
    app.mount("/käse", show)
    assert seen(app, "/k%C3%A4se/%41") == ("/k\xc3\xa4se", "/A")


@pytest.mark.parametrize("pattern", ["/old", "/old/", "/old/x", "/old/:id", "/old/*rest"])
def test_a_route_below_a_mount_is_a_conflict_in_either_order(pattern):
    first, second = Router(), Router()
    first.mount("/old", show)
    with pytest.raises(
        RouteConflict, match=r"the mount /old \(.*test_mount\.py:\d+\); the mounted application gets every path below"
    ) as info:
        first.get(pattern)(say(""))
    assert info.value.clash == "mount"
    assert info.value.handle is show
    second.get(pattern)(say(""))
    with pytest.raises(RouteConflict, match="the mount /old"):
        second.mount("/old", show)
    assert call(second, path="/old/other/x/y").text[:2] != "('"


def test_two_applications_at_one_prefix_are_a_conflict():
    app = Router()
    app.mount("/old", show)
    with pytest.raises(RouteConflict):
        app.mount("/old", show)


@pytest.mark.parametrize("prefix", ["", "/", "old", "/old/", "/:id", "/old/*rest"])
def test_a_prefix_that_is_none_is_refused(prefix):
    with pytest.raises(InvalidPattern):
        Router().mount(prefix, show)


@pytest.mark.parametrize("wrong", [None, "app", 7])
def test_what_is_no_application_is_refused(wrong):
    with pytest.raises(TypeError, match="WSGI application"):
        Router().mount("/old", wrong)


def test_a_group_and_an_included_router_can_mount():
    inner, app = Router(), Router()
    inner.mount("/c", show)
    app.group("/a").mount("/b", show)
    app.include("/i", inner)
    assert seen(app, "/a/b/x") == ("/a/b", "/x")
    assert seen(app, "/i/c/x") == ("/i/c", "/x")
    assert repr(app._registry.current.mounts["/a/b"]) == "<Mount /a/b tests.routing.test_mount.show>"


def test_a_mount_may_be_added_while_requests_are_served():
    app = Router()
    assert call(app, path="/old/x").code == 404
    app.mount("/old", show)
    assert seen(app, "/old/x") == ("/old", "/x")


def test_a_lookup_finds_no_route_below_a_mount():
    app = Router()
    app.get("/:a/:b")(lambda request, params: "route")
    app.mount("/old", lambda environ, start_response: [])
    app.mount("/é", lambda environ, start_response: [])
    for path in "/old/x", "/é/x":
        assert app.lookup("GET", path) == (None, {}, False)
    assert app.lookup("GET", "/other/x")[1] == {"a": "other", "b": "x"}


def test_one_router_at_two_mounts_is_told_apart():
    inner, app, routes = Router(), Router(), []
    inner.get("/items/:id", convert={"id": int})(
        lambda request, params: routes.append(request.environ["microfn.route"]) or "x"
    )
    inner.get("/plain")(lambda request, params: routes.append(request.environ["microfn.route"]) or "x")
    outer = Router()
    app.mount("/v1", inner)
    app.mount("/v2", inner)
    outer.mount("/api", app)
    for path in "/v1/items/7", "/v2/items/7", "/v1/plain", "/v2/plain":
        assert call(app, path=path).code == 200
    assert call(outer, path="/api/v2/items/7").code == 200
    assert call(app, path="/v2/items/x").code == 404
    assert routes == ["/v1/items/:id", "/v2/items/:id", "/v1/plain", "/v2/plain", "/api/v2/items/:id"]
