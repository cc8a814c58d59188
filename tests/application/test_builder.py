"""Middleware is built once, and again when something is registered while requests are served."""

from __future__ import annotations

import pytest

from microfn import InvalidHandle, Router

from ..handles import marking, marks, say
from ..wsgi import call


def test_middleware_is_called_once_for_all_routes_that_share_it():
    app, made = Router(), []

    @app.use
    def counted(handle):
        made.append(handle)
        return handle

    for number in range(50):
        app.get(f"/{number}")(say("x"))
    app.build()
    assert len(made) == 1


def test_middleware_of_a_route_is_for_that_route_alone():
    app = Router()
    app.get("/a", use=[marking("a")])(say("a"))
    app.get("/b")(say("b"))
    assert marks(call(app, path="/a")) == ["a"]
    assert marks(call(app, path="/b")) == []
    assert marks(call(app, path="/c")) == []


@pytest.mark.parametrize("returned", [None, 7, lambda request: None])
def test_middleware_without_a_handle_is_an_error_of_build(returned):
    app = Router()

    @app.use
    def broken(handle):
        return returned

    with pytest.raises(InvalidHandle, match="broken"):
        app.build()


def test_until_it_is_mended_every_request_is_a_500_and_logged(caplog):
    app = Router()
    app.get("/")(say("hello"))
    app.use(lambda handle: None)
    for path in "/", "/", "/nothing":
        assert (call(app, path=path).code, call(app, "HEAD", path).code) == (500, 500)
    assert "did you forget to return the handle?" in str(caplog.records[-1].exc_info[1])


def test_middleware_that_fails_while_serving_changes_nothing():
    """The request after the failed `use` has the response that it had before."""
    app = Router()
    app.get("/")(say("hello"))
    app.build()
    with pytest.raises(InvalidHandle):
        app.use(lambda handle: None)
    app.get("/b")(say("b"))
    assert (call(app).text, call(app, path="/b").text) == ("hello", "b")


def test_middleware_added_while_serving_holds_from_then_on():
    app = Router()
    app.get("/")(say("hello"))
    assert marks(call(app)) == []
    app.use(marking("m"))
    assert marks(call(app)) == ["m"]


def test_middleware_of_a_block_that_fails_is_forgotten():
    app = Router()
    app.get("/")(say("hello"))

    def fail():
        with app.changes():
            app.use(marking("m"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert marks(call(app)) == []
