"""A snapshot: one state of an application, and the scope of a request in it."""

from __future__ import annotations

from microfn import Request, Router

from ..handles import say
from ..wsgi import environ_of


def shop():
    app = Router()
    app.get("/x")(say("x"))
    group = app.group("/api")
    group.get("/x")(say("x"))
    group.error(404)(lambda request, error: "none here")
    return app


def test_snapshot_stays_until_something_is_registered():
    app = shop()
    before = app._ensure_snapshot()
    assert app._ensure_snapshot() is before
    app.post("/x")(say("x"))
    after = app._ensure_snapshot()
    assert after is not before
    assert (before.methods, after.methods) == ({"GET", "HEAD"}, {"GET", "HEAD", "POST"})


def test_scope_of_a_path_is_the_group_with_its_prefix():
    snapshot = shop()._ensure_snapshot()
    scopes = [snapshot.scope_of(environ_of(path=path)).prefix for path in ("/x", "/api/nothing", "/apis", "/api")]
    assert scopes == ["", "/api", "", "/api"]
    assert Router()._ensure_snapshot().scope_of(environ_of(path="/api")).prefix == ""


def test_handlers_of_a_request_are_those_of_the_nearest_scope():
    snapshot = shop()._ensure_snapshot()
    group = next(scope for scope in snapshot.errors if scope.prefix)
    assert snapshot.handlers_of(Request(environ_of(path="/api/nothing"))) is snapshot.errors[group]
    assert snapshot.handlers_of(Request(environ_of(path="/nothing"))) is snapshot.errors[snapshot.root]
