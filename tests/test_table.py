"""What there is instead of a match: other spellings, other methods."""

from __future__ import annotations

import pytest

from microfn.route import Route
from microfn.table import Table


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
]


@pytest.mark.parametrize(("routes", "method", "path", "target"), MOVED)
def test_another_spelling_is_found(routes, method, path, target):
    assert table_of(*routes).moved(method, path) == target


def test_what_is_switched_off_is_not_looked_for():
    assert table_of("GET /a", slash=False).moved("GET", "/a/") is None
    assert table_of("GET /a", slash=False).moved("GET", "/A") == "/a"
    assert table_of("GET /a", slash=False).moved("GET", "//A") == "/a"
    assert table_of("GET /a", slash=False).moved("GET", "//b") is None
    assert table_of("GET /a", fixed=False).moved("GET", "/A") is None
    assert table_of("GET /a", fixed=False).moved("GET", "/a/") == "/a"


@pytest.mark.parametrize("path", ["", "a", "*", "/\ud800"])
def test_what_is_no_path_has_no_match(path):
    assert table_of("GET /:a").find("GET", path)[0] is None


def test_head_has_its_own_routes_first():
    table = table_of("GET /a/b", "HEAD /a/:x", overlap=True)
    assert table.find("HEAD", "/a/b")[0].method == "HEAD"
    assert table.find("HEAD", "/a/")[0] is None
    assert table_of("GET /a/b").find("HEAD", "/a/b")[0].method == "GET"
