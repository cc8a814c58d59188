"""Limits of requests: exactly the limit is accepted, one more is refused, and nothing fills the memory."""

from __future__ import annotations

import contextlib
import io
import re
import tracemalloc
from typing import Any, NamedTuple

import pytest
from werkzeug.datastructures import Accept, CharsetAccept, LanguageAccept, MIMEAccept
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.wrappers import Request as WerkzeugRequest

from microfn import HostSwitch, InvalidData, Request, Response, Router
from microfn.http.json import JSON
from microfn.http.request import MAX_CONTENT_LENGTH
from microfn.middleware import request_id

from ..documents import ROOT
from ..worst import APPS, answer, multipart, parts
from ..wsgi import Input, call, environ_of

HEADERS = {
    "access_route": "HTTP_X_FORWARDED_FOR",
    "authorization": "HTTP_AUTHORIZATION",
    "cache_control": "HTTP_CACHE_CONTROL",
    "cookies": "HTTP_COOKIE",
    "if_match": "HTTP_IF_MATCH",
    "if_modified_since": "HTTP_IF_MODIFIED_SINCE",
    "if_none_match": "HTTP_IF_NONE_MATCH",
    "if_range": "HTTP_IF_RANGE",
    "if_unmodified_since": "HTTP_IF_UNMODIFIED_SINCE",
    "mimetype": "CONTENT_TYPE",
    "mimetype_params": "CONTENT_TYPE",
    "pragma": "HTTP_PRAGMA",
    "range": "HTTP_RANGE",
}
"""The properties of a request that parse a header."""
ACCEPTS = {
    "accept_charsets": ("HTTP_ACCEPT_CHARSET", CharsetAccept),
    "accept_encodings": ("HTTP_ACCEPT_ENCODING", Accept),
    "accept_languages": ("HTTP_ACCEPT_LANGUAGE", LanguageAccept),
    "accept_mimetypes": ("HTTP_ACCEPT", MIMEAccept),
}
"""Headers with preferences of a client, which are parsed."""

JSON_TYPE = {"CONTENT_TYPE": "application/json"}
FORM_TYPE = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
PARTS_TYPE = {"CONTENT_TYPE": "multipart/form-data; boundary=b"}
PLAIN = APPS["plain"]
HOSTS = HostSwitch({"*.example.com": APPS["dressed"]}, default=APPS["dressed"])


class Limit(NamedTuple):
    """`of(size)` are the options of a request; `size` of it is answered with `taken`, one more with `refused`."""

    of: Any
    size: int
    refused: int
    taken: int = 200
    app: Any = PLAIN


def posted(make: Any, path: str = "/read/form", **environ: str) -> Any:
    return lambda size: {"method": "POST", "path": path, "body": make(size), **environ}


def head_of(size: int) -> bytes:
    """A multipart form, with so many bytes of headers."""
    head = "Content-Disposition: form-data; name=a\r\nX: "
    return f"--b\r\n{head}{'x' * (size - len(head))}\r\n\r\nx\r\n--b--\r\n".encode()


def fields_of(size: int) -> bytes:
    """A multipart form of two fields, with so many bytes of them."""
    return parts(1, data="x" * (size // 2))[: -len("--b--\r\n")] + parts(1, data="x" * (size - size // 2))


def bounded(size: int) -> dict[str, Any]:
    """A multipart form with a boundary of so many characters."""
    name = "b" * size
    return {
        "method": "POST",
        "path": "/read/form",
        "body": parts(1).replace(b"--b", f"--{name}".encode()),
        "CONTENT_TYPE": f"multipart/form-data; boundary={name}",
    }


LIMITS = {
    "a path that does not match": Limit(lambda size: {"path": "/" + "x" * (size - 1)}, 8192, 414, 404),
    "a path in characters": Limit(lambda size: {"path": "/" + "\xc3\xa9" * (size - 1)}, 8192, 414, 404),
    **{
        f"the header of {name}": Limit(
            lambda size, name=name, key=key: {"method": "POST", "path": f"/read/{name}", key: "x" * size}, 65536, 400
        )
        for name, key in HEADERS.items()
    },
    "a header that is parsed": Limit(lambda size: {"path": "/read/range", "HTTP_RANGE": "x" * size}, 65536, 400),
    "blanks in a header": Limit(
        lambda size: {"path": "/read/cookies", "HTTP_COOKIE": "a=" + " \t" * (size // 2) + " " * (size % 2)}, 31, 400
    ),
    "a condition of a file": Limit(
        lambda size: {"path": "/static/index.md", "HTTP_IF_NONE_MATCH": "x" * size}, 65536, 400
    ),
    "a query": Limit(lambda size: {"path": "/read/args", "query": "x" * (size - 10)}, 16384, 414),
    "a path that is a match, and read": Limit(
        lambda size: {"path": "/read/url", "SCRIPT_NAME": "/" + "x" * (size - 10)}, 16384, 414
    ),
    "a host": Limit(lambda size: {"HTTP_HOST": "x" * size}, 262, 400, app=HOSTS),
    "an integer in a path": Limit(lambda size: {"path": "/numbers/" + "1" * size}, 4300, 404),
    "a body": Limit(posted(lambda size: b"x" * size, "/data"), MAX_CONTENT_LENGTH, 413),
    "levels of JSON": Limit(posted(lambda size: b"[" * size + b"]" * size, "/read/json", **JSON_TYPE), 500, 400),
    "levels of JSON in an object": Limit(
        posted(lambda size: b'{"a":' * size + b"1" + b"}" * size, "/read/json", **JSON_TYPE), 500, 400
    ),
    "lists and objects in JSON": Limit(
        posted(lambda size: b"[" + b"{}," * (size - 2) + b"[]]", "/read/json", **JSON_TYPE), 1_000_000, 400
    ),
    "digits of an integer in JSON": Limit(posted(lambda size: b"1" * size, "/read/json", **JSON_TYPE), 4300, 400),
    "bytes of a form": Limit(posted(lambda size: b"x" * size, **FORM_TYPE), 500_000, 413),
    "fields of a form": Limit(posted(lambda size: b"&".join([b"a=1"] * size), **FORM_TYPE), 1000, 413),
    "fields of a form that are empty": Limit(posted(lambda size: b"&" * (size - 1), **FORM_TYPE), 1000, 413),
    "fields of a multipart form": Limit(posted(parts, **PARTS_TYPE), 1000, 413),
    "files of a multipart form": Limit(posted(lambda size: parts(size, more="; filename=f"), **PARTS_TYPE), 1000, 413),
    "bytes of all fields of a multipart form": Limit(posted(fields_of, **PARTS_TYPE), 500_000, 413),
    "bytes of a part's headers": Limit(posted(head_of, **PARTS_TYPE), 8192, 413),
    "headers of a part": Limit(posted(lambda size: parts(1, more="\r\nX: y" * (size - 1)), **PARTS_TYPE), 16, 413),
    "headers of many parts": Limit(
        posted(lambda size: parts(1000, more="\r\nX: y" * (size - 1)), **PARTS_TYPE), 16, 413
    ),
    "a boundary": Limit(bounded, 256, 400),
}


@pytest.mark.parametrize("name", LIMITS)
def test_so_much_is_taken_and_one_more_is_refused(name):
    limit = LIMITS[name]
    assert call(limit.app, validate=False, **limit.of(limit.size)).code == limit.taken
    refused = call(limit.app, validate=False, **limit.of(limit.size + 1))
    assert (refused.code, refused.headers["content-type"]) == (limit.refused, "application/problem+json")
    assert refused.json["status"] == limit.refused
    assert refused.json["detail"]


class Noting(dict[str, Any]):
    """An environ that knows which headers were asked for."""

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)


CHEAP = {
    "HTTP_ACCESS_CONTROL_REQUEST_HEADERS",
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD",
    "HTTP_CONTENT_ENCODING",
    "HTTP_CONTENT_MD5",
    "HTTP_DATE",
    "HTTP_MAX_FORWARDS",
    "HTTP_ORIGIN",
    "HTTP_REFERER",
    "HTTP_TRANSFER_ENCODING",
    "HTTP_USER_AGENT",
}
"""Values that are not parsed, or in no time."""


def test_each_property_that_parses_a_header_has_a_limit():
    for name in dir(WerkzeugRequest):
        value = getattr(WerkzeugRequest, name)
        if name.startswith("_") or not hasattr(value, "__get__") or name == "environ":
            continue
        environ = Noting(environ_of(CONTENT_TYPE="a/b"))
        request = WerkzeugRequest(environ)
        environ.asked.clear()
        with contextlib.suppress(UnsupportedMediaType):
            value.__get__(request, WerkzeugRequest)
        headers = {key for key in environ.asked if key.startswith("HTTP_")} - CHEAP - {"HTTP_HOST"}
        assert headers <= {HEADERS.get(name), ACCEPTS.get(name, [""])[0]}, name


def test_a_header_that_nothing_reads_may_have_any_size():
    got = call(PLAIN, path="/files/x", HTTP_COOKIE="x" * 100_000, HTTP_ACCEPT="y" * 100_000, HTTP_HOST="z" * 100_000)
    assert (got.code, got.text) == (200, "/x")


def test_error_is_json_if_accept_is_too_long_or_blank():
    for accept, kind in [
        ("text/html" + ",a/b" * 509, "text/html; charset=utf-8"),
        ("text/html" + ",a/b" * 510, "application/problem+json"),
        ("text/html, a/" + " " * 31 + "b", "text/html; charset=utf-8"),
        ("text/html, a/" + "\t" * 32 + "b", "application/problem+json"),
    ]:
        assert call(PLAIN, path="/teapot", HTTP_ACCEPT=accept).headers["content-type"] == kind


@pytest.mark.parametrize("name", ACCEPTS)
def test_preference_that_is_too_long_or_blank_is_empty(name):
    key, kind = ACCEPTS[name]
    for given, is_read in [("a" * 8192, True), ("a" * 8193, False), ("a" + " " * 31 + "b", True), ("\t" * 32, False)]:
        got = getattr(Request(environ_of(**{key: given})), name)
        assert (type(got), list(got)) == (kind, [(given, 1)] if is_read else [])


def test_a_condition_of_a_response_of_ones_own_has_a_limit():
    app = Router()
    app.get("/")(lambda request, params: Response("x").make_conditional(request))
    assert call(app, HTTP_IF_MATCH="x" * 65536).code == 200
    assert call(app, HTTP_IF_MATCH="x" * 65537).code == 400
    assert call(app, HTTP_RANGE=" " * 32).code == 200
    assert call(app, HTTP_RANGE="bytes=" + "1-1," * 100_000).code == 200


def test_the_limits_of_headers_and_targets_can_be_others(monkeypatch):
    monkeypatch.setattr(Request, "max_header_length", 9000)
    monkeypatch.setattr(Request, "max_target_length", 20_000)
    assert call(PLAIN, path="/read/cookies", HTTP_COOKIE="x" * 9000).code == 200
    assert call(PLAIN, path="/read/cookies", HTTP_COOKIE="x" * 9001).json["detail"].endswith("at most 9000 characters.")
    assert call(PLAIN, path="/read/args", query="x" * 19_990).code == 200
    assert call(PLAIN, path="/read/args", query="x" * 19_991).code == 414


def test_a_body_of_no_told_length_has_the_same_limit():
    for size, code in [(MAX_CONTENT_LENGTH, 200), (MAX_CONTENT_LENGTH + 1, 413)]:
        source = Input(b"x" * size, allowed=None)
        got = call(PLAIN, "POST", "/data", wsgi__input=source, wsgi__input_terminated=True, validate=False)
        assert got.code == code


def test_a_body_that_is_said_to_be_too_long_is_not_read():
    source = Input(b"x", allowed=0)
    got = call(PLAIN, "POST", "/data", wsgi__input=source, CONTENT_LENGTH="9" * 100, validate=False)
    assert (got.code, source.file.tell()) == (413, 0)


def test_a_request_id_that_is_too_long_is_another():
    app = Router()
    app.use(request_id())
    assert call(app, HTTP_X_REQUEST_ID="x" * 128).headers["x-request-id"] == "x" * 128
    assert len(call(app, HTTP_X_REQUEST_ID="x" * 129).headers["x-request-id"]) == 32


def test_integers_have_a_limit_where_python_sets_none(monkeypatch):
    monkeypatch.setattr("sys.get_int_max_str_digits", lambda: 0, raising=False)
    codec = JSON()
    assert codec.loads(b"1" * 4300) == int("1" * 4300)
    with pytest.raises(ValueError, match="4301 digits is too long"):
        codec.loads(b"1" * 4301)


def test_a_number_that_is_refused_is_not_repeated_as_a_whole():
    got = call(PLAIN, "POST", "/read/json", body=b"1" * 100_000 + b".5", **JSON_TYPE)
    assert (got.code, len(got.body) < 300) == (400, True)


def refusing(error: Exception) -> Any:
    def refuse(data: object) -> None:
        raise error

    return refuse


class ValidationError(ValueError):
    """pydantic 1's, which cannot count its errors."""

    __module__ = "pydantic.error_wrappers"

    def __init__(self, count: int) -> None:
        self.count = count

    def errors(self) -> list[dict[str, Any]]:
        return [{"msg": "no", "loc": ("a", number)} for number in range(self.count)]


def placed(path: list[Any]) -> str:
    (error,) = told(InvalidData("no", path=path))
    return error["pointer"]


def told(error: Exception) -> list[dict[str, str]]:
    app = Router()
    app.post("/", valid=refusing(error))(lambda request, params: request.valid)
    got = call(app, "POST", body=b"1", **JSON_TYPE)
    assert got.code == 422
    return got.json["errors"]


def test_what_is_told_of_a_body_that_is_refused_has_a_size():
    assert len(told(ValidationError(100))) == len(told(ValidationError(101))) == 100
    assert placed(["k" * 997, 0]) == "#/" + "k" * 997
    assert placed(["k" * 998, 0]) == "#/" + "k" * 998
    assert placed(["k" * 999, 0]) == placed(["k" * 10_000_000, 0]) == "#"
    assert told(InvalidData("x" * 1001)) == [{"detail": "x" * 1000, "in": "body", "pointer": "#"}]


def test_pydantic_tells_a_hundred_errors_or_how_many_there_are():
    for count, (number, detail) in {
        100: (100, "Input should be a valid integer, unable to parse string as an integer"),
        101: (1, "There are 101 errors, too many to list."),
    }.items():
        body = ("[" + ",".join(['"x"'] * count) + "]").encode()
        errors = call(PLAIN, "POST", "/numbers", body=body, **JSON_TYPE).json["errors"]
        assert (len(errors), errors[0]["detail"]) == (number, detail)


def test_the_documentation_tells_these_limits():
    text = (ROOT / "docs/security.md").read_text("utf-8").split("\n## Limits\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([a-zJ].*) \| ([0-9,]+).* \| ([0-9]+) \|$", text, re.MULTILINE)
    told = {name: (int(size.replace(",", "")), int(status)) for name, size, status in rows}
    assert told == {name: (LIMITS[name].size, LIMITS[name].refused) for name in told}
    assert len(told) == text.count("\n| ") - 2


# Memory, in bytes of a body, beside the body itself.

MIB = 1 << 20
HOLDING = {
    "JSON, empty lists": (posted(lambda size: b"[" + b"[]," * (size // 3) + b"0]", "/read/json", **JSON_TYPE), MIB, 40),
    "JSON, nested lists": (
        posted(lambda size: b"[" + b"[[[]]]," * (size // 7) + b"0]", "/read/json", **JSON_TYPE),
        MIB,
        45,
    ),
    "JSON, objects": (
        posted(lambda size: b"[" + b'{"a":1},' * (size // 8) + b"0]", "/read/json", **JSON_TYPE),
        MIB,
        40,
    ),
    "JSON, a text": (posted(lambda size: b'"' + b"a" * size + '😀"'.encode(), "/read/json", **JSON_TYPE), MIB, 12),
    "a form of escapes": (posted(lambda size: b"%ff" * (size // 3), **FORM_TYPE), 499_000, 35),
    "a form of percent signs": (posted(lambda size: b"%" * size, **FORM_TYPE), 499_000, 6),
    "a field": (posted(lambda size: parts(1, data="x" * size), **PARTS_TYPE), 490_000, 6),
    "a file": (posted(lambda size: parts(1, more="; filename=f", data="x" * size), **PARTS_TYPE), 8 * MIB, 0.2),
    "files": (
        posted(lambda size: parts(20, more="; filename=f", data="x" * (size // 20)), **PARTS_TYPE),
        8 * MIB,
        1.5,
    ),
    "a body, not read": (posted(lambda size: b"x" * size, "/data"), 8 * MIB, 1.1),
}


def holds_at_most(most: float, options: dict[str, Any], app: Any = PLAIN) -> bool:
    """Whether so many times its body are held while a request is answered; the body is there before."""
    data, environ = options["body"], {name: value for name, value in options.items() if name != "body"}
    assert answer(app, environ, data) == 200  # exclude objects that are created once
    tracemalloc.start()
    try:
        answer(app, environ, data)
        return tracemalloc.get_traced_memory()[1] < most * len(data)
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("name", HOLDING)
def test_a_body_is_held_in_a_small_multiple_of_its_size(name):
    make, size, most = HOLDING[name]
    assert holds_at_most(most, make(size))


def test_a_handle_that_holds_too_much_is_found():
    app = Router()
    app.post("/data")(lambda request, params: str(len([bytes(MIB) for _ in range(10)])))
    assert not holds_at_most(1.1, posted(lambda size: b"x" * size, "/data")(MIB), app)


def test_a_form_that_is_refused_leaves_no_file_open():
    closed: list[str] = []

    class Upload(io.BytesIO):
        def close(self) -> None:
            closed.append("closed")
            super().close()

    class Own(Request):
        def _get_file_stream(self, *args: Any, **kwargs: Any) -> Any:
            stream = Upload()
            self.call_on_close(stream.close)
            return stream

    environ, body = multipart(lambda size: parts(size, more="; filename=f"))(1001)
    del environ["method"], environ["path"]
    request = Own(environ_of("POST", "/", body=body, **environ))
    with pytest.raises(Exception, match="413"):
        request.form  # noqa: B018 - it is parsed by being read
    request._close()
    assert len(closed) == 1000


# Recursion: deep values must not need a deep stack.


@pytest.mark.slow
def test_routes_and_paths_may_have_ten_thousand_segments():
    app = Router(overlap=True)
    app.get("/a" * 10_000)(lambda request, params: "text")
    app.get("".join(f"/:p{number}" for number in range(10_000)))(lambda request, params: str(len(params)))
    app.get("/a" * 9_999 + "/*rest")(lambda request, params: params["rest"])
    assert call(app, path="/a" * 10_000, validate=False).text == "text"
    assert call(app, path="/b" * 10_000, validate=False).text == "10000"
    assert call(app, path="/a" * 20_000, validate=False).text == "/a" * 10_001
    assert call(app, path="/a/" * 10_000, validate=False).code == 414


@pytest.mark.slow
def test_groups_may_be_nested_as_deep_as_one_likes():
    app = part = Router()
    for _ in range(2_000):
        part = part.group("/a")
    part.get("/b")(lambda request, params: "deep")
    assert call(app, path="/a" * 2_000 + "/b", validate=False).text == "deep"
    assert call(app, path="/A" * 2_000 + "/b", validate=False).code == 301


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def test_values_that_are_too_deep_to_be_sent_are_a_500(caplog):
    endless: list[Any] = []
    endless.append(endless)
    values = {"deep": deep(100_000), "endless": endless, "endless object": {"a": endless}}
    app = Router()
    app.get("/:name")(lambda request, params: values[params["name"]])
    for name in values:
        for accept in "application/json", "text/html", "text/plain":
            got = call(app, path=f"/{name}", HTTP_ACCEPT=accept)
            assert (got.code, got.error) == (500, None)
    assert {type(record.exc_info[1]) for record in caplog.records} == {RecursionError}
    assert call(app, path="/nothing").code == 500


def test_a_value_that_is_as_deep_as_what_is_taken_can_be_sent():
    app = Router()
    app.post("/")(lambda request, params: request.json)
    body = b"[" * 500 + b"]" * 500
    assert call(app, "POST", body=body, **JSON_TYPE).body == body


def test_an_error_that_comes_of_ten_thousand_others_is_a_500(caplog):
    app = Router()

    @app.get("/")
    def fail(request, params):
        error: Exception = ValueError("the first")
        for number in range(10_000):
            another = ValueError(str(number))
            another.__cause__ = error
            error = another
        raise error

    assert call(app).code == 500
