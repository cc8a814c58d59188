"""A HostSwitch chooses an application by the name of the host."""

from __future__ import annotations

import pytest

from microfn import HostSwitch, Router

from .handles import say
from .wsgi import call, environ_of


def show(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [repr((environ["SCRIPT_NAME"], environ["PATH_INFO"])).encode()]


def names(text):
    app = Router()
    app.get("/")(say(text))
    return app


@pytest.fixture
def hosts():
    table = {
        "example.com": names("exact"),
        "*.example.com": names("below"),
        "*.deep.example.com": names("deep"),
        "bücher.example": names("idna"),
        "localhost": names("local"),
        "[::1]": names("six"),
        "127.0.0.1": names("four"),
    }
    return HostSwitch(table, default=names("default"))


HOSTS = [
    ("example.com", "exact"),
    ("EXAMPLE.com", "exact"),
    ("example.com:8000", "exact"),
    ("example.com.", "exact"),
    ("example.com.:80", "exact"),
    ("a.example.com", "below"),
    ("a.b.example.com", "below"),
    ("deep.example.com", "below"),
    ("x.deep.example.com:1", "deep"),
    ("notexample.com", "default"),
    ("example.com.evil.test", "default"),
    ("xn--bcher-kva.example", "idna"),
    ("localhost:5000", "local"),
    ("[::1]", "six"),
    ("[::1]:8000", "six"),
    ("127.0.0.1", "four"),
]


@pytest.mark.parametrize(("host", "text"), HOSTS)
def test_the_host_chooses_the_application(hosts, host, text):
    assert call(hosts, HTTP_HOST=host).text == text


def test_without_a_host_it_is_the_servers_name():
    app = HostSwitch({"site.test": names("site")})
    assert call(app, HTTP_HOST=None).text == "site"


@pytest.mark.parametrize("host", ["exa mple.com", "a/b", "user@example.com", "example.com:a", "\xff"])
def test_a_host_that_is_none_is_400(hosts, host):
    assert call(hosts, HTTP_HOST=host, validate=False).code == 400


def test_without_a_default_another_host_is_404():
    app = HostSwitch({"example.com": names("exact")})
    assert call(app, HTTP_HOST="other.test").code == 404
    assert call(app, "HEAD", HTTP_HOST="other.test").body == b""


def test_what_is_no_table_of_hosts_is_refused():
    for wrong in ([], None, "example.com", {7: show}, {"example.com": None}):
        with pytest.raises(TypeError):
            HostSwitch(wrong)
    with pytest.raises(TypeError):
        HostSwitch({}, default="www")
    for wrong in "", "http://example.com", "example.com:80", "*", "a.*.b", "exa mple", "/":
        with pytest.raises(ValueError, match="hosts must have names like"):
            HostSwitch({wrong: show})
    with pytest.raises(ValueError, match="twice"):
        HostSwitch({"Example.com": show, "example.com.": show})


def test_server_that_names_no_scheme_is_taken_for_http(hosts):
    environ = environ_of(HTTP_HOST="api.example.com:80")
    del environ["wsgi.url_scheme"]
    started = []
    list(hosts(environ, lambda status, headers: started.append(status)))
    assert started == ["200 OK"]
