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
