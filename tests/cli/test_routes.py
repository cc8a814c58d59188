"""`microfn routes`: a table, JSON, or a tree."""

from __future__ import annotations

import json

import pytest

from .shop import typed


@pytest.mark.usefixtures("here")
def test_routes_are_a_table():
    lines = typed("routes").splitlines()
    assert lines[0] == "GET     /            home  app.<lambda>       app.py:6"
    assert lines[1] == "GET     /users/:id   user  app.user           app.py:9"
    assert lines[-1] == "*       /old/…             other.application  app.py:16"
    assert len(lines) == 6


@pytest.mark.usefixtures("here")
def test_routes_without_names_have_no_column_for_them(here):
    (here / "wsgi.py").write_text("from microfn import Router\napplication = Router()\n", "utf-8")
    assert typed("routes", "wsgi") == "There are no routes.\n"
    (here / "plain.py").write_text(
        "from microfn import Router\napp = Router()\napp.handle('GET', '/', lambda request, params: '')\n", "utf-8"
    )
    assert typed("routes", "plain") == "GET  /  plain.<lambda>  plain.py:3\n"


@pytest.mark.usefixtures("here")
def test_routes_are_json_and_a_tree():
    listed = json.loads(typed("routes", "app:create()", "--json"))
    assert listed[0].items() >= {"method": "GET", "pattern": "/", "name": "home", "line": 6}.items()
    drawn = typed("routes", "--tree")
    assert drawn.startswith("GET\n")
    assert "[/users/:id]" in drawn


MOUNTED = """
from microfn import Router
from werkzeug.middleware.proxy_fix import ProxyFix

inner, deep, app = Router(), Router(), Router()
inner.get("/x/:id", name="x")(lambda request, params: "x")
deep.get("/")(lambda request, params: "deep")
inner.mount("/käse", ProxyFix(deep))
deep.mount("/again", deep)
app.get("/")(lambda request, params: "")
app.mount("/api", inner)
app.mount("/other", lambda environ, start_response: [])
"""


def test_routes_of_mounted_routers_are_listed(here):
    (here / "mounted.py").write_text(MOUNTED, "utf-8")
    lines = [line.split()[:2] for line in typed("routes", "mounted").splitlines()]
    assert lines == [["GET", "/"], ["*", "/other/…"], ["GET", "/api/x/:id"], ["GET", "/api/käse/"]]
    listed = json.loads(typed("routes", "mounted", "--json"))
    assert [(row["mount"], row["pattern"]) for row in listed] == [
        ("", "/"),
        ("/api", "/api/x/:id"),
        ("/api/käse", "/api/käse/"),
    ]
    assert "GET /api/käse\n" in typed("routes", "mounted", "--tree")
    assert typed("check", "mounted").startswith("mounted:app: 4 routes\n")


@pytest.mark.parametrize(
    ("method", "path", "code", "shown"),
    [
        ("GET", "/api/x/7", 0, ["the mount /api (mounted.py:11)", "GET /x/:id (mounted.py:6)"]),
        ("GET", "/api/k%C3%A4se", 0, ["the mount /api (mounted.py:11)", "the mount /käse (mounted.py:8)"]),
        ("GET", "/api/nope", 1, ["the mount /api (mounted.py:11)", "404 Not Found"]),
        ("POST", "/api/x/7", 1, ["the mount /api (mounted.py:11)", "405 Method Not Allowed"]),
        ("GET", "/api/x/7/?q", 1, ["the mount /api (mounted.py:11)", "301 Moved Permanently", "  to      /api/x/7?q"]),
        ("GET", "/other/y", 0, ["the mount /other (mounted.py:12)"]),
    ],
)
def test_match_searches_mounted_routers(here, method, path, code, shown):
    (here / "mounted.py").write_text(MOUNTED, "utf-8")
    assert typed("match", method, path, "mounted", code=code).splitlines()[: len(shown)] == shown
