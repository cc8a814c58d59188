"""Results of handles, and their conversion to responses."""

from __future__ import annotations

import array
import datetime
import io
import json
import re
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from markupsafe import Markup
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

from microfn import JSON, Response, Router, html, json_response

from ..handles import answer
from ..wsgi import call, environ_of

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
    (bytearray(b"\x00\xff"), "application/octet-stream", b"\x00\xff"),
    (bytearray(), "application/octet-stream", b""),
    (memoryview(b"abc")[1:], "application/octet-stream", b"bc"),
    (memoryview(array.array("H", [0x6161])), "application/octet-stream", b"aa"),
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


BUFFERS = [bytearray(b"x"), memoryview(b"x")]


@pytest.mark.parametrize("buffer", BUFFERS)
@pytest.mark.parametrize("has_middleware", [False, True])
def test_a_buffer_is_bytes_wherever_a_body_is(buffer, has_middleware):
    assigned = Response("other")
    assigned.response = buffer
    listed = Response("other")
    listed.response = (buffer,)
    changed = Response("other")
    changed.set_data(buffer)
    streamed = Response("other")
    streamed.response = iter([buffer])
    results = [
        (buffer, 201),
        Response(buffer),
        Response([buffer]),
        assigned,
        listed,
        changed,
        WerkzeugResponse([buffer]),
    ]
    for result in [buffer, *results, iter([buffer]), (iter([buffer]), 200), Response(iter([buffer])), streamed]:
        app = Router()
        if has_middleware:
            app.use(lambda handle: handle)
            app.use(lambda handle: lambda request, params, handle=handle: handle(request, params))
        reply = answer(result, router=app)
        assert (reply.body, reply.headers.get("content-length", "1")) == (b"x", "1")


@pytest.mark.parametrize("status", [200, 299, 301, 404, 599])
def test_a_status_is_sent_from_200_to_599(status):
    for given in status, f"{status} Mine":
        for result in ("x", given), Response("x", given), WerkzeugResponse("x", given), Response(b"x", given):
            assert answer(result).code == status


@pytest.mark.parametrize("status", [0, 1, 99, 100, 199, 600, 999, 1000, -200, "999 Mine", "Mine", "99 Mine"])
def test_a_status_outside_is_500_and_the_log_names_the_range(status, caplog):
    for result in ("x", status), Response("x", status), WerkzeugResponse("x", status), json_response(1, status):
        assert answer(result, validate=False).code == 500
    assert ["(200 to 599)" in str(record.exc_info[1]) for record in caplog.records] == [True] * 4


def test_a_json_response_is_encoded_by_its_router():
    once = json_response({"a": 1}, 201)
    once.set_cookie("c", "v")
    for has_middleware in False, True:
        for codec, body in (Codec(), b"dumped"), (json, b'{"a": 1}'), (Codec(), b"dumped"):
            app, seen = Router(json=codec), []
            if has_middleware:
                app.use(lambda handle, seen=seen: lambda request, params: seen_by(seen, handle(request, params)))
            reply = answer(once, router=app)
            assert (reply.code, reply.body, seen) == (201, body, [body] * has_middleware)
            assert reply.headers["content-type"] == "application/json"
            assert (reply.headers["content-length"], reply.headers["set-cookie"]) == (str(len(body)), "c=v; Path=/")
    assert answer((once, 202, {"Content-Length": "400"})).headers["content-length"] == "7"
    assert answer(once, method="HEAD").headers["content-length"] == "7"


def seen_by(seen, response):
    seen.append(response.get_data())
    return response


@pytest.mark.parametrize("value", [None, [], {}, "", 0, False, "é", [[1]], {"a": None}])
def test_a_json_response_takes_every_value_of_json(value):
    assert json.loads(answer(json_response(value)).body) == value


@pytest.mark.parametrize("value", [object(), {"a": {1}}, float("nan"), {(1, 2): 3}, json_response(1)])
@pytest.mark.parametrize("has_middleware", [False, True])
def test_a_json_response_that_is_no_json_is_a_500(value, has_middleware, caplog):
    app, seen, ended = Router(), [], []
    if has_middleware:
        app.use(lambda handle: lambda request, params: (seen.append((r := handle(request, params)).status_code), r)[1])
    response = json_response(value)
    response.call_on_close(lambda: ended.append(1))
    assert answer(response, router=app).code == 500
    assert (seen, ended, len(caplog.records)) == ([500] * has_middleware, [1], 1)


def test_a_length_that_is_not_the_bodys_is_not_sent():
    reply = answer(("four", 200, {"Content-Length": "400"}))
    assert [value for name, value in reply.header_list if name.lower() == "content-length"] == ["4"]


def test_nor_is_one_that_is_not_that_of_a_response():
    app = Router()
    app.get("/")(lambda request, params: (Response("four"), 200, {"Content-Length": "400"}))
    app.get("/text")(lambda request, params: ("four", 200, {"Content-Length": "400"}))
    for path in ["/", "/text"]:
        assert [call(app, method, path).headers["content-length"] for method in ("GET", "HEAD")] == ["4", "4"]


def test_head_route_may_give_the_length_of_another_body():
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


def test_a_response_may_stream():
    assert answer(Response(iter(["a", "b"]))).text == "ab"


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
    (None, r"handles.*returned None; did you forget to return"),
    (5, "must return a response, got int"),
    (object, "start_response|takes no arguments"),
    ({1, 2}, "must return a response, got set"),
    (range(3), "must return a response, got range"),
    (("x",), r"must return \(body, status\[, headers\]\) or \(body, headers\), got a tuple of 1"),
    ((), "got a tuple of 0"),
    (("x", 200, {}, 1), "got a tuple of 4"),
    (("x", None, "no headers"), "headers must be a dict"),
    (("x", 4.5), r"status must be an int.*\(body, status, headers\)"),
    (("x", [1]), "headers must be a dict"),
    (("x", {"Connection": "close"}), "leave it out"),
    (("x", 999), r"a final status \(200 to 599\), a space and a reason phrase, got '999 Unknown'"),
    ((iter("x"), 200, {"Content-Length": "abc"}), "must be a number of bytes"),
    (("x", 200, None), "headers must be a dict"),
    (("x", "abc"), "reason phrase, got 'abc'"),
    (("x", "200"), "reason phrase, got '200'"),
    (("x", 99), "status must be a final status"),
    (("x", 100), "status must be a final status"),
    (("x", 199), "status must be a final status"),
    (("x", 600), "status must be a final status"),
    (("x", True), "status must be a final status"),
    (("x", "200 OK\r\nX-Bad: 1"), "status must be a final status"),
    (("x", 200, [("X-A",)]), "headers must be a dict"),
    (("x", 200, {"X-A": None}), "must be str, got 'X-A': None"),
    (("x", 200, {b"X-A": "1"}), "must be str, got b'X-A': '1'"),
    (("x", 200, {"": "1"}), r"a token \(RFC 9110, section 5.1\), got ''"),
    (("x", 200, {"X A": "1"}), r"a token \(RFC 9110, section 5.1\), got 'X A'"),
    (("x", 200, {"X-A\r\n": "1"}), r"the name of a header must be a token"),
    (("x", 200, {"X-A": "1\r\nSet-Cookie: a=b"}), "the header 'X-A' must be without control characters"),
    (("x", 200, {"X-A": "a\tb"}), "the header 'X-A' must be without control characters"),
    (("x", 200, {"X-A": "a\x7f"}), "the header 'X-A' must be without control characters"),
    (("x", 200, {"X-A": "€"}), "the header 'X-A' must be without control characters"),
    (("x", 200, {"Connection": "close"}), "the header 'Connection' belongs to the server's connection"),
    (("x", 200, {"transfer-encoding": "chunked"}), "belongs to the server's connection"),
    (({"x": object()}, 200), "object cannot be encoded as JSON"),
    ([float("nan")], "not JSON compliant"),
    ("\ud800", "surrogates not allowed"),
    (iter([5]), "a stream must yield str or bytes, got int"),
    (Response("x", status="1"), "status must be a final status"),
]


@pytest.mark.parametrize(("result", "message"), NO_ANSWERS)
def test_what_is_no_answer_is_a_500_and_a_log_line_that_says_why(result, message, caplog):
    reply = answer(result, validate=False)
    assert reply.code == 500
    assert json.loads(reply.text)["status"] == 500
    assert len(caplog.records) == 1
    assert re.search(message, str(caplog.records[0].exc_info[1]))


def test_an_http_exception_that_is_returned_counts_as_raised():
    assert answer(NotFound()).code == 404


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


def test_foreign_response_that_cannot_be_sent_is_500_and_closed(caplog):
    ended = []
    response = WerkzeugResponse("x", 302, {"Location": "http://["})
    response.call_on_close(lambda: ended.append(1))
    assert (answer(response).code, ended) == (500, [1])


@dataclass(frozen=True)
class Place:
    x: int
    inner: Any = None


PLACE = b'{"x":1,"inner":{"x":2,"inner":null}}'


@pytest.mark.parametrize("has_middleware", [False, True])
def test_dataclass_is_json(has_middleware):
    app, seen = Router(), []
    if has_middleware:
        app.use(
            lambda handle: lambda request, params: (response := handle(request, params), seen.append(response.data))[0]
        )
    app.get("/")(lambda request, params: Place(1, Place(2)))
    app.get("/tuple")(lambda request, params: (Place(1, Place(2)), 201, {"X-A": "1"}))
    app.get("/raises")(lambda request, params: 1 / 0)
    app.error(ZeroDivisionError)(lambda request, error: Place(1, Place(2)))
    for path, status in [("/", 200), ("/tuple", 201), ("/raises", 500)]:
        got = call(app, path=path)
        assert (got.code, got.body, got.headers["content-type"]) == (status, PLACE, "application/json")
        assert got.headers["content-length"] == str(len(PLACE))
    head = call(app, "HEAD")
    assert (head.code, head.body, head.headers["content-length"]) == (200, b"", str(len(PLACE)))
    assert seen == ([PLACE] * 4 if has_middleware else [])


def test_dataclass_that_json_cannot_say_is_500(caplog):
    assert answer(Place(1, object())).code == 500
    assert "object cannot be encoded as JSON" in caplog.text
    assert answer(Place(1, float("nan"))).code == 500


@pytest.mark.parametrize(
    ("codec", "code"),
    [(orjson, 200), (json, 500), (JSON(default=lambda value: {"own": value.x}), 200)],
    ids=["orjson", "json", "JSON"],
)
def test_dataclass_is_encoded_by_the_codec_of_the_router(codec, code):
    app = Router(json=codec)
    app.get("/")(lambda request, params: Place(1, None))
    got = call(app)
    assert got.code == code
    if code == 200:
        assert got.json in ({"x": 1, "inner": None}, {"own": 1})


@dataclass
class Page:
    title: str

    def __html__(self):
        return f"<h1>{self.title}"


@dataclass
class Lines:
    left: int

    def __iter__(self):
        return self

    def __next__(self):
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return "line"


@dataclass
class Application:
    text: str

    def __call__(self, environ, start_response):
        start_response("200 OK", [("Content-Type", "text/css")])
        return [self.text.encode()]


@dataclass
class Items(list):
    name: str = ""


@pytest.mark.parametrize(
    ("value", "content_type", "body"),
    [
        (Page("a"), HTML, b"<h1>a"),
        (Lines(2), TEXT, b"lineline"),
        (Application("a{}"), "text/css", b"a{}"),
        (Items("a"), "application/json", b"[]"),
    ],
    ids=["html", "stream", "application", "list"],
)
def test_dataclass_that_is_more_stays_what_it_was(value, content_type, body):
    got = answer(value)
    assert (got.code, got.headers["content-type"], got.body) == (200, content_type, body)


def test_class_of_a_dataclass_is_no_value():
    assert answer(Place).code == 500
