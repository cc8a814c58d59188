"""What a handle may return, and what becomes of it on the way out."""

from __future__ import annotations

import datetime
import io
import json
import re
from dataclasses import dataclass
from http import HTTPStatus

import pytest
from markupsafe import Markup
from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as WerkzeugResponse
from werkzeug.wsgi import FileWrapper

from microfn import Request, Response, Router, html, redirect
from microfn.http.response import copy_response, forget_length

from ..wsgi import Reply, call, environ_of


def answer(result, *, method="GET", router=None, **options) -> Reply:
    """The reply to a handle that returns `result`."""
    app = router or Router()
    app.route("/", methods=[method])(lambda request, params: result)
    return call(app, method, **options)


TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


class Template:
    def __html__(self):
        return "<p>é</p>"


VALUES = [
    ("hello é", TEXT, "hello é".encode()),
    ("", TEXT, b""),
    ("<script>", TEXT, b"<script>"),
    (html("<p>"), HTML, b"<p>"),
    (Markup("<b>"), HTML, b"<b>"),
    (Template(), HTML, "<p>é</p>".encode()),
    (b"\x00\xff", "application/octet-stream", b"\x00\xff"),
    ({}, "application/json", b"{}"),
    ({"é": [1, None, True]}, "application/json", '{"é":[1,null,true]}'.encode()),
    ([], "application/json", b"[]"),
    (["\ud800"], "application/json", b'["\\ud800"]'),
    ({"on": datetime.date(2026, 11, 24)}, "application/json", b'{"on":"2026-11-24"}'),
]


@pytest.mark.parametrize(("value", "content_type", "body"), VALUES)
def test_a_value_becomes_a_body_with_its_type_and_length(value, content_type, body):
    reply = answer(value)
    assert reply.status == "200 OK"
    assert reply.header_list == [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    assert reply.body == body


class SubclassOfStr(str):
    __slots__ = ()


class SubclassOfDict(dict):
    pass


def test_subclasses_of_plain_types_are_taken_for_them():
    assert answer(SubclassOfStr("x")).headers["content-type"] == TEXT
    assert answer(SubclassOfDict(a=1)).text == '{"a":1}'


@pytest.mark.parametrize(
    ("chunks", "content_type", "body"),
    [
        (["a", "é", ""], TEXT, "aé"),
        ([b"a", b"b"], "application/octet-stream", "ab"),
        ([], TEXT, ""),
        (["", "later"], TEXT, "later"),
    ],
)
def test_an_iterator_is_streamed_without_a_length(chunks, content_type, body):
    reply = answer(iter(chunks))
    assert reply.header_list == [("Content-Type", content_type)]
    assert reply.text == body


def test_a_file_is_an_iterator_too_and_is_closed():
    file = io.BytesIO(b"one\ntwo")
    assert answer(file).body == b"one\ntwo"
    assert file.closed


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (201, "201 Created"),
        (HTTPStatus.ACCEPTED, "202 Accepted"),
        ("404 Not Found", "404 Not Found"),
        ("299 Home Made", "299 Home Made"),
        (299, "299 Unknown"),
        (599, "599 Unknown"),
    ],
)
def test_a_tuple_says_the_status(status, line):
    assert answer(("x", status)).status == line


@pytest.mark.parametrize(
    "headers",
    [
        {"X-One": "1", "X-Two": 2},
        [("X-One", "1"), ("X-Two", "2")],
        Headers([("X-One", "1"), ("X-Two", "2")]),
        (("X-One", "1"), ["X-Two", "2"]),
    ],
)
def test_a_tuple_says_the_headers(headers):
    reply = answer(("x", 200, headers))
    assert (reply.headers["x-one"], reply.headers["x-two"]) == ("1", "2")
    assert reply.headers["content-type"] == TEXT


def test_a_header_may_come_several_times():
    reply = answer(("x", 200, {"Set-Cookie": ["a=1", "b=2"]}))
    assert [value for name, value in reply.header_list if name == "Set-Cookie"] == ["a=1", "b=2"]


def test_a_given_content_type_replaces_the_default():
    assert answer(("<svg/>", 200, {"content-type": "image/svg+xml"})).header_list == [
        ("Content-Length", "6"),
        ("content-type", "image/svg+xml"),
    ]


def test_a_length_that_is_not_the_bodys_is_not_sent():
    reply = answer(("four", 200, {"Content-Length": "400"}))
    assert [value for name, value in reply.header_list if name.lower() == "content-length"] == ["4"]


def test_nor_is_one_that_is_not_that_of_a_response():
    app = Router()
    app.get("/")(lambda request, params: (Response("four"), 200, {"Content-Length": "400"}))
    app.get("/text")(lambda request, params: ("four", 200, {"Content-Length": "400"}))
    for path in ["/", "/text"]:
        assert [call(app, method, path).headers["content-length"] for method in ("GET", "HEAD")] == ["4", "4"]


def test_a_head_route_may_say_the_length_of_what_it_does_not_send():
    reply = answer(("", 200, {"Content-Length": "400"}), method="HEAD")
    assert reply.headers["content-length"] == "400"


def test_a_stream_may_say_its_length():
    assert answer((iter(["ab", "cd"]), 200, {"Content-Length": "4"})).headers["content-length"] == "4"


def test_a_response_goes_out_as_it_is():
    response = Response("ok", 201, {"X-One": "1"}, mimetype="text/css")
    response.set_cookie("c", "v")
    reply = answer(response)
    assert reply.status == "201 CREATED"
    assert reply.headers["content-type"] == "text/css; charset=utf-8"
    assert reply.headers["set-cookie"] == "c=v; Path=/"
    assert reply.headers["content-length"] == "2"


def test_a_response_of_werkzeug_is_a_response():
    assert answer(WerkzeugResponse("ok")).text == "ok"


def test_a_tuple_changes_status_and_headers_of_a_response_for_this_answer_only():
    response = Response("ok", headers={"X-One": "1"})
    reply = answer((response, 202, {"x-one": "2"}))
    assert (reply.status, reply.headers["x-one"]) == ("202 Accepted", "2")
    assert (response.status_code, response.headers["X-One"]) == (200, "1")


def test_a_response_may_stream():
    assert answer(Response(iter(["a", "b"]))).text == "ab"


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
    """All that can be read of a response, and what it sends."""
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
    if theirs.content_length is not None:  # which werkzeug leaves wrong where the body was changed in place
        theirs.content_length = len(theirs.get_data())
    sent = answer(ours, validate=False)
    assert (sent.status, sorted(sent.header_list), sent.body) == (
        theirs.status,
        sorted(theirs.get_wsgi_headers(environ_of()).to_wsgi_list()),
        theirs.get_data(),
    )


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
def test_what_is_sent_of_a_text_is_clear_until_something_needs_werkzeug(do, is_clear, direct_passthrough):
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


def test_a_copy_of_a_response_that_nobody_looked_at_is_the_same_and_changed_by_itself():
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


def test_where_a_stream_is_put_in_place_of_a_body_the_length_of_that_body_goes():
    response = Response("four")
    forget_length(response)
    assert response.headers["Content-Length"] == "4"
    response.response = iter(["a"])
    forget_length(response)
    assert "Content-Length" not in response.headers

    response = Response("four")
    response.set_data("longer")
    response = copy_response(response)
    response.response = iter(["a"])
    forget_length(response)
    assert "Content-Length" not in response.headers


def test_a_length_that_was_said_of_the_stream_stays():
    streaming, replaced = Response(iter(["a"]), headers={"Content-Length": "1"}), Response("four")
    replaced.response = iter(["a"])
    replaced.headers["Content-Length"] = "1"
    for response in streaming, replaced:
        forget_length(response)
        assert response.headers["Content-Length"] == "1"


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
    with pytest.raises(ValueError, match="is no redirect"):
        redirect("/x", code)


def test_a_redirect_sends_elsewhere():
    reply = answer(redirect("/login?next=/é", 303))
    assert (reply.code, reply.headers["location"]) == (303, "/login?next=/%C3%A9")


@pytest.mark.parametrize("body", ["x", {"a": 1}, iter("x"), Response("x")])
@pytest.mark.parametrize("status", [204, 304])
def test_204_and_304_have_no_body_and_nothing_that_describes_it(status, body):
    reply = answer((body, status, {"ETag": '"1"'}))
    assert reply.body == b""
    assert reply.header_list == [("ETag", '"1"')]


def test_205_has_an_empty_body():
    reply = answer(("x", 205))
    assert reply.body == b""
    assert reply.headers["content-length"] == "0"


@pytest.mark.parametrize("body", ["text", {"a": 1}, b"bytes", Response("x"), html("<p>")])
def test_head_has_the_headers_of_get_and_no_body(body):
    app = Router()
    app.get("/")(lambda request, params: body)
    got, head = call(app, "GET"), call(app, "HEAD")
    assert head.lasting == got.lasting
    assert head.body == b""
    assert got.body != b""


NO_ANSWERS = [
    (None, r"test_response.*returned None; did you forget to return"),
    (5, "returned int, which is no answer"),
    (object, "start_response|takes no arguments"),
    ({1, 2}, "returned set, which is no answer"),
    (range(3), "returned range, which is no answer"),
    (bytearray(b"x"), "returned bytearray, which is no answer"),
    (("x",), r"returned a tuple of 1; it is \(body, status\[, headers\]\)"),
    ((), "returned a tuple of 0"),
    (("x", 200, {}, 1), "returned a tuple of 4"),
    (("x", None, "no headers"), "headers are a dict"),
    (("x", {"X-A": "1"}), r"a status is an int.*\(body, status, headers\)"),
    (("x", 200, None), "headers are a dict"),
    (("x", "abc"), "'abc' is no status line"),
    (("x", "200"), "'200' is no status line"),
    (("x", 99), "no status line"),
    (("x", 100), "no status line"),
    (("x", 199), "no status line"),
    (("x", 600), "no status line"),
    (("x", True), "no status line"),
    (("x", "200 OK\r\nX-Bad: 1"), "no status line"),
    (("x", 200, [("X-A",)]), "headers are a dict"),
    (("x", 200, {"X-A": None}), "the header 'X-A' is None"),
    (("x", 200, {b"X-A": "1"}), "the header b'X-A' is '1'"),
    (("x", 200, {"": "1"}), "'' is no name of a header"),
    (("x", 200, {"X A": "1"}), "'X A' is no name of a header"),
    (("x", 200, {"X-A\r\n": "1"}), "is no name of a header"),
    (("x", 200, {"X-A": "1\r\nSet-Cookie: a=b"}), "the header 'X-A' holds what cannot be sent"),
    (("x", 200, {"X-A": "a\tb"}), "the header 'X-A' holds what cannot be sent"),
    (("x", 200, {"X-A": "a\x7f"}), "the header 'X-A' holds what cannot be sent"),
    (("x", 200, {"X-A": "€"}), "the header 'X-A' holds what cannot be sent"),
    (("x", 200, {"Connection": "close"}), "the header 'Connection' is about the connection"),
    (("x", 200, {"transfer-encoding": "chunked"}), "about the connection"),
    (({"x": object()}, 200), "object is nothing that JSON can say"),
    ([float("nan")], "not JSON compliant"),
    ("\ud800", "surrogates not allowed"),
    (iter([5]), "a stream must yield str or bytes, got int"),
    (Response("x", status="1"), "no status line"),
]


@pytest.mark.parametrize(("result", "message"), NO_ANSWERS)
def test_what_is_no_answer_is_a_500_and_a_log_line_that_says_why(result, message, caplog):
    reply = answer(result, validate=False)
    assert reply.code == 500
    assert json.loads(reply.text)["status"] == 500
    assert len(caplog.records) == 1
    assert re.search(message, str(caplog.records[0].exc_info[1]))


def test_a_header_of_a_response_passes_the_same_gate(caplog):
    response = Response("x")
    response.headers["X-A"] = "tab\t"
    assert answer(response).code == 500
    assert "X-A" in str(caplog.records[0].exc_info[1])


LOCATIONS = {
    "/users/7?q=a%20b#c": "/users/7?q=a%20b#c",
    "/é x": "/%C3%A9%20x",
    "https://münchen.example/ü": "https://xn--mnchen-3ya.example/%C3%BC",
    "http://[": "http://%5B",
    "/\ud800": "/%ED%A0%80",
    "/100%": "/100%",
    "": "",
    "//cdn.example/x": "//cdn.example/x",
    "////evil.example/x": "////evil.example/x",
    " //evil.example": "%20//evil.example",
    "http://h:99999/": "http://h:99999/",
    "http://h:x/ä": "http://h:x/%C3%A4",
    "http://[::1": "http://%5B::1",
    "http://a b/é": "http://a%20b/%C3%A9",
    "/docs?#": "/docs?#",
    "https://example.org:/?": "https://example.org:/?",
    f"http://{'ä' * 70}/": f"http://{'%C3%A4' * 70}/",
}


@pytest.mark.parametrize(("given", "sent"), LOCATIONS.items())
@pytest.mark.parametrize("name", ["Location", "content-location"])
def test_a_location_is_a_url_however_it_is_given(given, sent, name):
    touched = Response("x", 201, {name: given})
    touched.headers["X-A"] = "a"
    for result in ("x", 201, {name: given}), Response("x", 201, {name: given}), touched, (touched, 201, {name: given}):
        assert answer(result).headers[name.lower()] == sent
        assert answer(result).headers[name.lower()] == sent
    assert touched.headers[name] == given
    if name == "Location":
        assert answer(redirect(given)).headers["location"] == sent


def test_a_redirect_to_what_is_no_url_harms_nobody():
    assert (answer(redirect("http://[")).code, answer(redirect("http://[")).headers["location"]) == (302, "http://%5B")


@pytest.mark.parametrize("location", ["/a\r\nSet-Cookie: a=b", "/a\n", "\x00", "/\x7f", "/\t/evil.example"])
def test_a_location_with_control_characters_is_refused(location, caplog):
    assert answer(("x", 302, {"Location": location})).code == 500
    with pytest.raises(ValueError, match="holds a control character"):
        redirect(location)
    if "\n" not in location:  # which werkzeug refuses at once
        assert answer(Response("x", 302, {"Location": location})).code == 500


def test_an_http_exception_that_is_returned_counts_as_raised():
    assert answer(NotFound()).code == 404


def test_a_coroutine_is_no_answer_and_is_closed(caplog):
    async def body():
        return "x"

    coroutine = body()
    assert answer(coroutine).code == 500
    assert coroutine.cr_frame is None


class Source:
    """An iterator that counts how often it is closed."""

    def __init__(self, *chunks, fails_at=None):
        self.chunks, self.fails_at, self.sent, self.closed = iter(chunks), fails_at, 0, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.sent == self.fails_at:
            raise RuntimeError("SECRET")
        self.sent += 1
        return next(self.chunks)

    def close(self):
        self.closed += 1


WAYS = [
    lambda source: source,
    lambda source: (source, 200),
    lambda source: Response(source),
    lambda source: (Response(source), 200, {"X-A": "1"}),
    lambda source: (
        lambda environ, start_response: start_response("200 OK", [("Content-Type", "text/plain")]) and source
    ),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_a_handle_returned_is_closed_once_at_the_end(way, method):
    source = Source(b"a", b"b")
    app = Router()
    app.get("/")(lambda request, params: way(source))
    assert call(app, method).body == (b"ab" if method == "GET" else b"")
    assert source.closed == 1


@pytest.mark.parametrize("way", WAYS)
def test_it_is_closed_once_if_the_client_leaves(way):
    source = Source(b"a", b"b", b"c")
    assert answer(way(source), chunks=1, validate=False).body == b"a"
    assert source.closed == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_fails_before_its_first_chunk_is_a_clean_500(way, caplog):
    source = Source(b"a", fails_at=0)
    reply = answer(way(source))
    assert (reply.code, reply.error) == (500, None)
    assert "SECRET" not in reply.text
    assert source.closed == 1
    assert caplog.messages == ["GET / [/] raised RuntimeError"]


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_fails_later_reaches_the_server(way):
    source = Source(b"a", b"b", fails_at=1)
    reply = answer(way(source), validate=False)
    assert (reply.code, reply.body) == (200, b"a")
    assert isinstance(reply.error, RuntimeError)
    assert source.closed == 1


@pytest.mark.parametrize(
    "result",
    [
        lambda source: (source, "bad\nstatus"),
        lambda source: (source, 200, {"bad name": "1"}),
        lambda source: (source, 200, "no headers"),
        lambda source: (source,),
        lambda source: Response(source, headers={"X-A": "€"}),
        lambda source: Response(source, headers={"Location": "http://["}),
        lambda source: (source, 204),
        lambda source: (Response(source), 304),
    ],
)
def test_it_is_closed_once_if_it_cannot_be_sent(result, caplog):
    source = Source(b"a")
    answer(result(source))
    assert source.closed == 1


def test_a_server_that_closes_twice_closes_the_source_once():
    source = Source(b"a")
    app = Router()
    app.get("/")(lambda request, params: source)
    body = app(environ_of(), lambda status, headers: None)
    body.close()
    body.close()
    assert source.closed == 1


def test_a_file_goes_to_the_server_as_its_own_wrapper():
    class Wrapper(FileWrapper):
        pass

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](io.BytesIO(b"file"))

    app = Router()
    app.get("/")(lambda request, params: application)
    seen = app(environ_of(wsgi__file_wrapper=Wrapper), lambda status, headers: None)
    assert isinstance(seen, Wrapper)
    seen.close()
    assert call(app, wsgi__file_wrapper=Wrapper, validate=False).body == b"file"
    assert call(app, wsgi__file_wrapper=lambda file: FileWrapper(file), validate=False).body == b"file"


def test_an_application_may_change_its_mind_until_its_first_chunk():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise KeyError("late")
        except KeyError as error:
            start_response("503 Busy", [("Content-Type", "text/plain")], (KeyError, error, error.__traceback__))
        return [b"busy"]

    assert answer(application).status == "503 Busy"


def test_an_application_may_not_change_it_after_its_first_chunk():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"a"
        try:
            raise KeyError("late")
        except KeyError as error:
            start_response("503 Busy", [], (KeyError, error, error.__traceback__))
        yield b"b"

    reply = answer(lambda environ, start_response: application(environ, start_response), validate=False)
    assert (reply.code, reply.body) == (200, b"a")
    assert isinstance(reply.error, KeyError)


def test_an_application_that_starts_twice_is_a_500(caplog):
    def application(environ, start_response):
        start_response("200 OK", [])
        start_response("200 OK", [])
        return []

    assert answer(application).code == 500
    assert "twice" in str(caplog.records[0].exc_info[1])


def test_an_application_may_begin_with_nothing():
    def application(environ, start_response):
        yield b""
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"x"

    assert answer(lambda environ, start_response: application(environ, start_response), validate=False).body == b"x"


def test_what_is_written_before_a_file_is_sent():
    def application(environ, start_response):
        start_response("200 OK", ((name, value) for name, value in [("Content-Type", "text/plain")]))(b"AB")
        return environ["wsgi.file_wrapper"](io.BytesIO(b"cd"))

    reply = answer(application, wsgi__file_wrapper=FileWrapper, validate=False)
    assert (reply.body, reply.header_list) == (b"ABcd", [("Content-Type", "text/plain")])


def test_a_stream_that_fails_behind_nothing_is_a_clean_500(caplog):
    def stream():
        yield ""
        raise RuntimeError("SECRET")

    assert answer(stream()).code == 500


def test_an_application_that_never_starts_is_a_500(caplog):
    assert answer(lambda environ, start_response: [b"x"]).code == 500
    assert "did not call start_response" in str(caplog.records[0].exc_info[1])


def test_what_an_application_writes_keeps_its_place():
    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"1")

        def chunks():
            write(b"2")
            yield b"3"
            write(b"4")
            yield b"5"
            write(b"6")

        return chunks()

    assert answer(application).body == b"123456"


@dataclass
class Point:
    x: int
    y: int


class Codec:
    def dumps(self, value):
        return b"dumped"

    def loads(self, text):
        return "loaded"


def test_json_goes_through_the_codec_of_the_router():
    assert answer({"a": 1}, router=Router(json=Codec())).body == b"dumped"
    app = Router(json=Codec())
    app.post("/")(lambda request, params: request.json)
    assert call(app, "POST", body=b"{}", CONTENT_TYPE="application/json").text == "loaded"
    assert answer([Point(1, 2)]).text == '[{"x":1,"y":2}]'
    assert answer({"a": 1}, router=Router(json=json)).text == '{"a": 1}'


@pytest.mark.parametrize(
    "make", [lambda: Response("x"), lambda: Response("x", 201), lambda: Response("x", headers={"X": "1"})]
)
def test_a_response_may_be_returned_again_and_again(make):
    app, response = Router(), make()
    app.get("/")(lambda request, params: response)

    def serve():
        seen = []
        app(environ_of(), lambda status, headers: (seen.extend(headers), headers.append(("Server", "s"))))
        return seen

    assert serve() == serve() == serve()


def test_a_foreign_response_that_cannot_be_sent_is_closed_and_a_500(caplog):
    ended = []
    response = WerkzeugResponse("x", 302, {"Location": "http://["})
    response.call_on_close(lambda: ended.append(1))
    assert (answer(response).code, ended) == (500, [1])


@pytest.mark.parametrize("date", ["Mon, 01 Jan 99999999999 00:00:00 GMT", "Mon, 31 Feb 2020 25:61:61 GMT"])
@pytest.mark.parametrize("name", ["HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE"])
def test_where_a_handle_makes_a_response_conditional_an_absurd_date_is_none(name, date):
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
def test_where_a_handle_makes_a_response_conditional_preconditions_come_before_ranges(name, value, code):
    def handle(request, params):
        response = Response(b"0123456789", headers={"ETag": '"x"'})
        return response.make_conditional(request, accept_ranges=True, complete_length=10)

    app = Router()
    app.get("/")(handle)
    assert call(app, HTTP_RANGE="bytes=0-1", **{f"HTTP_{name}": value}).code == code


@pytest.mark.parametrize("name", ["HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_RANGE", "HTTP_RANGE"])
def test_what_makes_a_response_conditional_has_the_limit_of_headers(name, monkeypatch):
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
