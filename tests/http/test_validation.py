"""Bodies that a route's `valid` makes objects of, or refuses with a 422."""

from __future__ import annotations

import configparser
import functools
import importlib
import json
import pathlib
import sqlite3
import subprocess
import sys
from collections import deque
from contextlib import closing

import msgspec
import pydantic
import pytest

import microfn
from microfn import InvalidData, InvalidHandle, Router, abort

from ..wsgi import call


def ask_sqlite(statement):
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(statement)


class Pet(msgspec.Struct):
    name: str


class Person(msgspec.Struct):
    name: str
    pets: list[Pet] = []
    ages: dict[str, int] = {}


class User(pydantic.BaseModel):
    name: str
    tags: list[int] = []


def post(valid, body, content_type="application/json"):
    app = Router()
    app.post("/", valid=valid)(lambda request, params: repr(request.valid))
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return call(app, "POST", body=data, CONTENT_TYPE=content_type)


to_person = functools.partial(msgspec.convert, type=Person)


def test_the_object_is_there_for_the_handle():
    assert post(to_person, {"name": "Ann"}).text == "Person(name='Ann', pets=[], ages={})"
    assert post(User.model_validate, {"name": "Ann"}).text == "User(name='Ann', tags=[])"
    assert post(lambda data: data["n"] * 2, {"n": 2}).text == "4"
    assert post(lambda data: None, {}).text == "None"


def converting(kind):
    return functools.partial(msgspec.convert, type=kind)


def refusing(error):
    def refuse(data):
        raise error

    return refuse


class Placed(ValueError):
    path = ("age",)


class OddErrors(ValueError):
    def errors(self):
        return [{"msg": "inside", "loc": ()}]


class Age(pydantic.BaseModel):
    age: int

    @pydantic.field_validator("age")
    @classmethod
    def check(cls, value):
        if value == 1:
            raise AssertionError("one")
        if value == 2:
            raise TooYoung("two")
        if value == 3:
            json.loads("inside")
        if value == 4:
            ask_sqlite("inside")
        raise ValueError("too young")


class TooYoung(ValueError):
    pass


class Size(msgspec.Struct):
    size: int

    def __post_init__(self):
        if self.size == 1:
            raise ValueError("too small")
        if self.size == 2:
            json.loads("inside")
        if self.size == 3:
            raise TypeError("inside")


class Sizes(msgspec.Struct):
    sizes: list[Size]


UNEXPECTED = "The value is not as expected."

REFUSED = [
    (to_person, {}, [("Object missing required field `name`", "#")]),
    (to_person, [], [("Expected `object`, got `array`", "#")]),
    (to_person, {"name": 1}, [("Expected `str`, got `int`", "#/name")]),
    (to_person, {"name": "", "pets": [{"name": "a"}, {"name": 1}]}, [("Expected `str`, got `int`", "#/pets/1/name")]),
    (to_person, {"name": "", "ages": {"a": "x"}}, [("Expected `int`, got `str`", "#/ages")]),
    (
        User.model_validate,
        {"tags": [1, "x"]},
        [
            ("Field required", "#/name"),
            ("Input should be a valid integer, unable to parse string as an integer", "#/tags/1"),
        ],
    ),
    (User.model_validate, 7, [("Input should be a valid dictionary or instance of User", "#")]),
    (refusing(InvalidData("too young")), {}, [("too young", "#")]),
    (refusing(InvalidData("too young", path="age")), {}, [("too young", "#/age")]),
    (refusing(InvalidData("too young", path=["a/b", "c~d", 0])), {}, [("too young", "#/a~1b/c~0d/0")]),
    (
        refusing(InvalidData("too young", path=deque(["a b", "é", '"%', "\ud800"]))),
        {},
        [("too young", "#/a%20b/%C3%A9/%22%25/%ED%A0%80")],
    ),
    (refusing(InvalidData("too young", path=7)), {}, [("too young", "#/7")]),
    (refusing(InvalidData([{"detail": "a"}, {"detail": "b", "pointer": "#/b"}])), {}, [("a", "#"), ("b", "#/b")]),
    (converting(dict[str, dict[int, int]]), {"a": {"x": 1}}, [("Expected `int`, got `str`", "#")]),
    (converting(dict[str, list[int]]), {"a": [1, "x"]}, [("Expected `int`, got `str`", "#")]),
    (refusing(ValueError("inside - at `$.secret` q - at `$.e`")), {}, [(UNEXPECTED, "#")]),
    (refusing(OddErrors("inside")), {}, [(UNEXPECTED, "#")]),
    (refusing(Placed("inside")), {}, [(UNEXPECTED, "#")]),
    (refusing(KeyError("inside")), {}, [(UNEXPECTED, "#")]),
    (lambda data: data["name"].strip(), [], [(UNEXPECTED, "#")]),
    (Age.model_validate, {"age": 0}, [("Value error, too young", "#/age")]),
    (Age.model_validate, {"age": 1}, [("Assertion failed, one", "#/age")]),
    (Age.model_validate, {"age": 2}, [("Value error, two", "#/age")]),
    (Age.model_validate, {"age": 3}, [(UNEXPECTED, "#/age")]),
    (Age.model_validate, {"age": 4}, [(UNEXPECTED, "#")]),
    (converting(Sizes), {"sizes": [{"size": 0}, {"size": 1}]}, [("too small", "#/sizes/1")]),
    (converting(Sizes), {"sizes": [{"size": 2}]}, [(UNEXPECTED, "#/sizes/0")]),
    (converting(Sizes), {"sizes": [{"size": 3}]}, [(UNEXPECTED, "#/sizes/0")]),
]

FOREIGN = {
    "ValueError": lambda data: refusing(ValueError("inside"))(data),
    "relative_to": lambda data: pathlib.PurePosixPath("/inside/a").relative_to("/srv"),
    "sqlite3": lambda data: ask_sqlite("SELECT inside"),
    "a process": lambda data: subprocess.run([sys.executable, "-c", "exit(1)", "inside"], check=True),
    "configparser": lambda data: configparser.ConfigParser().read_string("inside"),
    "open": lambda data: pathlib.Path("/inside").read_bytes(),
    "int": lambda data: int("inside"),
    "json": lambda data: json.JSONDecoder().decode("[1, inside"),
    "UnicodeDecodeError": lambda data: b"inside\xff".decode(),
    "an unknown class": refusing(type("ValidationError", (ValueError,), {"__module__": "inside"})("inside")),
    "a broken pydantic": refusing(type("ValidationError", (Exception,), {"__module__": "pydantic.v1"})("inside")),
}


@pytest.mark.parametrize("valid", FOREIGN.values(), ids=FOREIGN)
def test_message_of_foreign_code_stays_inside(valid):
    got = post(valid, {})
    assert (got.code, got.json["detail"]) == (422, UNEXPECTED)
    assert got.json["errors"] == [{"detail": UNEXPECTED, "in": "body", "pointer": "#"}]


@pytest.mark.parametrize("valid", FOREIGN.values(), ids=FOREIGN)
def test_message_of_a_codec_or_converter_stays_inside(valid, caplog):
    app = Router(json=type("Codec", (), {"dumps": json.dumps, "loads": valid}))
    app.post("/")(lambda request, params: repr(request.json))
    app.post("/:x", convert={"x": valid})(lambda request, params: "")
    for path in "/", "/x":
        got = call(app, "POST", path=path, body=b"{}", CONTENT_TYPE="application/json")
        assert (got.code in (400, 404, 500), "inside" in got.text) == (True, False)


@pytest.mark.parametrize(("valid", "body", "errors"), REFUSED)
def test_what_it_raises_is_a_422_with_the_place(valid, body, errors):
    got = post(valid, body)
    assert (got.code, got.headers["content-type"]) == (422, "application/problem+json")
    problem = got.json
    assert problem["errors"] == [{"detail": detail, "in": "body", "pointer": pointer} for detail, pointer in errors]
    assert problem["title"] == "Unprocessable Entity"
    for detail, pointer in errors:
        assert detail in problem["detail"]
        assert pointer == "#" or pointer in problem["detail"]


def test_a_person_is_told_too():
    app = Router()
    app.post("/", valid=to_person)(lambda request, params: repr(request.valid))
    got = call(app, "POST", body=b'{"name": 1}', CONTENT_TYPE="application/json", HTTP_ACCEPT="text/html")
    assert "#/name: Expected `str`, got `int`" in got.text


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [(b"{", "application/json", 400), (b"", "application/json", 400), (b"{}", "text/plain", 415), (b"{}", "", 415)],
)
def test_what_is_no_json_is_told_before(body, content_type, status):
    assert post(lambda data: pytest.fail("it is asked"), body, content_type).code == status


def test_an_answer_that_it_raises_is_the_answer():
    assert post(lambda data: abort(409), {}).code == 409


def test_an_error_handler_sees_the_errors():
    app = Router()
    app.error(422)(lambda request, error: error.errors)
    app.post("/", valid=refusing(ValueError("no")))(lambda request, params: request.valid)
    got = call(app, "POST", body=b"{}", CONTENT_TYPE="application/json")
    assert (got.code, got.json) == (422, [{"detail": UNEXPECTED, "in": "body", "pointer": "#"}])


def test_it_is_checked_within_middleware_and_once():
    app, seen, calls = Router(), [], []

    @app.use
    def look(handle):
        def looked(request, params):
            response = handle(request, params)
            seen.append((response.status_code, type(request.error).__name__))
            return response

        return looked

    def valid(data):
        calls.append(data)
        if data:
            raise ValueError("not empty")
        return "empty"

    app.post("/", valid=valid)(lambda request, params: request.valid + request.valid)
    assert call(app, "POST", body=b"[]", CONTENT_TYPE="application/json").text == "emptyempty"
    assert call(app, "POST", body=b"[1]", CONTENT_TYPE="application/json").code == 422
    assert calls == [[], [1]]
    assert seen == [(200, "NoneType"), (422, "InvalidData")]


def test_without_valid_there_is_no_object():
    app = Router()
    app.get("/")(lambda request, params: request.valid)
    assert call(app).code == 500


@pytest.mark.parametrize("valid", [lambda data: nothing, lambda: None, lambda data: data["naem"]])  # noqa: F821
def test_a_mistake_in_valid_is_logged(valid, caplog):
    assert post(valid, {"name": "Ann"}).code == 422
    assert "POST / [/] raised" in caplog.text


def test_a_refusal_is_not_logged(caplog):
    assert post(User.model_validate, {}).code == 422
    assert caplog.records == []


def test_a_mistake_in_the_handle_names_the_handle(caplog):
    app = Router()

    def forgetful(request, params):
        pass

    app.post("/", valid=lambda data: data)(forgetful)
    assert call(app, "POST", body=b"{}", CONTENT_TYPE="application/json").code == 500
    assert "forgetful returned None" in caplog.text
    with pytest.raises(InvalidHandle):
        app.post("/x", valid=lambda data: data)(lambda: "")


@pytest.mark.parametrize("module", ["validation", "codec", "http.codec"])
def test_former_modules_are_gone(module):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"microfn.{module}")
    assert not hasattr(microfn, "InvalidBody")


@pytest.mark.parametrize("errors", [None, 7, b"text", {"detail": "a"}, ["a"], [{}], [{"detail": 7}]])
def test_errors_that_are_none_are_refused(errors):
    with pytest.raises(TypeError, match="errors must be a str or a list of dicts with a detail, got"):
        InvalidData(errors)


def test_errors_of_ones_own_are_limited():
    error = InvalidData([{"detail": "x" * 2000}] * 101)
    assert error.errors == [{"detail": "There are 101 errors, too many to list.", "in": "body", "pointer": "#"}]
    assert len(InvalidData([{"detail": "x" * 2000}] * 100).errors[99]["detail"]) == 1000


@pytest.mark.parametrize("data", [{"age": 4}, {"size": 3}])
def test_mistake_inside_of_a_library_is_logged(data, caplog):
    assert post(Age.model_validate if "age" in data else converting(Size), data).code == 422
    assert "POST / [/] raised" in caplog.text


def strict_path(value):
    """A validator that lets the standard library raise: its text is about the inside."""
    return pathlib.Path("/" + value).relative_to("/srv/secret-tenant")


def positive(value):
    if int(value) < 0:
        raise ValueError("must be positive")
    return value


class PathModel(pydantic.BaseModel):
    value: str
    _check = pydantic.field_validator("value")(classmethod(lambda cls, value: strict_path(value)))


class NumberModel(pydantic.BaseModel):
    value: str
    _check = pydantic.field_validator("value")(classmethod(lambda cls, value: positive(value)))


class PathStruct(msgspec.Struct):
    value: str

    def __post_init__(self):
        strict_path(self.value)


class NumberStruct(msgspec.Struct):
    value: str

    def __post_init__(self):
        positive(self.value)


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (PathModel, "etc", "The value is not as expected."),
        (PathStruct, "etc", "The value is not as expected."),
        (NumberModel, "-1", "Value error, must be positive"),
        (NumberStruct, "-1", "must be positive"),
    ],
)
def test_only_texts_that_a_validator_raised_itself_are_told(kind, value, told, caplog):
    app = Router()
    app.post("/", valid=kind)(lambda request, params: str(request.valid))
    got = call(app, "POST", body=json.dumps({"value": value}).encode(), CONTENT_TYPE="application/json")
    assert (got.code, got.json["errors"][0]["detail"]) == (422, told)
    assert len(caplog.records) == (1 if "expected" in told else 0)
