"""`microfn match`: the response to a request and its reason, without a call of a handle."""

from __future__ import annotations

import pytest

from .shop import typed

MATCHES = [
    (("GET", "/users/7"), 0, "GET /users/:id (app.py:9)\n  handle  app.user\n  id  7\n"),
    (("GET", "/users/me"), 0, "GET /users/me (app.py:14)\n  handle  app.user\n"),
    (("HEAD", "/users/7?x=1"), 0, "GET /users/:id (app.py:9)\n  handle  app.user\n  id  7\n"),
    (("GET", "/k%C3%A4se/a%20b"), 0, "GET /käse/*rest (app.py:18)\n  handle  app.user\n  rest  '/a b'\n"),
    (("POST", "/old/x"), 0, "the mount /old (app.py:16)\n"),
    (("GET", "/users/7/"), 1, "301 Moved Permanently\n  to      /users/7\n"),
    (("DELETE", "/USERS/7?a=b"), 1, "308 Permanent Redirect\n  to      /users/7?a=b\n"),
    (("POST", "/users/7"), 1, "405 Method Not Allowed\n  allowed DELETE, GET, HEAD, OPTIONS\n"),
    (("OPTIONS", "/users/7"), 1, "204 No Content\n  allowed DELETE, GET, HEAD, OPTIONS\n"),
    (("GET", "/%FF"), 1, "400 Bad Request\n"),
    (("BREW", "/"), 1, "405 Method Not Allowed\n  allowed GET, HEAD, OPTIONS\n"),
]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("words", "code", "shown"), MATCHES)
def test_match_tells_what_a_request_leads_to_and_calls_nothing(words, code, shown):
    assert typed("match", *words, code=code).startswith(shown)


@pytest.mark.usefixtures("here")
def test_match_tells_where_the_walk_stops_and_what_is_near():
    walk, *near = typed("match", "GET", "/user/7", code=1).splitlines()[1:]
    assert walk == "  patterns begin like '/user', but none continues with '/7'"
    assert sorted(near) == [
        "  near    DELETE /users/:id (app.py:15)",
        "  near    GET /users/:id (app.py:9)",
        "  near    GET /users/me (app.py:14)",
    ]
    assert "like '/users/7', but none continues with '/posts'" in typed("match", "GET", "/users/7/posts", code=1)
    assert "like '/', but none continues with 'zzz'" in typed("match", "GET", "/zzz", code=1)
    assert "like '/', but none continues with 'zzz'" in typed("match", "BREW", "/zzz", code=1)
    assert "did you mean GET?" in typed("match", "get", "/", code=2)
    refused = typed("match", "GET", "/users/ann", code=1)
    assert refused == "404 Not Found\n  GET /users/:id (app.py:9) matches, but its converter rejects the value\n"


def test_match_where_there_are_no_routes(here):
    (here / "empty.py").write_text("from microfn import Router\napp = Router()\n", "utf-8")
    assert "  no pattern begins like '/'\n" in typed("match", "GET", "/", "empty", code=1)


def test_match_where_a_path_ends_within_the_text_of_a_node(here):
    (here / "notes.py").write_text("from microfn import Router\napp = Router()\napp.get('/notes')(print)\n", "utf-8")
    assert "  patterns begin like '/note', but none ends there\n  near    GET /notes" in typed(
        "match", "GET", "/note", "notes", code=1
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("GET", "users"),
            "PATH must begin with a slash, got 'users'; did you mean GET /users?\n",
        ),
        (("GET", "http://127.0.0.1/users"), "PATH must begin with a slash, got 'http://127.0.0.1/users'.\n"),
        (("/users", "GET"), "The arguments must be METHOD PATH [APP], with the method first.\n"),
    ],
)
def test_match_tells_a_path_from_what_is_none(words, told):
    assert typed("match", *words, code=2).endswith(told)


@pytest.mark.parametrize("options", ["trusted_hosts=['www.example.com']", "path_info_encoded=True"])
def test_match_looks_at_the_path_alone(here, options):
    source = f"from microfn import Router\napp = Router({options})\napp.get('/t/:text')(print)\n"
    (here / "guarded.py").write_text(source, "utf-8")
    assert "  text  '%41é'\n" in typed("match", "GET", "/t/%2541%C3%A9", "guarded")
    assert typed("match", "GET", "/t", "guarded", code=1).splitlines()[:2] == [
        "404 Not Found",
        "  patterns begin like '/t', but none ends there",
    ]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("path", "status"), [("/%FF", "400 Bad Request"), ("/" + "x" * 9000, "414 Request URI Too Long")]
)
def test_match_tells_of_no_walk_where_there_is_none(path, status):
    assert typed("match", "GET", path, code=1) == f"{status}\n"
