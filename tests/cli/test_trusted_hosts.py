"""The clients of the pages of `microfn run`: never a page of another site, even if its name leads here."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from werkzeug.middleware.proxy_fix import ProxyFix

from microfn import Router, cli
from microfn.cli.run import for_development
from microfn.cli.trusted_hosts import TrustedHosts
from microfn.middleware import cors

from ..wsgi import call

BROWSER = "text/html,*/*;q=0.8"
GIVEN = ["Laptop.Example.com", ".dev.example"]

OWN = """
    localhost localhost:8000 LOCALHOST:8000 shop.localhost a.b.localhost:8000 127.0.0.1 127.0.0.1:8000 127.1.2.3:8000
    [::1] [::1]:8000 [0:0:0:0:0:0:0:1]:8000
""".split()
OTHERS = """
    evil.example evil.example:8000 localhost.evil.example 127.0.0.1.evil.example notlocalhost localhost. evil.localhost.
    localhost@evil.example localhost/ localhost:8000@evil.example localhost,evil.example localhost:x localhost: :8000
    127.0.0.1. 127.1 2130706433 0x7f.1 0177.0.0.1 127.0.0.256 [::1 ::1 [::2] [::ffff:10.0.0.1] [localhost] [] . .. -
    .localhost@ \u2024localhost local\u017fhost 127.0.0.\u0661 localhost\0 http://localhost evil.example#.localhost
""".split()
ADDRESSES = ["192.168.1.7", "192.168.1.7:8000", "10.0.0.2", "[2001:db8::7]:8000", "0.0.0.0:8000"]


def shop(**options):
    app = Router(**options)

    @app.get("/broken")
    def broken(request, params):
        raise ValueError("inside")

    app.get("/fine")(lambda request, params: "fine")
    return app


def is_shown(application, **sent):
    """Return True if both pages show internals. Never only one does, and the application is always served."""
    broken = call(application, path="/broken", HTTP_ACCEPT=BROWSER, validate=False, **sent)
    missed = call(application, path="/nothing", HTTP_ACCEPT=BROWSER, validate=False, **sent)
    assert (broken.code, missed.code) == (500, 404)
    assert call(application, path="/fine", validate=False, **sent).text == "fine"
    shown = {"inside" in broken.text, "Traceback" in broken.text, "/broken" in missed.text}
    assert len(shown) == 1
    return shown.pop()


CASES = [
    *(("127.0.0.1", (), host, True) for host in OWN),
    *(("127.0.0.1", (), host, False) for host in [*OTHERS, *ADDRESSES, "", " ", " localhost", "localhost\t"]),
    *(("127.0.0.1", (), host, False) for host in ["laptop.example.com", "dev.example"]),
    *(("127.0.0.1", GIVEN, host, True) for host in [*OWN, "laptop.example.com:8000", "LAPTOP.example.com"]),
    *(("127.0.0.1", GIVEN, host, True) for host in ["dev.example", "a.dev.example:8000", "a.b.dev.example"]),
    *(("127.0.0.1", GIVEN, host, False) for host in [*OTHERS, *ADDRESSES, "a.laptop.example.com", "notdev.example"]),
    *(("0.0.0.0", (), host, True) for host in [*OWN, *ADDRESSES]),
    *(("0.0.0.0", (), host, False) for host in OTHERS if not host.startswith("[::")),
    *(("::", (), host, True) for host in [*OWN, *ADDRESSES]),
    *(("::", (), host, False) for host in ["evil.example", "localhost.evil.example"]),
    ("", (), "192.168.1.7:8000", True),
    ("192.168.1.7", (), "192.168.1.7:8000", True),
    ("192.168.1.7", (), "192.168.1.8:8000", False),
    ("2001:db8::7", (), "[2001:db8::7]:8000", True),
    ("shop.example", (), "Shop.example:8000", True),
    ("shop.example", (), "a.shop.example", False),
    ("unix:///run/shop.sock", (), "localhost", True),
    ("unix:///run/shop.sock", (), "evil.example", False),
]


@pytest.mark.parametrize(("bound", "given", "host", "shown"), CASES)
def test_what_went_wrong_is_shown_to_hosts_of_ones_own(bound, given, host, shown, caplog):
    assert is_shown(for_development(shop(), TrustedHosts(bound, given)), HTTP_HOST=host) is shown


@pytest.mark.parametrize(
    ("origin", "shown"),
    [
        (None, True),
        ("http://localhost:8000", True),
        ("http://localhost:5173", True),  # the server of the frontend
        ("http://127.0.0.1", True),
        ("https://evil.example", False),
        ("null", False),  # a page in a sandbox, or a file
        ("", False),
        ("file://", False),
        ("http://localhost.evil.example", False),
        ("http://localhost:8000, https://evil.example", False),
    ],
)
def test_scripts_of_other_pages_see_nothing_whatever_cors_says(origin, shown, caplog):
    app = shop()
    app.use(cors("*"))
    assert is_shown(for_development(app, TrustedHosts("127.0.0.1")), HTTP_HOST="localhost", HTTP_ORIGIN=origin) is shown


ORIGINS = [
    ("http://203.0.113.7", "127.0.0.1:8000", False),
    ("http://203.0.113.7", "192.168.1.7:8000", False),
    ("http://203.0.113.7:8000", "192.168.1.7:8000", False),
    ("http://192.168.1.7:9000", "192.168.1.7:8000", False),
    ("http://192.168.1.7", "192.168.1.7:8000", False),
    ("http://192.168.1.7:8000", "192.168.1.7:8000", True),
    ("https://192.168.1.7:8000", "192.168.1.7:8000", True),
    ("http://192.168.1.7:8000", None, False),
    ("http://laptop.example.com:8000", "Laptop.example.com:8000", True),
    ("http://laptop.example.com", "localhost:8000", False),
    ("http://a.dev.example", "b.dev.example", False),
    ("http://evil.example", "evil.example", False),
    ("http://[2001:db8::7]", "[2001:db8::8]", False),
    ("http://127.0.0.1:5173", "192.168.1.7:8000", True),
    ("http://[::1]:5173", "192.168.1.7:8000", True),
    ("http://shop.localhost", "192.168.1.7:8000", True),
    ("http://localhost", None, True),
    ("http://0.0.0.0:8000", "127.0.0.1:8000", False),
    ("http://.localhost", "localhost", False),
    ("http://localhost:", "localhost", False),
    ("chrome-extension://localhost", "localhost", False),
    ("localhost", "localhost", False),
    ("http://", "", False),
]


@pytest.mark.parametrize(("origin", "host", "shown"), ORIGINS)
def test_origin_is_on_this_machine_or_that_of_the_host(origin, host, shown, caplog):
    app = shop()
    app.use(cors("*"))
    served = for_development(app, TrustedHosts("0.0.0.0", GIVEN))
    assert is_shown(served, HTTP_HOST=host, HTTP_ORIGIN=origin) is shown


def test_no_other_header_makes_a_host_ones_own(caplog):
    names = "X_FORWARDED_HOST X_FORWARDED_SERVER X_HOST FORWARDED X_ORIGINAL_HOST X_FORWARDED_FOR MICROFN.IS_TRUSTED"
    sent = {f"HTTP_{name}": "localhost" for name in names.split()} | {"microfn__is_trusted": True}
    served = for_development(ProxyFix(shop(), x_for=1, x_host=1), TrustedHosts("127.0.0.1"))
    assert not is_shown(served, HTTP_HOST="evil.example", **sent)


def test_who_sends_no_host_is_no_browser_that_was_led_here(caplog):
    assert is_shown(for_development(shop(), TrustedHosts("127.0.0.1")), HTTP_HOST=None)


def test_the_pages_are_for_what_run_serves_alone(caplog):
    app = shop()
    for_development(app, TrustedHosts("127.0.0.1"))
    assert not is_shown(app, HTTP_HOST="localhost")


def test_the_developer_is_told_who_was_shown_nothing(capsys, caplog):
    call(
        for_development(shop(), TrustedHosts("127.0.0.1")), path="/broken", HTTP_ACCEPT=BROWSER, HTTP_HOST="evil\x1b[2J"
    )
    told = capsys.readouterr().err
    assert told == "The error is not shown to 'evil\\x1b[2J', which is not a --trusted-host.\n"
    served = for_development(shop(), TrustedHosts("127.0.0.1"))
    call(served, path="/broken", HTTP_ACCEPT=BROWSER, HTTP_HOST="localhost", HTTP_ORIGIN="http://evil")
    assert "'http://evil', which is neither on this machine nor the Host" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["", ".", "http://a.example", "a.example:8000", "*.example", "[::1]", "a b", "ä.example"]
)
def test_what_is_no_host_is_refused(name):
    result = CliRunner().invoke(cli.main, ["run", "shop", "--trusted-host", name])
    assert result.exit_code == 2
    assert f"subdomains, got {name!r}." in result.output
