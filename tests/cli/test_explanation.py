"""Explanations: the response to a request and its reason, without a call of a handle."""

from __future__ import annotations

import pytest

from microfn import Router
from microfn.cli.explanation import explain


@pytest.fixture
def app():
    app = Router()
    app.get("/users/:id", convert={"id": int})(lambda request, params: pytest.fail("it is called"))
    app.post("/things")(lambda request, params: pytest.fail("it is called"))
    app.mount("/old", lambda environ, start_response: pytest.fail("it is called"))
    return app


def test_explanation_of_a_match_has_the_route_and_its_params(app):
    found = explain(app, "GET", "/users/7")
    assert (found.status, found.route, found.params) == ("", app.routes[0], {"id": 7})


def test_explanation_of_a_mount_has_no_route(app):
    found = explain(app, "GET", "/old/x")
    assert found.route is None
    assert found.mount is not None


@pytest.mark.parametrize(
    ("method", "path", "status", "location", "allow"),
    [
        ("GET", "/users/7/", "301 Moved Permanently", "/users/7", None),
        ("GET", "/things", "405 Method Not Allowed", None, "OPTIONS, POST"),
        ("OPTIONS", "/things", "204 No Content", None, "OPTIONS, POST"),
        ("GET", "/nothing", "404 Not Found", None, None),
    ],
)
def test_explanation_of_a_miss_has_the_status_line(app, method, path, status, location, allow):
    found = explain(app, method, path)
    assert (found.status, found.location, found.allow) == (status, location, allow)


def test_explanation_names_the_converter_that_refused(app):
    assert explain(app, "GET", "/users/ann").refused is app.routes[0]


def test_explanation_has_the_nearest_routes(app):
    found = explain(app, "GET", "/user/7")
    assert (found.reached, found.nearest[0]) == ("/user", app.routes[0])


def test_explanation_calls_no_error_handler(app):
    app.error(404)(lambda request, error: pytest.fail("it is called"))
    assert explain(app, "GET", "/nothing").status == "404 Not Found"


def explained(app, path):
    """Return the parts of an explanation that are equal for two Routers."""
    found = explain(app, "GET", path)
    route, nearest = getattr(found.route, "pattern", None), [route.pattern for route in found.nearest]
    return (found.status, route, found.params, found.location, found.allow, found.reached, nearest, bool(found.mount))


@pytest.mark.parametrize("options", [{"trusted_hosts": ["www.example.com"]}, {"path_info_encoded": True}], ids=str)
@pytest.mark.parametrize(
    "path", ["/users/7", "/users/7/", "/users/ann", "/things", "/old/x", "/user", "/t/%41", "/t/a%"]
)
def test_explanation_is_about_the_path_and_no_host(options, path):
    """The path is decoded once, also if the host of the application hands it over as it came."""
    apps = Router(), Router(**options)
    for app in apps:
        app.get("/users/:id", convert={"id": int})(lambda request, params: pytest.fail("it is called"))
        app.post("/things")(lambda request, params: pytest.fail("it is called"))
        app.get("/t/:text")(lambda request, params: pytest.fail("it is called"))
        app.mount("/old", lambda environ, start_response: pytest.fail("it is called"))
    plain, other = (explained(app, path) for app in apps)
    assert other == plain
    if path.startswith("/t/"):
        assert other[2] == {"text": path[3:]}
