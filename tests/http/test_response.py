"""Response: equal to werkzeug's after any operation, copied, conditional, and sent; `html` and `redirect`."""

from __future__ import annotations

import datetime
from http import HTTPStatus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.utils import redirect as werkzeug_redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from microfn import Request, Response, Router, html, json_response, redirect
from microfn.http.headers import as_uri
from microfn.http.response import copy_response

from ..handles import answer
from ..wsgi import call, environ_of

HTML = "text/html; charset=utf-8"


MADE = [
    lambda cls: cls("héllo"),
    lambda cls: cls("x", 201),
    lambda cls: cls("x", "404 Gone Fishing"),
    lambda cls: cls("x", status=HTTPStatus.ACCEPTED),
    lambda cls: cls("x", headers={"X-A": "1"}),
    lambda cls: cls("x", mimetype="text/html"),
    lambda cls: cls("x", content_type="a/b"),
    lambda cls: cls("x", direct_passthrough=True),
    lambda cls: cls(b"bytes"),
    lambda cls: cls(b"bytes", content_type="image/png"),
    lambda cls: cls("x", 201, {"X-A": "1", "Location": "/a", "content-TYPE": "a/b"}),
    lambda cls: cls("x", 201, [["X-A", "1"], ("X-A", "2")], mimetype="image/svg+xml"),
    lambda cls: cls(["a", "b"]),
    lambda cls: cls(),
]
DONE = [
    lambda response: None,
    lambda response: response.headers.set("X-B", "2"),
    lambda response: response.set_cookie("c", "v"),
    lambda response: response.set_data("other"),
    lambda response: setattr(response, "data", b"other"),
    lambda response: setattr(response, "status", 418),
    lambda response: setattr(response, "status_code", 503),
    lambda response: setattr(response, "mimetype", "text/css"),
    lambda response: response.headers.__delitem__("Content-Type"),
    lambda response: response.headers.update({"X-C": ["3", "4"]}),
    lambda response: response.headers.clear(),
    lambda response: setattr(response, "status", "404"),
    lambda response: setattr(response, "status", "404 Not Here"),
    lambda response: setattr(response, "status", HTTPStatus.NOT_FOUND),
    lambda response: setattr(response, "status_code", HTTPStatus.NOT_FOUND),
    lambda response: response.delete_cookie("c"),
    # Not another `response`, which werkzeug sends with the length of the first.
    lambda response: setattr(response, "headers", Headers([("X-C", "3")])),
    lambda response: response.response.append(b"more"),
    lambda response: response.make_sequence(),
    lambda response: response.freeze(),
    lambda response: response.add_etag(),
    lambda response: response.cache_control.__setattr__("max_age", 5),
    lambda response: response.call_on_close(lambda: None),
    lambda response: response.headers.pop("Content-Type"),
    lambda response: setattr(response, "location", "/é"),
    lambda response: setattr(response, "content_location", "/é"),
]


def seen_of(response: WerkzeugResponse) -> dict[str, object]:
    """Return all readable properties of a response, and its WSGI response."""
    names = [
        name for name in dir(WerkzeugResponse) if not name.startswith("_") and name not in ("json_module", "stream")
    ]
    shown = {name: repr(getattr(response, name)) for name in names if not callable(getattr(response, name))}
    body, status, headers = response.get_wsgi_response(environ_of())
    return {**shown, "sent": (list(body), status, sorted(headers)), "repr": repr(response)}


@pytest.mark.parametrize("make", MADE)
@pytest.mark.parametrize("do", DONE)
def test_a_response_is_werkzeugs_whatever_is_done_to_it(make, do):
    ours, theirs = make(Response), make(WerkzeugResponse)
    assert [do(ours) is None, ours.direct_passthrough] == [do(theirs) is None, theirs.direct_passthrough]
    assert seen_of(ours) == seen_of(theirs)


@pytest.mark.parametrize("make", MADE[:4])
@pytest.mark.parametrize("do", DONE)
def test_what_is_sent_of_a_response_is_what_werkzeug_sends(make, do):
    ours, theirs = make(Response), make(WerkzeugResponse)
    do(ours)
    do(theirs)
    if theirs.content_length is not None:  # werkzeug's is wrong if the body was changed in place
        theirs.content_length = len(theirs.get_data())
    sent = answer(ours, validate=False)
    assert (sent.status, sorted(sent.header_list), sent.body) == (
        theirs.status,
        sorted(theirs.get_wsgi_headers(environ_of()).to_wsgi_list()),
        theirs.get_data(),
    )


class Kept(Response):
    """A subclass with nothing of its own."""


SET = [
    (lambda response: setattr(response, "headers", {"X-More": "1"}), {"x-more": "1"}, 200, b"x"),
    (lambda response: setattr(response, "headers", {"Content-Type": "a/b"}), {"content-type": "a/b"}, 200, b"x"),
    (lambda response: setattr(response, "headers", {"X-A": ["1"], "X-B": 2}), {"x-a": "1", "x-b": "2"}, 200, b"x"),
    (lambda response: setattr(response, "headers", {}), {}, 200, b"x"),
    (lambda response: setattr(response, "headers", None), {}, 200, b"x"),
    (lambda response: setattr(response, "headers", [("X-More", 1)]), {"x-more": "1"}, 200, b"x"),
    (lambda response: setattr(response, "headers", (("X-More", "1"),)), {"x-more": "1"}, 200, b"x"),
    (lambda response: setattr(response, "headers", iter([("X-More", "1")])), {"x-more": "1"}, 200, b"x"),
    (lambda response: setattr(response, "headers", {"location": "/é"}), {"location": "/%C3%A9"}, 200, b"x"),
    (lambda response: setattr(response, "headers", Headers({"X-More": "1"})), {"x-more": "1"}, 200, b"x"),
    (lambda response: setattr(response, "status", "404 Not Here"), {}, 404, b"x"),
    (lambda response: setattr(response, "response", "other"), {"content-length": "5"}, 200, b"other"),
    (lambda response: setattr(response, "response", b"other"), {"content-length": "5"}, 200, b"other"),
    (lambda response: setattr(response, "response", ["ot", b"her"]), {"content-length": "5"}, 200, b"other"),
    (lambda response: setattr(response, "response", ("ot", b"her")), {"content-length": "5"}, 200, b"other"),
    (lambda response: setattr(response, "response", iter(["ot", b"her"])), {}, 200, b"other"),
    (lambda response: setattr(response, "response", []), {"content-length": "0"}, 200, b""),
]


@pytest.mark.parametrize("cls", [Response, Kept, WerkzeugResponse])
@pytest.mark.parametrize("make", [lambda cls: cls("x"), lambda cls: cls("x", mimetype="text/html")])
@pytest.mark.parametrize(("do", "headers", "status", "body"), SET)
@pytest.mark.parametrize("where", ["handle", "handle, seen", "middleware", "middleware, seen"])
def test_what_is_assigned_to_a_response_is_sent(where, do, headers, status, body, make, cls):
    def change(response):
        do(response)
        return response

    app = Router()
    if "seen" in where:
        app.use(lambda handle: lambda request, params: change_nothing(handle(request, params)))
    if "middleware" in where:
        app.use(lambda handle: lambda request, params: change(handle(request, params)))
    reply = answer(make(cls) if "middleware" in where else change(make(cls)), router=app, validate=False)
    if cls is WerkzeugResponse and "handle" in where and not headers and body == b"other":
        body = b"o"  # the length is still that of the first body, which limits the response
    assert (reply.code, reply.body, reply.headers | headers) == (status, body, reply.headers)
    assert reply.headers.get("x-seen") == ("1" if "seen" in where else None)
    assert set(reply.headers) <= {*headers, "content-type", "content-length", "x-seen"}


def change_nothing(response):
    """Use a response as middleware does: its headers are Headers."""
    response.headers.setdefault("X-Seen", "1")
    response.headers.add("X-Gone", "1")
    del response.headers["X-Gone"]
    return response


def test_assigned_headers_count_for_conditions():
    app = Router()

    @app.get("/")
    def show(request, params):
        response = Response("x")
        response.headers = {"ETag": '"1"'}
        return response.make_conditional(request)

    assert call(app, HTTP_IF_NONE_MATCH='"1"').code == 304


AT_ONCE = [
    (lambda response: None, True),
    (lambda response: setattr(response, "status", 418), True),
    (lambda response: response.headers.set("X-B", "2"), True),
    (lambda response: response.headers.set("Content-Length", "1"), True),
    (lambda response: response.headers.remove("Content-Length"), True),
    (lambda response: response.headers.set("Content-Length", "400"), False),
    (lambda response: response.headers.add("Content-Length", "1"), False),
    (lambda response: response.headers.set("Location", "/é"), False),
    (lambda response: response.headers.set("Content-Location", "/é"), False),
    (lambda response: response.response.append(b""), False),
    (lambda response: response.call_on_close(lambda: None), False),
]


@pytest.mark.parametrize("direct_passthrough", [False, True])
@pytest.mark.parametrize(("do", "is_clear"), AT_ONCE)
def test_text_response_is_sent_directly_until_it_is_changed(do, is_clear, direct_passthrough):
    """A change that needs werkzeug leaves the response to it; both ways send the same."""
    response = Response("x", 201, direct_passthrough=direct_passthrough)
    do(response)
    line, headers, body = response.get_wsgi_response(environ_of())[1], response.get_wsgi_headers(environ_of()), [b"x"]
    response = Response("x", 201, direct_passthrough=direct_passthrough)
    do(response)
    made = response._to_wsgi()
    assert (made is not None) is is_clear
    if made is not None:
        assert (made[0], sorted(made[1]), made[2]) == (line, sorted(headers), body)


@pytest.mark.parametrize("headers", [["400"], ["1", "1"], ["1", "400"], []])
def test_a_text_has_one_length_and_it_is_its_own(headers):
    response = Response("x")
    response.headers.remove("Content-Length")
    for length in headers:
        response.headers.add("Content-Length", length)
    assert [value for name, value in answer(response).header_list if name == "Content-Length"] == ["1"]


def test_copy_of_an_untouched_response_is_changed_by_itself():
    response = Response("x")
    other = copy_response(response)
    assert (other.get_data(), other.status) == (b"x", "200 OK")
    other.set_data("y")
    other.headers["X-A"] = "2"
    assert (response.get_data(), "X-A" in response.headers) == (b"x", False)


def test_a_copy_of_a_response_is_changed_by_itself():
    class Page(Response):
        default_mimetype = "text/html"

    for make in [*MADE, lambda cls: cls(iter(["a"])), lambda cls: Page("<p>"), lambda cls: WerkzeugResponse("x")]:
        response = make(Response)
        response.headers["X-A"] = "1"
        ended = []
        response.call_on_close(lambda ended=ended: ended.append("first"))
        other = copy_response(response)
        assert type(other) is type(response)
        assert (other.status, list(other.headers)) == (response.status, list(response.headers))
        other.headers["X-A"] = "2"
        other.status = 418
        other.call_on_close(lambda ended=ended: ended.append("other"))
        if isinstance(other.response, list):
            other.response.append(b"more")
            assert response.response == other.response[:-1]
        assert (response.headers["X-A"], response.status_code == 418) == ("1", False)
        response.close()
        assert ended == ["first"]


@pytest.mark.parametrize(
    "given", [lambda request: request, lambda request: request.environ], ids=["request", "environ"]
)
@pytest.mark.parametrize(
    "options",
    [{}, {"complete_length": 4}, {"accept_ranges": True, "complete_length": 4}],
    ids=["plain", "length", "ranges"],
)
def test_a_response_is_conditional_as_werkzeugs_is(given, options):
    for kind in Response, WerkzeugResponse:
        app = Router()
        app.get("/")(
            lambda request, params, kind=kind: kind("four", headers={"ETag": '"1"'}).make_conditional(
                given(request), **options
            )
        )
        assert call(app, HTTP_IF_NONE_MATCH='"1"').code == 304
        ranged = call(app, HTTP_RANGE="bytes=1-2")
        assert (ranged.code, ranged.body) == ((206, b"ou") if "accept_ranges" in options else (200, b"four"))


NO_BODIES = [{"a": 1}, [1, 2], [["a"]], ["a", None], (1,), 5, 4.5, True, object(), Headers({"a": "b"}).items, {}]


@pytest.mark.parametrize("body", NO_BODIES)
@pytest.mark.parametrize("cls", [Response, Kept])
def test_a_body_that_is_none_is_refused_with_a_hint(body, cls):
    with pytest.raises(TypeError, match=r"must be str, bytes, or an iterable of them, got .*json_response"):
        cls(body, 201)


@pytest.mark.parametrize("body", [None, [], (), ["a", b"b"], iter([1]), bytearray(b"a"), {"a": 1}.keys()])
def test_a_body_that_werkzeug_takes_is_taken(body):
    assert Response(body).status_code == 200


class Page:
    def __html__(self):
        return "<p>é"


@pytest.mark.parametrize("body", [html("<p>é"), Page()])
def test_a_response_of_html_is_html_unless_it_says_otherwise(body):
    class Feed(Response):
        default_mimetype = "application/xml"

    def type_of(response):
        assert response.get_data() == "<p>é".encode()
        return response.content_type

    assert type_of(Response(body)) == type_of(Kept(body, 201, {"X-A": "1"})) == HTML
    assert type_of(Response("<p>é")) == "text/plain; charset=utf-8"
    assert type_of(Response(body, mimetype="text/css")) == "text/css; charset=utf-8"
    assert type_of(Response(body, content_type="a/b")) == "a/b"
    for headers in {"content-type": "a/b"}, [("CONTENT-TYPE", "a/b")], Headers({"Content-Type": "a/b"}):
        assert type_of(Response(body, headers=headers)) == "a/b"
    assert type_of(Feed(body)) == "application/xml; charset=utf-8"


def test_a_json_response_has_no_data_before_it_is_returned():
    response = json_response({"a": 1}, 201, {"X-A": "1"})
    assert (response.status, response.headers["X-A"], response.is_json) == ("201 CREATED", "1", True)
    assert (response.calculate_content_length(), response.is_sequence) == (None, False)
    for read in response.get_data, response.get_json, response.add_etag, response.freeze, lambda: response.data:
        with pytest.raises(RuntimeError, match="after its handle has returned it"):
            read()


@pytest.mark.parametrize(
    "headers", [{"content-type": "application/geo+json"}, [("Content-Type", "application/geo+json")]]
)
def test_a_json_response_may_have_another_type(headers):
    assert json_response(1, headers=headers).content_type == "application/geo+json"
    shared = Headers()
    json_response(1, headers=shared)
    assert not shared


names = st.sampled_from(["X-A", "x-a", "Content-Type", "content-length", "Location", "Content-Location", "X Y", "", 7])
values = st.sampled_from(["1", "", "a/b", "/x", "/é x", "//b", "a\nb", "\x7f", "€", 5, None, ["1", "2"], b"1"])
statuses = st.sampled_from(
    [None, 200, 201, 204, 299, 404, 999, 99, True, 200.0, "201", "404 Gone", "", HTTPStatus.OK, [1]]
)
types = st.none() | st.sampled_from(
    ["", "text/html", "image/png", "application/json", "a/b+xml", "a/b; c=é", "a\nb", 5]
)


class General(Response):
    """A response that only werkzeug's constructor creates."""


def sent_of(make, **options):
    """Return the WSGI response, or the class of the constructor's error."""
    try:
        made = make()
    except Exception as error:
        return type(error)
    reply = answer(made, validate=False, **options)
    return reply.code >= 500 or (reply.status, sorted(reply.header_list), reply.body)


@given(
    st.sampled_from(["x", "", "é", b"\xff"]),
    statuses,
    st.none() | st.lists(st.tuples(names, values), max_size=3) | st.dictionaries(names, values, max_size=3),
    types,
    types,
    st.sampled_from(["GET", "HEAD"]),
)
@example("x", 201, [("content-length", "5")], None, None, "GET")
@example("x", 302, [("Location", "/a"), ("Location", "/b")], None, None, "GET")
@example("x", 302, {"Location": "/é"}, None, None, "GET")
@example("x", 200, {"Content-Type": "a/b"}, "image/png", None, "GET")
@example("x", 200, [("Content-Type", "a/b"), ("content-type", "c/d")], None, None, "GET")
@example("x", 200.0, None, None, None, "GET")
@example(b"x", None, [("X-A", "1"), ("X-A", "2")], None, "a/b", "GET")
@example("x", None, None, None, "a/b; c=" + "d" * 200, "GET")
def test_plain_response_is_the_one_that_werkzeug_makes(body, status, headers, mimetype, content_type, method):
    fast, general = (
        sent_of(lambda cls=cls: cls(body, status, headers, mimetype, content_type), method=method)
        for cls in (Response, General)
    )
    assert fast == general


@pytest.mark.parametrize("location", ["/x", "/é", "https://other.test/?a=1&b=<>", "//x"])
@pytest.mark.parametrize("is_absolute", [False, True])
def test_redirect_is_the_one_that_werkzeug_makes(location, is_absolute, monkeypatch):
    monkeypatch.setattr(Response, "autocorrect_location_header", is_absolute)
    made = answer(redirect(location, 307), HTTP_HOST="a.test")
    expected = answer(werkzeug_redirect(as_uri(location), 307, General), HTTP_HOST="a.test")
    assert (made.status, made.body) == (expected.status, expected.body)
    assert sorted(made.header_list) == sorted(expected.header_list)


def test_location_that_was_changed_becomes_a_url_again():
    response = redirect("/x")
    response.headers["Location"] = "/é"
    assert answer(response).headers["location"] == "/%C3%A9"
    response.headers.add("location", "/second")
    assert [value for name, value in answer(response).header_list if name.lower() == "location"] == ["/%C3%A9"]
    response = redirect("/x")
    response.autocorrect_location_header = True
    assert answer(response, HTTP_HOST="a.test").headers["location"] == "http://a.test/x"


ATTRIBUTES = {
    "default_status": 202,
    "default_mimetype": "text/html",
    "autocorrect_location_header": True,
    "automatically_set_content_length": False,
    "implicit_sequence_conversion": False,
    "max_cookie_size": 5,
}
OF_SUBCLASSES = [
    lambda cls: cls("x"),
    lambda cls: cls(b"x"),
    lambda cls: cls(["x", "y"]),
    lambda cls: cls(iter("xy")),
    lambda cls: cls("x", 302, {"Location": "/a?b"}),
    lambda cls: cls("x", 302, {"Location": "é"}),
    lambda cls: cls("x", 302, {"Location": "//other.test/"}),
    lambda cls: cls("x", 201, {"Content-Location": "/a"}),
    lambda cls: cls("x", 302, {"Location": "https://other.test/ü"}),
]


@pytest.mark.parametrize("has_middleware", [False, True])
@pytest.mark.parametrize("make", OF_SUBCLASSES)
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_subclass_has_the_attributes_of_werkzeugs(name, make, has_middleware):
    ours, theirs = (type("Own", (cls,), {name: ATTRIBUTES[name]}) for cls in (Response, WerkzeugResponse))
    app = Router()
    if has_middleware:
        app.use(lambda handle: lambda request, params: change_nothing(handle(request, params)))
        app.use(lambda handle: lambda request, params: handle(request, params))
    extra = {"SCRIPT_NAME": "/root", "HTTP_HOST": "own.test:81", "query": "q=1"}
    expected = make(theirs).get_wsgi_response(environ_of(path="/", **extra))
    sent = answer(make(ours), router=app, **extra)
    assert (sent.status, sent.body) == (expected[1], b"".join(expected[0]))
    assert sorted(pair for pair in sent.header_list if pair[0] != "X-Seen") == sorted(expected[2])


def test_a_subclass_keeps_what_it_says_of_cookies_and_streams():
    class Own(Response):
        implicit_sequence_conversion = False
        max_cookie_size = 5

    with pytest.warns(UserWarning, match="cookie"):
        Own("x").set_cookie("name", "value")
    with pytest.raises(RuntimeError, match="implicit conversion"):
        Own(iter("x")).get_data()


@pytest.mark.parametrize("host", ["a b", "a/b", "", None, "a:x", "\xff"])
def test_a_bad_host_is_no_500_for_an_absolute_location(host):
    class Absolute(Response):
        autocorrect_location_header = True

    reply = answer(Absolute("", 302, {"Location": "/x"}), HTTP_HOST=host, validate=False)
    assert (reply.code, reply.headers.get("location")) in [(400, None), (302, "http://site.test/x")]


def test_a_subclass_of_response_has_its_own_defaults():
    class Page(Response):
        default_mimetype = "text/html"

    assert answer(Page("<p>")).headers["content-type"] == HTML


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_has_the_code_that_it_is_given(code):
    assert redirect("/x", code).status_code == code


def test_html_is_escaped_only_where_it_is_filled_in():
    assert answer(html("<p>é")).text == "<p>é"
    assert html("<p>%s") % "<b>" == "<p>&lt;b&gt;"


@pytest.mark.parametrize("code", [200, 300, 304, "302", None, 305, 306, 309])
def test_what_is_no_redirect_is_refused(code):
    with pytest.raises(ValueError, match="code must be 301, 302, 303, 307 or 308, got"):
        redirect("/x", code)


def test_a_redirect_sends_elsewhere():
    reply = answer(redirect("/login?next=/é", 303))
    assert (reply.code, reply.headers["location"]) == (303, "/login?next=/%C3%A9")


@pytest.mark.parametrize("date", ["Mon, 01 Jan 99999999999 00:00:00 GMT", "Mon, 31 Feb 2020 25:61:61 GMT"])
@pytest.mark.parametrize("name", ["HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE"])
def test_conditional_response_ignores_an_invalid_date(name, date):
    def handle(request, params):
        response = Response(b"0123456789")
        response.last_modified = datetime.datetime(2026, 11, 24, tzinfo=datetime.timezone.utc)
        return response.make_conditional(request.environ, accept_ranges=True, complete_length=10)

    app = Router()
    app.get("/")(handle)
    assert call(app, **{name: date}).body == b"0123456789"
    assert call(app, HTTP_RANGE="bytes=0-1", **{name: date}).code == (200 if name == "HTTP_IF_RANGE" else 206)
    assert call(app, HTTP_RANGE="bytes=0-1", HTTP_IF_RANGE="Tue, 24 Nov 2026 00:00:00 GMT").body == b"01"


@pytest.mark.parametrize(
    ("name", "value", "code"), [("IF_NONE_MATCH", '"x"', 304), ("IF_MATCH", '"y"', 412), ("IF_MATCH", '"x"', 206)]
)
def test_conditional_response_checks_preconditions_first(name, value, code):
    """Preconditions come before ranges."""

    def handle(request, params):
        response = Response(b"0123456789", headers={"ETag": '"x"'})
        return response.make_conditional(request, accept_ranges=True, complete_length=10)

    app = Router()
    app.get("/")(handle)
    assert call(app, HTTP_RANGE="bytes=0-1", **{f"HTTP_{name}": value}).code == code


@pytest.mark.parametrize("name", ["HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_RANGE"])
def test_conditional_headers_have_the_limit_of_headers(name, monkeypatch):
    monkeypatch.setattr(Request, "max_header_length", 20)
    app = Router()
    app.get("/")(lambda request, params: Response("x").make_conditional(request))
    assert call(app, **{name: "x" * 20}).code == 200
    assert call(app, **{name: "x" * 21}).code == 400


@pytest.mark.parametrize(
    ("since", "code"), [("Tue, 24 Nov 2026 00:00:00 GMT", 304), ("Mon, 23 Nov 2026 00:00:00 GMT", 206)]
)
def test_a_range_of_what_has_not_changed_since_is_not_sent(since, code):
    def handle(request, params):
        response = Response(b"0123456789")
        response.last_modified = datetime.datetime(2026, 11, 24, tzinfo=datetime.timezone.utc)
        return response.make_conditional(request, accept_ranges=True, complete_length=10)

    app = Router()
    app.get("/")(handle)
    assert call(app, HTTP_RANGE="bytes=0-1", HTTP_IF_MODIFIED_SINCE=since).code == code
