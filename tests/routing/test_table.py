"""The table: valid routes, and results without a match: other spellings, other methods."""

from __future__ import annotations

import pytest

from microfn.errors import RouteConflict
from microfn.routing.route import Route
from microfn.routing.table import Table


def handle(request, params):
    return ""


def table_of(*routes: str, **options) -> Table:
    """A table of routes as in `GET /users/:id`."""
    table = Table([Route(*route.split(" ", 1), handle) for route in routes], **options)
    table.compile()
    return table


MOVED = [
    (["GET /a"], "GET", "/a/", "/a"),
    (["GET /a/"], "GET", "/a", "/a/"),
    (["GET /a"], "HEAD", "/A", "/a"),
    (["HEAD /a"], "HEAD", "/A/", "/a"),
    (["GET /a"], "POST", "/A", None),
    (["GET /a", "POST /b"], "POST", "/A", None),
    (["GET /Users/:id/Posts"], "GET", "/USERS/Ann/posts", "/Users/Ann/Posts"),
    (["GET /users/v:id"], "GET", "/USERS/V1/", "/users/v1"),
    (["GET /src/*path"], "GET", "/SRC/A/b", "/src/A/b"),
    (["GET /src/*path"], "GET", "/SRC", "/src/"),
    (["GET /stra\u00dfe"], "GET", "/STRA\u1e9eE", "/stra\u00dfe"),
    (["GET /stra\u00dfe"], "HEAD", "/STRA\u1e9eE/", "/stra\u00dfe"),
    (["GET /stra\u00dfe"], "GET", "/strasse", None),
    (["GET /strasse"], "GET", "/STRA\u00dfE", None),
    (["GET /\u212aelvin"], "GET", "/kelvin", "/\u212aelvin"),
    (["GET /kelvin"], "GET", "/\u212aelvin/", "/kelvin"),
    (["GET /a/b"], "GET", "/x/../A/./b", "/a/b"),
    (["GET /a"], "GET", "//a", "/a"),
    (["GET /a"], "GET", "//", None),
    (["GET /"], "GET", "//", "/"),
    (["GET /:x/:y"], "GET", "//evil/", None),
    (["GET /u/:id"], "GET", "/u/../", None),
    (["GET /:x/:y"], "GET", "/../x/", None),
    (["GET /:x/:y"], "GET", "/.x/..y/", "/.x/..y"),
    (["GET /U/:id"], "GET", "/u/..", None),
    (["GET /a"], "CONNECT", "/A", None),
    (["GET /a/"], "GET", "/", None),
    (["GET /a", "GET /A/:x"], "GET", "/A", "/a"),
    (["GET /A", "GET /a"], "GET", "//A", "/A"),
    (["GET /A", "GET /a"], "GET", "//a", "/a"),
]


@pytest.mark.parametrize(("routes", "method", "path", "target"), MOVED)
def test_another_spelling_is_found(routes, method, path, target):
    assert table_of(*routes).find_redirect(method, path) == target


def test_what_is_switched_off_is_not_looked_for():
    assert table_of("GET /a", slash=False).find_redirect("GET", "/a/") is None
    assert table_of("GET /a", slash=False).find_redirect("GET", "/A") == "/a"
    assert table_of("GET /a", slash=False).find_redirect("GET", "//A") == "/a"
    assert table_of("GET /a", slash=False).find_redirect("GET", "//b") is None
    assert table_of("GET /a", slash=False).find_redirect("GET", "//a/") is None
    assert table_of("GET /stra\u00dfe", slash=False).find_redirect("GET", "/STRA\u1e9eE/") is None
    assert table_of("GET /a", fixed=False).find_redirect("GET", "/A") is None
    assert table_of("GET /a", fixed=False).find_redirect("GET", "/a/") == "/a"


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (["PUT /a", "GET /a"], "GET /a"),
        (["PUT /:a", "GET /:a"], "GET /b"),
        (["PUT /a", "GET /a", "GET /a"], "GET /a"),
    ],
)
def test_of_several_routes_all_are_added_or_none(new, old):
    table = table_of(old)
    routes = [Route(*route.split(" ", 1), handle) for route in new]
    with pytest.raises(RouteConflict) as caught:
        table.add(routes)
    assert caught.value.new is routes[1]
    assert caught.value.existing is table.routes[0]
    assert caught.value.handle is handle
    assert [str(route).partition(" (")[0] for route in table.routes] == [old]
    table.add(routes[:1])


def test_a_method_that_comes_twice_is_refused():
    table = Table()
    one, other = [Route("GET", "/a", handle) for _ in range(2)]
    with pytest.raises(RouteConflict) as caught:
        table.add([one, other])
    assert (caught.value.new, caught.value.existing, caught.value.handle) == (other, one, handle)
    assert table.methods() == frozenset()


def test_where_get_has_a_route_head_has_one():
    assert table_of("GET /a", "PUT /b").methods() == {"GET", "HEAD", "PUT"}
    assert table_of("HEAD /a", "PUT /b").methods() == {"HEAD", "PUT"}
    assert table_of("PUT /b").methods() == {"PUT"}


def test_the_trees_know_a_route_before_there_is_an_index():
    table = Table([Route("GET", "/a/:x", handle)])
    assert table.route_at("GET", "/a/1") is table.routes[0]
    assert table.route_at("GET", "/b") is None


@pytest.mark.parametrize("path", ["", "a", "*", "/\ud800"])
def test_what_is_no_path_has_no_match(path):
    assert table_of("GET /:a").find("GET", path)[0] is None


def test_head_has_its_own_routes_first():
    table = table_of("GET /a/b", "HEAD /a/:x", overlap=True)
    assert table.find("HEAD", "/a/b")[0].method == "HEAD"
    assert table.find("HEAD", "/a/")[0] is None
    assert table_of("GET /a/b").find("HEAD", "/a/b")[0].method == "GET"
