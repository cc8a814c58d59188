"""A hundred thousand requests that attackers make, in a minute: nothing breaks, leaks or leads away, and texts arrive.

`make test` sends some of them, `make fuzz` all.
"""

from __future__ import annotations

import os
import random
import re
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import pytest

from microfn import Router
from microfn.directory import opened
from microfn.staticfiles import Files

from ..wsgi import call
from .grammars import GRAMMARS, ODD_TEXT, PLACES, joined, path_info

COUNT = int(os.environ.get("FUZZ_COUNT", "3000"))
SECRET = "what lies outside"
ROUTES = [
    ("GET", "/"),
    ("GET", "/docs/"),
    ("GET", "/about"),
    ("GET", "/Case/:id/"),
    ("GET", "/straße/:x"),
    ("POST", "/:a/:b"),
    ("GET", "/all/*rest"),
    ("GET", "/evil.example/"),
]
OVERLAPPING = [("GET", "/:a"), ("GET", "/:a/:b/"), ("GET", "/:a/:b/c/*rest"), ("GET", "/evil.example/:x/")]
LOCATION = re.compile(r"/(?![/\\])[!-~]*")
CONTROL = re.compile("[\x00-\x1f\x7f]")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A directory to serve, with all around it that must not be."""
    around = tmp_path_factory.mktemp("around")
    public = around / "public"
    for directory in public / "sub", around / "public-sibling", around / "secret":
        directory.mkdir(parents=True)
    for file in around / "secret.txt", around / "secret/a.txt", around / "public-sibling/a.txt", around / ".env":
        file.write_text(SECRET, "utf-8")
    for file in public / "a.txt", public / "sub/a.txt", public / "é.txt":
        file.write_text("public", "utf-8")
    (public / "link").symlink_to(around / "secret.txt")
    os.mkfifo(public / "fifo")
    return public


def echo(request, params):
    return {"params": params, "pattern": request.route.pattern}


def header(request, params):
    return "ok", 200, {"X-Value": params["x"]}


@pytest.fixture(scope="module", params=[False, True], ids=["strict", "overlap"])
def app(request, root):
    app = Router(overlap=request.param)
    for method, pattern in ROUTES + (OVERLAPPING if request.param else []):
        app.handle(method, pattern, echo)
    app.serve_files("/files/*path", root, index="a.txt")
    app.get("/header/:x")(header)
    return app


def requests(kind, seed=7):
    """As many as are wanted, of one grammar: path, query, SCRIPT_NAME and a header, any of which may be hostile."""
    chance, make = random.Random(f"{kind} {seed}"), GRAMMARS[kind]
    begins = [
        "",
        "/",
        "//",
        "/files/",
        "/files",
        "/FILES/",
        "/docs/",
        "/DOCS",
        "/Case/",
        "/case/",
        "/all/",
        "/header/",
        "/about/",
    ]
    for _ in range(COUNT):
        path = path_info(chance.choice(begins) + make(chance))
        query = make(chance).replace("\r", "").replace("\n", "") if chance.random() < 0.2 else ""
        extra = {"HTTP_HOST": make(chance)} if chance.random() < 0.05 else {}
        extra |= {"HTTP_COOKIE": f"a={make(chance)}"} if chance.random() < 0.05 else {}
        extra |= {"HTTP_RANGE": "bytes=0-"} if chance.random() < 0.05 else {}
        yield chance.choice(["GET", "GET", "GET", "HEAD", "POST", "OPTIONS"]), path, query, chance.choice(PLACES), extra


def is_utf8(path):
    try:
        return bool(path.encode("latin-1").decode()) or True
    except ValueError:
        return False


def location_of(reply):
    return reply.headers["location"]


def check_location(location):
    assert LOCATION.fullmatch(location), location
    for base in "http://site.test/app/docs", "https://site.test//x", "http://site.test":
        assert urlsplit(urljoin(base, location)).netloc == "site.test", location
        assert urlsplit(urljoin(base, location.replace("\\", "/"))).netloc == "site.test", location


def follow(app, method, location, place):
    """Return the response at the target of a redirect."""
    path, _, query = location.partition("?")
    decoded, prefix = unquote_to_bytes(path).decode("latin-1"), place.rstrip("/")
    assert decoded.startswith(prefix)
    return call(app, method, decoded[len(prefix) :], query=query, validate=False)


def attack(app, kind, caplog):
    for method, path, query, place, extra in requests(kind):
        got = call(app, method, path, query=query, validate=False, SCRIPT_NAME=place, **extra)
        told = (method, path, query, place, extra, got)
        assert got.error is None, told
        assert got.code < 500 or (path.startswith("/header/") and got.code == 500), told
        assert SECRET.encode() not in got.body, told
        assert not [pair for pair in got.header_list if CONTROL.search("".join(pair))], told
        assert is_utf8(path) or got.code == 400, told
        if 300 <= got.code < 400 and got.code != 304:
            check_location(location_of(got))
            if place in ("", "/", "/app", "/app/"):
                # A file can be missing, and an invalid header is refused. Everything else is answered.
                where = next((name for name in ("/files/", "/header/") if name in location_of(got)), None)
                expected = {"/files/": (301, 404), "/header/": (500,), None: ()}[where]
                assert follow(app, method, location_of(got), place).code in (200, 206, *expected), told
        caplog.clear()


@pytest.mark.parametrize("kind", GRAMMARS)
def test_nothing_breaks_leaks_or_leads_away(app, kind, caplog):
    attack(app, kind, caplog)


def leave_the_site(monkeypatch, app):
    monkeypatch.setattr("microfn.routing.table.is_same_site", lambda path: True)
    return app


def leave_the_directory(monkeypatch, app):
    def below(files, name):
        path = os.path.realpath(os.path.join(files.root, name))
        return opened(os.open(path, os.O_RDONLY), path)

    monkeypatch.setattr(Files, "_below", below)
    monkeypatch.setattr("microfn.staticfiles.clean_path", lambda path: path)
    return app


def drop_what_is_no_utf8(monkeypatch, app):
    def dropped(environ, start_response):
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="ignore")
        return app({**environ, "PATH_INFO": path.encode().decode("latin-1")}, start_response)

    return dropped


def send_any_header(monkeypatch, app):
    monkeypatch.setattr("microfn.http.conversion.validate_headers", lambda line, headers: None)
    return app


def decode_twice(app):
    return lambda environ, start_response: app(
        {**environ, "PATH_INFO": path_info(environ["PATH_INFO"])}, start_response
    )


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (leave_the_site, "redirect"),
        (leave_the_directory, "traversal"),
        (drop_what_is_no_utf8, "encoding"),
        (send_any_header, "injection"),
    ],
)
def test_a_bug_that_is_planted_is_found(plant, kind, monkeypatch, app, caplog):
    with pytest.raises(AssertionError):
        attack(plant(monkeypatch, app), kind, caplog)


@pytest.mark.parametrize("kind", GRAMMARS)
def test_what_is_harmless_in_its_place_arrives_as_it_was_sent(app, kind):
    """The benign twin of each: the same text in a catch-all is data, and is served."""
    check_twins(app, kind)


def test_a_second_decoding_would_be_found(app):
    with pytest.raises(AssertionError):
        check_twins(decode_twice(app), "encoding")


def check_twins(app, kind):
    for _, path, query, _, _ in requests(kind, seed=8):
        if not is_utf8(path):
            continue
        text = path.encode("latin-1").decode()
        got = call(app, "GET", f"/all/{path}", query=query, validate=False)
        assert (got.code, got.json["params"]) == (200, {"rest": f"/{text}"}), path


def test_the_grammars_say_much():
    """Else the tests above are about little."""
    for kind in GRAMMARS:
        seen = {path for _, path, _, _, _ in requests(kind)}
        assert len(seen) > COUNT * 0.4, kind
    chance = random.Random(1)
    assert len({joined(chance, ODD_TEXT, 6) for _ in range(1000)}) > 700
