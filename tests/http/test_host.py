"""Hosts: valid ones, and trusted ones."""

from __future__ import annotations

import pytest

from microfn import HostSwitch, Router
from microfn.http.host import is_trusted, trusted_name, written_host

from ..wsgi import call

HOSTS = [
    ("example.com", "http", "example.com"),
    ("EXAMPLE.com", "http", "EXAMPLE.com"),
    ("example.com.", "http", "example.com."),
    ("my_service:8000", "http", "my_service:8000"),
    ("example.com:80", "http", "example.com"),
    ("example.com:080", "http", "example.com"),
    ("example.com:", "http", "example.com"),
    ("example.com:80", "https", "example.com:80"),
    ("example.com:443", "https", "example.com"),
    ("[::1]:8000", "http", "[::1]:8000"),
    ("[::1]:80", "http", "[::1]"),
    ("example.com:65535", "http", "example.com:65535"),
    ("example.com:65536", "http", None),
    ("example.com:0", "http", None),
    ("example.com:x", "http", None),
    ("example.com:80:80", "http", None),
    ("a..b", "http", None),
    (".a", "http", None),
    ("a b", "http", None),
    ("a/b", "http", None),
    ("a@b", "http", None),
    ("é", "http", None),
    ("a\n", "http", None),
    ("[::1", "http", None),
    ("[a]", "http", None),
    (":80", "http", None),
]


@pytest.mark.parametrize(("given", "scheme", "written"), HOSTS)
def test_host_is_written_without_the_default_port(given, scheme, written):
    """A host is a name or an address; its port is written if it is not the default of the scheme."""
    assert written_host(given, scheme) == written


TRUSTED = [
    trusted_name(name)
    for name in [
        "Www.Example.com",
        ".api.example.com",
        "bücher.example",
        "[::1]",
        "x.example:08000",
        ".y.example:443",
        "[::2]:1",
        "z.example:",
    ]
]


@pytest.mark.parametrize(
    "host",
    "www.example.com WWW.EXAMPLE.COM:8080 www.example.com. api.example.com eu.API.example.com a.b.api.example.com:1 "
    "xn--bcher-kva.example [::1]:8000 X.example.:8000 x.example:08000 y.example:443 a.y.example:443 [::2]:1 z.example:7"
    " z.example".split(),
)
def test_a_trusted_host_is_trusted_in_any_case(host):
    """With any port, unless one is named."""
    assert is_trusted(host, TRUSTED)


@pytest.mark.parametrize(
    "host",
    "example.com evil.example xwww.example.com www.example.com.evil.example xapi.example.com [::3] example "
    "x.example x.example:9000 x.example: x.example:80000 a.x.example:8000 a.y.example:80 a.y.example "
    "[::2]:2 [::2]".split(),
)
def test_another_host_is_not_trusted(host):
    assert not is_trusted(host, TRUSTED)


def test_a_host_in_capitals_is_answered_like_any_other():
    app = Router(trusted_hosts=["www.Example.com", "[::1]"])
    app.get("/")(lambda request, params: request.host)
    assert call(app, HTTP_HOST="WWW.example.COM").text == "WWW.example.COM"
    assert call(app, HTTP_HOST="[::1]:8000").text == "[::1]:8000"
    assert call(app, HTTP_HOST="www.example.com.evil.example").code == 400


def test_an_underscore_in_a_host_is_no_reason_to_refuse_it():
    app = Router()
    app.get("/")(lambda request, params: request.url)
    for served in app, HostSwitch({"my_service": app}):
        assert call(served, HTTP_HOST="my_service:8000").text == "http://my_service:8000/"


def test_server_name_is_the_host_if_the_client_names_none():
    app = Router(trusted_hosts=["site.test"])
    app.get("/")(lambda request, params: request.host)
    for none in None, "":
        assert call(app, HTTP_HOST=none).text == "site.test"
    assert call(app, HTTP_HOST=None, SERVER_NAME="other.test").code == 400


@pytest.mark.parametrize(
    ("trusted", "scheme", "host", "code"),
    [
        ("site.test:80", "http", "site.test", 200),
        ("site.test:80", "http", "site.test:80", 200),
        ("site.test:80", "http", "site.test:81", 400),
        ("site.test:80", "https", "site.test", 400),
        ("site.test:443", "https", "site.test", 200),
        ("site.test:443", "https", "site.test:443", 200),
        ("site.test:443", "gopher", "site.test", 400),
        (".site.test:8000", "http", "a.site.test:8000", 200),
        (".site.test:8000", "http", "a.site.test", 400),
        ("site.test:80", "http", None, 200),
        ("site.test", "http", "site.test:81", 200),
    ],
)
def test_port_of_a_trusted_host_is_compared_if_named(trusted, scheme, host, code):
    app = Router(trusted_hosts=[trusted])
    app.get("/")(lambda request, params: "")
    got = call(app, HTTP_HOST=host, wsgi__url_scheme=scheme, SERVER_PORT="80", validate=scheme != "gopher")
    assert got.code == code


@pytest.mark.parametrize("port", ["0", "65536", "99999", "00"])
def test_port_that_is_none_is_refused(port):
    with pytest.raises(ValueError, match="its port must be between 1 and 65535"):
        Router(trusted_hosts=[f"site.test:{port}"])
