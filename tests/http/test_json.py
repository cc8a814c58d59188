"""JSON in and out."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import types
import uuid

import msgspec
import orjson
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microfn import JSON, Router, json_response

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


@pytest.mark.parametrize("value", [object(), {1, 2}, frozenset(), b"x", Point, float("nan"), float("inf"), {(1, 2): 3}])
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


class Color(enum.Enum):
    RED = "red"
    BOTH = ("red", 1)


class Size(enum.IntEnum):
    SMALL = 1


class Word(str, enum.Enum):
    YES = "yes"


class Table(collections.abc.Mapping):
    """A mapping that is no dict, as a row of SQLAlchemy is."""

    def __getitem__(self, name):
        return {"id": 7}[name]

    def __iter__(self):
        return iter(["id"])

    def __len__(self):
        return 1


@dataclasses.dataclass(frozen=True)
class Nested:
    when: datetime.timedelta
    colors: tuple[Color, ...] = ()
    inner: Nested | None = None


class SlottedPoint(msgspec.Struct):
    x: int


MORE_VALUES = [
    (Color.RED, '"red"'),
    (Color.BOTH, '["red",1]'),
    (Size.SMALL, "1"),
    (Word.YES, '"yes"'),
    (datetime.timedelta(hours=1), '"PT1H"'),
    (datetime.timedelta(), '"PT0S"'),
    (datetime.timedelta(days=400, minutes=1, microseconds=500), '"P400DT1M0.0005S"'),
    (datetime.timedelta(seconds=-90.5), '"-PT1M30.5S"'),
    (datetime.timedelta(days=2), '"P2D"'),
    (datetime.timedelta.min, '"-P999999999D"'),
    (datetime.datetime(2026, 11, 24, 4, 36), '"2026-11-24T04:36:00"'),
    (pathlib.PurePosixPath("/srv/a b"), '"/srv/a b"'),
    (pathlib.PureWindowsPath("c:\\a"), r'"c:\\a"'),
    (decimal.Decimal("NaN"), '"NaN"'),
    (decimal.Decimal(10) ** 40, '"1.000000000000000000000000000E+40"'),
    (types.MappingProxyType({"a": (1,)}), '{"a":[1]}'),
    (Table(), '{"id":7}'),
    (
        Nested(datetime.timedelta(1), (Color.RED,), Nested(datetime.timedelta(0))),
        '{"when":"P1D","colors":["red"],"inner":{"when":"PT0S","colors":[],"inner":null}}',
    ),
]


@pytest.mark.parametrize(("value", "text"), MORE_VALUES)
@pytest.mark.parametrize("has_c", [True, False])
def test_what_json_lacks_has_a_text_too(value, text, has_c, monkeypatch):
    if not has_c:
        monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    assert JSON().dumps(value) == text
    assert JSON().dumps({"in": [value]}) == '{"in":[' + text + "]}"


@given(st.timedeltas())
def test_duration_is_read_again_by_all(value):
    text = json.loads(JSON().dumps(value))
    assert msgspec.convert(text, datetime.timedelta) == value
    assert pydantic.TypeAdapter(datetime.timedelta).validate_python(text) == value


@pytest.mark.parametrize("value", [SlottedPoint(1), iter([1]), {1: object()}, 1j, {"a": {float("nan")}}, Ellipsis])
def test_what_nothing_is_said_of_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        JSON().dumps(value)


def test_refusal_names_the_way_out():
    with pytest.raises(TypeError, match=r"^complex cannot be encoded as JSON; JSON\(default=\.\.\.\) .*, got 1j$"):
        JSON().dumps([1j])


def by_class(value):
    if isinstance(value, complex):
        return [value.real, value.imag]
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, set):
        return sorted(value)
    raise TypeError(f"no {type(value).__name__}")


def test_default_is_asked_first():
    codec = JSON(default=by_class)
    assert codec.dumps([1j, decimal.Decimal("1.5"), {2, 1}, Color.RED]) == '[[0.0,1.0],1.5,[1,2],"red"]'
    assert JSON(default=str).dumps([{2}, Color.RED, Size.SMALL]) == '["{2}","Color.RED",1]'
    assert JSON(default=lambda value: None).dumps([1j, "a"]) == '[null,"a"]'


def test_default_tells_why_it_refuses():
    with pytest.raises(TypeError, match=r"^no ellipsis$"):
        JSON(default=by_class).dumps([...])


@pytest.mark.parametrize(
    ("default", "error"),
    [
        (lambda value: float("nan"), ValueError),
        (lambda value: value, RecursionError),
        (lambda value: 1 / 0, ZeroDivisionError),
    ],
    ids=["NaN", "itself", "a mistake"],
)
def test_default_cannot_send_what_json_is_not(default, error):
    with pytest.raises(error):
        JSON(default=default).dumps([1j])


@pytest.mark.parametrize("default", [7, "str", {}])
def test_default_that_is_none_is_refused(default):
    with pytest.raises(TypeError, match="default must be a callable, got "):
        JSON(default=default)


def test_default_is_given_by_its_name():
    with pytest.raises(TypeError):
        JSON(str)


class Enveloped(JSON):
    def dumps(self, value):
        return super().dumps({"data": value})

    def loads(self, text):
        return super().loads(text)["data"]


class Bytes(JSON):
    def dumps(self, value):
        return orjson.dumps(value)


def echo(codec, has_middleware=False):
    app = Router(json=codec)
    if has_middleware:
        app.use(lambda handle: lambda request, params: handle(request, params))
    app.post("/")(lambda request, params: {"got": request.json})
    app.post("/response")(lambda request, params: json_response([request.get_json()], 201))
    return app


@pytest.mark.parametrize("has_middleware", [False, True])
@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_methods_of_a_subclass_are_called(content_type, has_middleware):
    app = echo(Enveloped(), has_middleware)
    got = call(app, "POST", body=b'{"data": "\\u00e9"}', CONTENT_TYPE=content_type)
    assert got.text == '{"data":{"got":"é"}}'
    got = call(app, "POST", path="/response", body=b'{"data": 1}', CONTENT_TYPE=content_type)
    assert (got.code, got.text) == (201, '{"data":[1]}')


def test_subclass_may_return_bytes_and_reads_surrogates():
    assert call(echo(Bytes()), "POST", body=b'"\\ud83d\\ude00"', CONTENT_TYPE="application/json").json == {"got": "😀"}
    assert call(echo(Bytes()), "POST", body=b'"\\ud83d"', CONTENT_TYPE="application/json").code == 400


def test_router_sends_with_the_default_of_its_codec():
    app = echo(JSON(default=by_class))
    app.get("/")(lambda request, params: {"z": 1j})
    app.get("/refused")(lambda request, params: {"z": object()})
    assert call(app).json == {"z": [0.0, 1.0]}
    assert call(app, path="/refused").code == 500
