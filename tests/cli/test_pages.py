"""The pages that a browser gets from `microfn run`: the walk of a path, and an exception."""

from __future__ import annotations

import pytest
from markupsafe import escape
from werkzeug.exceptions import HTTPException, NotFound

from microfn import Router
from microfn.cli import run
from microfn.cli.trusted_hosts import TrustedHosts

from ..wsgi import call

BROWSER = "text/html,*/*;q=0.8"


def broken(request, params):
    local_value = "<secret>"
    return {}[local_value]


def for_development(application):
    return run.for_development(application, TrustedHosts("site.test"))


def developed(**handlers):
    app = Router()
    app.get("/users/:id")(lambda request, params: "user")
    app.get("/broken")(broken)
    for key, text in handlers.items():
        app.error(int(key[1:]))(lambda request, error, text=text: text)
    return for_development(app)


def test_a_developer_sees_where_the_walk_stops(caplog):
    page = call(developed(), path="/user/<b>", HTTP_ACCEPT=BROWSER)
    assert page.code == 404
    assert '/user<span class="rest">/&lt;b&gt;</span>' in page.text
    assert "GET /users/:id" in page.text
    assert "near" not in call(developed(), "GET", "/%%%%%%%%%%%%%%%%", HTTP_ACCEPT=BROWSER).text
    assert "     2  /" in page.text
    assert "<secret>" not in page.text


def test_a_developer_sees_which_converter_refused_a_path():
    app = Router()
    app.get("/users/:id", convert={"id": int})(lambda request, params: "user")
    page = call(for_development(app), path="/users/ann", HTTP_ACCEPT=BROWSER)
    assert page.code == 404
    assert "<code>GET /users/:id (" in page.text
    assert "matches, but its converter rejects" in page.text
    assert "turns red" not in page.text


@pytest.mark.parametrize("options", [{"trusted_hosts": ["site.test"]}, {"path_info_encoded": True}], ids=str)
def test_a_developer_sees_the_walk_of_a_path_decoded_once(options):
    app = Router(**options)
    app.get("/%41/:id", convert={"id": int})(lambda request, params: "user")
    path = "/%2541/ann" if "path_info_encoded" in options else "/%41/ann"
    page = call(for_development(app), path=path, HTTP_ACCEPT=BROWSER, HTTP_HOST="site.test")
    assert page.code == 404
    assert "<code>GET /%41/:id (" in page.text
    assert "matches, but its converter rejects" in page.text


def test_the_tree_of_many_routes_is_not_drawn():
    app = Router()
    for number in range(101):
        app.get(f"/{number}/x")(lambda request, params: "")
    assert "<details>" not in call(for_development(app), path="/nothing", HTTP_ACCEPT=BROWSER).text


def test_a_developer_sees_where_an_exception_was_raised(caplog):
    page = call(developed(), path="/broken", HTTP_ACCEPT=BROWSER)
    assert page.code == 500
    assert "<h1>KeyError: &#39;&lt;secret&gt;&#39;</h1>" in page.text
    assert "<code>GET /broken (" in page.text
    assert 'class="filename">"' + str(escape(__file__)) in page.text
    assert "dispatch.py" not in page.text.split("As text")[0]
    assert "<secret>" not in page.text
    assert len(caplog.records) == 1


def test_what_microfn_itself_raises_has_its_frames(caplog):
    app = Router()
    app.get("/")(lambda request, params: None)
    page = call(for_development(app), HTTP_ACCEPT=BROWSER)
    assert "<h1>TypeError: " in page.text
    assert "conversion.py" in page.text.split("As text")[0]


def test_a_program_gets_what_it_would_get_deployed(caplog):
    for path in "/nothing", "/broken":
        got = call(developed(), path=path)
        assert got.headers["content-type"] == "application/problem+json"
        assert "secret" not in got.text
    assert len(caplog.records) == 1


def test_handlers_of_ones_own_stay(caplog):
    app = developed(e404="mine", e500="mine too")
    assert call(app, path="/nothing", HTTP_ACCEPT=BROWSER).text == "mine"
    assert call(app, path="/broken", HTTP_ACCEPT=BROWSER).text == "mine too"


def test_an_abort_with_500_is_no_traceback():
    app = Router()
    from microfn import abort

    app.get("/")(lambda request, params: abort(500))
    assert "Traceback" not in call(for_development(app), HTTP_ACCEPT=BROWSER).text


def test_no_browser_keeps_a_redirect():
    assert call(developed(), path="/users/7/").headers["cache-control"] == "no-store"
    assert "cache-control" not in call(developed(), path="/users/7").headers


def test_another_wsgi_application_is_served_as_it_is():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"other"]

    assert call(for_development(application)).text == "other"


@pytest.mark.parametrize("key", [404, NotFound, HTTPException])
def test_a_page_of_ones_own_is_shown_while_developing(key):
    app = Router()
    app.error(key)(lambda request, error: "my own page")
    assert call(for_development(app), path="/nothing", HTTP_ACCEPT=BROWSER).text == "my own page"
