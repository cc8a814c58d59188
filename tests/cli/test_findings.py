"""Notes on routes that go before others, against a model that compares each pair."""

from __future__ import annotations

import random
import time

import pytest

from microfn import Router
from microfn.cli.findings import notes
from microfn.errors import RouteConflict

SEGMENTS = ["a", "ab", "b", "a-:x", ":y", "*z", ""]


def hides(first: str, second: str) -> bool:
    """Return True if a path of literal text in `first` would match `second` too, which has wildcards there."""
    ours, theirs = first.split("/"), second.split("/")
    for own, other in zip(ours, theirs, strict=False):
        if other.startswith("*"):
            return True
        text, colon, _ = other.partition(":")
        if colon and not (own.startswith(text) and own != text):
            return False
        if not colon and own != other:
            return False
    return len(ours) == len(theirs)


def some_app(seed: int) -> Router:
    choose = random.Random(seed)
    app = Router(overlap=True)
    for _ in range(30):
        segments = choose.choices(SEGMENTS, k=choose.randint(1, 4))
        named = [segment.replace(":", f":n{at}").replace("*", f"*n{at}") for at, segment in enumerate(segments)]
        try:
            app.handle(choose.choice(["GET", "POST"]), "/" + "/".join(named), lambda request, params: "")
        except (ValueError, RouteConflict):
            continue
    return app


@pytest.mark.parametrize("seed", range(30))
def test_hidden_routes_are_those_of_the_model(seed):
    app = some_app(seed)
    expected = [
        f"{other} matches before {route}."
        for route in app.routes
        if route.parsed.names
        for other in app.routes
        if other.method == route.method and other is not route and hides(other.pattern, route.pattern)
    ]
    assert sorted(notes(app, app)) == sorted(expected)


def test_many_routes_take_little_time():
    app = Router(overlap=True)
    with app.changes():
        app.get("/a" * 3000 + "/:id")(some_handle)
        for number in range(2000):
            app.get(f"/r{number}/:id")(some_handle)
            app.get(f"/users/:id/r{number}")(some_handle)
    began = time.process_time()
    assert notes(app, app) == []
    assert time.process_time() - began < 5


def some_handle(request, params):
    return ""


def test_type_of_a_body_that_get_lacks_is_noted():
    app = Router()
    app.get("/x", valid=dict)(some_handle)
    app.post("/x", valid=dict)(some_handle)
    (note,) = notes(app, app)
    assert note.startswith("GET /x (")
    assert note.endswith("has valid=, but GET requests have no body; did you mean query=?")
