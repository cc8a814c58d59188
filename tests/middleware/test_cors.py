"""Cross-origin requests: the origins that can read a response, and responses to preflights."""

from __future__ import annotations

import re

import pytest

from microfn import Router
from microfn.middleware import cors

from ..handles import raising, say
from ..wsgi import call

WWW, EVIL = "https://www.example.com", "https://evil.example"
PREFLIGHT = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT", "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "content-type,x-a"}


def shared(*arguments, **options):
    app = Router()
    app.use(cors(*arguments, **options))
    app.get("/")(say("hello"))
    app.put("/")(say("hello"))
    app.get("/broken")(raising(KeyError()))
    return app


def cors_headers(got):
    return {name[15:]: value for name, value in got.headers.items() if name.startswith("access-control-")}


def test_a_page_of_an_allowed_origin_may_read_every_answer(caplog):
    app = shared([WWW], expose=["X-Total", "ETag"], credentials=True)
    for path in "/", "/nothing", "/broken":
        got = call(app, path=path, HTTP_ORIGIN=WWW)
        assert cors_headers(got) == {
            "allow-origin": WWW,
            "allow-credentials": "true",
            "expose-headers": "X-Total, ETag",
        }
        assert "Origin" in got.headers["vary"]


@pytest.mark.parametrize("origins", [["null"], (WWW, "null"), iter(["null"]), {"null"}])
def test_null_is_refused_with_credentials(origins):
    """Each page in a sandbox has this origin, regardless of its author."""
    with pytest.raises(ValueError, match='origins must be without "null" if credentials is True'):
        cors(origins, credentials=True)


def test_null_may_read_what_has_no_credentials():
    assert cors_headers(call(shared([WWW, "null"]), HTTP_ORIGIN="null")) == {"allow-origin": "null"}


def test_callable_cannot_give_credentials_to_null():
    app = shared(lambda origin: True, credentials=True)
    for extra in {}, PREFLIGHT:
        assert cors_headers(call(app, "OPTIONS" if extra else "GET", HTTP_ORIGIN="null", **extra)) == {}
    assert cors_headers(call(app, HTTP_ORIGIN=WWW))["allow-credentials"] == "true"
    assert cors_headers(call(shared(lambda origin: True), HTTP_ORIGIN="null")) == {"allow-origin": "null"}


@pytest.mark.parametrize(
    "origin", [None, "", EVIL, WWW + ".evil.example", WWW + "/", WWW.upper(), "null", WWW + ", " + EVIL]
)
def test_a_page_of_another_origin_may_not_and_caches_know(origin):
    for extra in {}, PREFLIGHT:
        got = call(shared([WWW]), "OPTIONS" if extra else "GET", HTTP_ORIGIN=origin, **extra)
        assert cors_headers(got) == {}
        assert "Origin" in got.headers["vary"]
        assert got.code == (204 if extra else 200)


@pytest.mark.parametrize("origin", [EVIL, None])
def test_anybody_may_where_origins_is_a_star(origin):
    got = call(shared("*"), HTTP_ORIGIN=origin)  # also without an origin: caches keep one answer for all
    assert cors_headers(got) == {"allow-origin": "*"}
    assert "vary" not in got.headers


def test_a_preflight_is_answered():
    got = call(shared([WWW], credentials=True), "OPTIONS", HTTP_ORIGIN=WWW, **PREFLIGHT)
    assert got.code == 204
    assert cors_headers(got) == {
        "allow-origin": WWW,
        "allow-credentials": "true",
        "allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "allow-headers": "content-type,x-a",
        "max-age": "600",
    }
    assert set(got.headers["vary"].split(", ")) == {
        "Origin",
        "Access-Control-Request-Method",
        "Access-Control-Request-Headers",
    }


@pytest.mark.parametrize("asked", ["x-a\x0b", "日", "x-é", "\ud800"])
def test_a_preflight_says_nothing_of_headers_that_have_no_name(asked):
    app = Router()
    app.use(cors("*"))
    headers = {"HTTP_ORIGIN": "https://a.example", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}
    got = call(app, "OPTIONS", validate=False, **headers, HTTP_ACCESS_CONTROL_REQUEST_HEADERS=asked)
    assert got.code == 204
    assert "access-control-allow-headers" not in got.headers


def test_a_preflight_is_answered_as_it_was_set():
    app = shared([WWW], methods=["GET"], headers=["X-Token"], max_age=5, expose=["ETag"])
    got = cors_headers(call(app, "OPTIONS", HTTP_ORIGIN=WWW, **PREFLIGHT))
    assert got == {"allow-origin": WWW, "allow-methods": "GET", "allow-headers": "X-Token", "max-age": "5"}
    no_headers = shared([WWW], headers=[])
    assert "allow-headers" not in cors_headers(call(no_headers, "OPTIONS", HTTP_ORIGIN=WWW, **PREFLIGHT))
    asked = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
    assert "allow-headers" not in cors_headers(call(shared([WWW]), "OPTIONS", HTTP_ORIGIN=WWW, **asked))


def test_an_ordinary_options_is_answered_by_the_routes():
    got = call(shared([WWW]), "OPTIONS", HTTP_ORIGIN=WWW)
    assert got.headers["allow"] == "GET, HEAD, OPTIONS, PUT"
    assert cors_headers(got) == {"allow-origin": WWW}


def test_a_preflight_does_not_reach_what_asks_for_credentials():
    app = Router()
    app.use(cors([WWW]))
    app.use(lambda handle: lambda request, params: ("who are you?", 401))
    app.put("/")(say("hello"))
    assert call(app, "OPTIONS", HTTP_ORIGIN=WWW, **PREFLIGHT).code == 204
    assert call(app, "PUT", HTTP_ORIGIN=WWW).code == 401


def test_a_callable_decides():
    app = shared(lambda origin: origin.endswith(".example.com"), credentials=True)
    assert cors_headers(call(app, HTTP_ORIGIN=WWW))["allow-origin"] == WWW
    assert cors_headers(call(app, HTTP_ORIGIN=EVIL)) == {}


def test_on_a_route_it_answers_that_routes_preflights():
    app = Router()
    app.get("/x/:id", use=[cors([WWW])])(say("x"))
    app.get("/y")(say("y"))
    for method in "GET", "OPTIONS":
        got = call(app, method, "/x/7", HTTP_ORIGIN=WWW, **(PREFLIGHT if method == "OPTIONS" else {}))
        assert cors_headers(got)["allow-origin"] == WWW
    assert cors_headers(call(app, "POST", "/x/7", HTTP_ORIGIN=WWW))["allow-origin"] == WWW
    assert cors_headers(call(app, "OPTIONS", "/y", HTTP_ORIGIN=WWW, **PREFLIGHT)) == {}


def test_other_methods_have_no_middleware_if_methods_differ():
    """If the methods of a path have different middleware, a preflight has neither."""
    app = Router()
    app.get("/x", use=[cors([WWW])])(say("x"))
    app.put("/x")(say("x"))
    assert cors_headers(call(app, "OPTIONS", "/x", HTTP_ORIGIN=WWW, **PREFLIGHT)) == {}


def test_on_a_group_it_is_for_the_group():
    app = Router()
    app.group("/api", use=[cors("*")]).put("/x")(say("x"))
    app.put("/x")(say("x"))
    assert call(app, "OPTIONS", "/api/x", HTTP_ORIGIN=WWW, **PREFLIGHT).headers["access-control-allow-origin"] == "*"
    assert cors_headers(call(app, "OPTIONS", "/x", HTTP_ORIGIN=WWW, **PREFLIGHT)) == {}


def test_what_cannot_be_sent_is_not_mirrored():
    got = call(shared(lambda origin: True), HTTP_ORIGIN="x\x01", validate=False)
    assert (got.code, cors_headers(got)) == (200, {})
    asked = {**PREFLIGHT, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "x\x01y"}
    got = call(shared([WWW]), "OPTIONS", HTTP_ORIGIN=WWW, validate=False, **asked)
    assert "\x01" not in got.headers.get("access-control-allow-headers", "")
    assert got.code < 500


NO_ORIGINS = [
    *("example.com", WWW + "/app", WWW + "?x", "https://*.example.com", "https://.example.com", "https://", "", "*"),
    *("https://a b", "https://a\nb", "https://u:p@a.example", "https://a.example:70000", "https://a.example:0"),
    *("https://a.example:x", "https://[::1", "https://[::g]", "https://a_%20b", "https://" + "x" * 300, "//a.example"),
    *("https://\ud800", "app://\xe9", "app://a\x01", f"{WWW}, {EVIL}"),
]


@pytest.mark.parametrize("wrong", NO_ORIGINS)
def test_what_is_no_origin_is_refused(wrong):
    for origins in [wrong], [WWW, wrong], iter([wrong]):
        with pytest.raises(ValueError, match=r"origins must be like 'https://www\.example\.com', got"):
            cors(origins)
    with pytest.raises(ValueError, match=r"origins must be like 'https://www\.example\.com', got"):
        cors([])


SENT = [
    ("https://X.com", "https://x.com"),
    ("HTTPS://x.com", "https://x.com"),
    ("https://x.com:443", "https://x.com"),
    ("http://x.com:80", "http://x.com"),
    ("http://x.com:", "http://x.com"),
    ("http://x.com:08000", "http://x.com:8000"),
    ("https://x.com/", "https://x.com"),
    ("https://x.com:443/", "https://x.com"),
    ("https://münchen.example", "https://xn--mnchen-3ya.example"),
    ("http://[::0001]:80", "http://[::1]"),
    ("http://[2001:DB8::A]", "http://[2001:db8::a]"),
    ("App://Localhost/", "app://Localhost"),
]


@pytest.mark.parametrize(("written", "sent"), SENT)
def test_an_origin_that_no_browser_sends_is_refused(written, sent):
    """RFC 6454, section 6.2: it is compared by characters. The message has the spelling that works."""
    with pytest.raises(ValueError, match=re.escape(f"got {written!r}; did you mean {sent!r}?")):
        cors([written])
    assert cors_headers(call(shared([sent]), HTTP_ORIGIN=sent))["allow-origin"] == sent


TAKEN = ["http://x.com:443", "https://x.com:80", "https://x.com.", "http://my_host:8000", "http://127.0.0.1:1"]


@pytest.mark.parametrize("origin", [*TAKEN, "app://x:80", "chrome-extension://AbC", "http://[::1]:65535"])
def test_an_origin_that_browsers_send_is_taken(origin):
    assert cors_headers(call(shared([origin]), HTTP_ORIGIN=origin))["allow-origin"] == origin


@pytest.mark.parametrize("option", ["expose", "headers", "methods"])
@pytest.mark.parametrize("wrong", ["A\nB", "", "A B", "A, B", "A:", "\xe9", "A" * 10_000 + "\r"])
def test_what_is_no_name_of_a_header_or_method_is_refused(option, wrong):
    """Otherwise each response would be a 500, or no browser would ever match it."""
    with pytest.raises(ValueError, match=f"{option} must be .*, got"):
        cors("*", **{option: ["X", wrong]})
    with pytest.raises(ValueError, match=f"{option} must be"):
        cors("*", **{option: iter([wrong])})


@pytest.mark.parametrize("wrong", ["put", "Patch"])
def test_a_method_in_lower_case_is_refused(wrong):
    with pytest.raises(ValueError, match=f"got '{wrong}'; did you mean '{wrong.upper()}'"):
        cors("*", methods=["GET", wrong])


@pytest.mark.parametrize("option", ["expose", "headers", "methods"])
def test_a_star_in_a_list_is_refused_with_credentials(option):
    """The Fetch standard, "CORS protocol and credentials"."""
    assert cors([WWW], **{option: ["*"]})
    with pytest.raises(ValueError, match=f'{option} must be without "\\*" if credentials is True'):
        cors([WWW], **{option: ["*"]}, credentials=True)


WRONG = [
    ((WWW,), {}),
    ((None,), {}),
    ((7,), {}),
    (([7],), {}),
    (([WWW],), {"methods": "GET"}),
    (([WWW],), {"headers": "X-A"}),
    (([WWW],), {"expose": [7]}),
    (([WWW],), {"headers": 0}),
    (([WWW],), {"methods": None}),
    (([WWW],), {"max_age": "5"}),
]


@pytest.mark.parametrize(("arguments", "options"), WRONG)
def test_what_is_no_list_is_refused(arguments, options):
    with pytest.raises(TypeError):
        cors(*arguments, **options)


def test_a_star_with_credentials_is_refused():
    with pytest.raises(ValueError, match="credentials"):
        cors("*", credentials=True)
