"""JSON in and out."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import json
import uuid

import msgspec
import orjson
import pytest

from microfn import Router
from microfn.http.json import JSON

from ..wsgi import call


class Fast:
    dumps = staticmethod(msgspec.json.encode)
    loads = staticmethod(msgspec.json.decode)


@dataclasses.dataclass
class Point:
    x: int
    inner: object = None


UTC = datetime.timezone.utc
VALUES = [
    (datetime.datetime(2026, 11, 24, 4, 36, tzinfo=UTC), '"2026-11-24T04:36:00+00:00"'),
    (datetime.date(2026, 11, 24), '"2026-11-24"'),
    (datetime.time(4, 36), '"04:36:00"'),
    (uuid.UUID(int=7), '"00000000-0000-0000-0000-000000000007"'),
    (decimal.Decimal("1.10"), '"1.10"'),
    (Point(1, Point(2)), '{"x":1,"inner":{"x":2,"inner":null}}'),
    ("é €", '"é €"'),
    ({2: "a", None: "b", True: "c"}, '{"2":"a","null":"b","true":"c"}'),
]


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_what_people_send_has_a_text(value, text):
    assert JSON().dumps(value) == text


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x", Point, float("nan"), float("inf"), {(1, 2): 3}])
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        JSON().dumps([value])


NO_JSON = [
    b"",
    b"{",
    b"NaN",
    b"-Infinity",
    b"'x'",
    b"[1,]",
    b"\xff\xfe",
    '"x"'.encode("utf-16"),
    b'"\\ud800"',
    b'{"\\uDC00": 1}',
    b"9" * 5000,
    b"[1e999]",
    b"-1e999",
    b"[" * 100_000,
    b'{"a":' * 100_000,
]


@pytest.mark.parametrize("body", NO_JSON, ids=range(len(NO_JSON)))
def test_a_body_that_is_no_json_is_400(body):
    app = Router()
    app.post("/")(lambda request, params: {"got": request.json})
    reply = call(app, "POST", body=body, CONTENT_LENGTH=str(len(body)), CONTENT_TYPE="application/json")
    assert reply.code == 400
    assert json.loads(reply.text)["title"] == "Bad Request"


@pytest.mark.parametrize(
    "body", [b"{}", b"null", b"0", b'"\\ud83d\\ude00 \\\\ud800"', ' {"é": [1.5e3]} '.encode(), b"9" * 4000]
)
def test_a_body_that_is_json_comes_back_the_same(body):
    app = Router()
    app.post("/")(lambda request, params: {"got": request.json})
    reply = call(app, "POST", body=body, CONTENT_TYPE="application/json")
    assert json.loads(reply.text) == {"got": json.loads(body)}


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/problem+json", 200),
        ("APPLICATION/JSON", 200),
        ("text/plain", 415),
        ("text/json", 415),
        (None, 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
def test_json_needs_its_content_type(content_type, code):
    app = Router()
    app.post("/")(lambda request, params: {"got": request.json})
    assert call(app, "POST", body=b"{}", CONTENT_TYPE=content_type).code == code


def test_without_the_c_encoder_the_same_comes_out(monkeypatch):
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    for value, text in VALUES:
        assert JSON().dumps(value) == text


def test_a_value_that_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises((RecursionError, ValueError)):
        JSON().dumps(value)


@pytest.mark.parametrize(
    ("begin", "inner", "end"),
    [
        (b"[", b"1", b"]"),
        (b"[", b"{}", b"]"),
        (b"[", b'{"a":1}', b"]"),
        (b"[", b"1,2", b",3]"),
        (b'{"a":', b"[]", b"}"),
        (b'{"a":', b"[{}]", b"}"),
        (b'[{"a":', b'"["', b"}]"),
    ],
)
def test_loaded_json_can_be_sent_and_deeper_json_is_400(begin, inner, end):
    app = Router()
    app.post("/")(lambda request, params: request.json)
    levels, last = begin.count(b"[") + begin.count(b"{"), 0 if b'"[' in inner else inner.count(b"[") + inner.count(b"{")
    for count in (500 - last) // levels, (500 - last) // levels + 1, 990 // levels, 5000, 300_000:
        body = begin * count + inner + end * count
        got = call(app, "POST", body=body, CONTENT_TYPE="application/json")
        if count * levels + last <= 500:
            assert (got.code, got.body) == (200, body)
        else:
            assert (got.code, "nested too deep" in got.text) == (400, True)


def test_much_in_few_levels_is_not_too_deep():
    text = json.dumps([{"a": ["[" * 600], "b": [[[1]]]}] * 1000)
    assert JSON().loads(text.encode()) == json.loads(text)
    assert JSON().loads(b'"' + b"[" * 600 + b'"') == "[" * 600


def test_a_codec_that_goes_too_deep_is_400():
    class Deep(JSON):
        def loads(self, text):
            raise RecursionError

    app = Router(json=Deep())
    app.post("/")(lambda request, params: {"got": request.json})
    for content_type in ["application/json", "application/json; charset=utf-8"]:
        assert call(app, "POST", body=b"{}", CONTENT_TYPE=content_type).code == 400


def test_a_body_is_read_and_decoded_once():
    calls = []

    class Counting(JSON):
        def loads(self, text):
            calls.append(text)
            return super().loads(text)

    app = Router(json=Counting())
    app.post("/")(lambda request, params: {"got": [request.json, request.json, request.get_json()]})
    assert call(app, "POST", body=b"[1]", CONTENT_TYPE="application/json").text == '{"got":[[1],[1],[1]]}'
    assert calls == [b"[1]"]


def test_a_silent_reader_gets_none():
    app = Router()
    app.post("/")(lambda request, params: repr(request.get_json(silent=True)))
    assert call(app, "POST", body=b"{", CONTENT_TYPE="application/json").text == "None"


@pytest.mark.parametrize("codec", [None, json, orjson, Fast], ids=str)
@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_byte_order_mark_is_read_over(codec, content_type):
    """RFC 8259, section 8.1."""
    app = Router(json=codec)
    app.post("/")(lambda request, params: {"got": request.json})
    mark = b"\xef\xbb\xbf"
    assert call(app, "POST", body=mark + b'{"a": "\xef\xbb\xbf"}', CONTENT_TYPE=content_type).json == {
        "got": {"a": "\ufeff"}
    }
    for body in [mark, b"\xef\xbb{}"]:
        assert call(app, "POST", body=body, CONTENT_TYPE=content_type).code == 400


def test_second_byte_order_mark_is_no_json():
    app = Router()
    app.post("/")(lambda request, params: {"got": request.json})
    assert call(app, "POST", body=b"\xef\xbb\xbf" * 2 + b"{}", CONTENT_TYPE="application/json").code == 400
