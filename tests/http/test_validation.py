"""Bodies that a route's `valid` makes objects of, or refuses with a 422."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections import deque

import msgspec
import pydantic
import pytest

from microfn import InvalidHandle, Router, abort

from ..wsgi import call


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


class Refused(ValueError):
    def __init__(self, message, path=()):
        super().__init__(message)
        self.path = path


def converting(kind):
    return functools.partial(msgspec.convert, type=kind)


def refusing(error):
    def refuse(data):
        raise error

    return refuse


class OddErrors(ValueError):
    def errors(self):
        return [{"message": "nothing that is known"}]


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
    (refusing(ValueError("too young")), {}, [("too young", "#")]),
    (refusing(Refused("too young", "age")), {}, [("too young", "#/age")]),
    (refusing(Refused("too young", ["a/b", "c~d", 0])), {}, [("too young", "#/a~1b/c~0d/0")]),
    (
        refusing(Refused("too young", deque(["a b", "é", '"%', "\ud800"]))),
        {},
        [("too young", "#/a%20b/%C3%A9/%22%25/%ED%A0%80")],
    ),
    (refusing(Refused("too young", 7)), {}, [("too young", "#/7")]),
    (converting(dict[str, dict[int, int]]), {"a": {"x": 1}}, [("Expected `int`, got `str`", "#")]),
    (converting(dict[str, list[int]]), {"a": [1, "x"]}, [("Expected `int`, got `str`", "#")]),
    (refusing(Refused("too young", None)), {}, [("too young", "#")]),
    (refusing(Refused("too young", b"age")), {}, [("too young", "#")]),
    (refusing(Refused("too young", print)), {}, [("too young", "#")]),
    (refusing(ValueError("z - at `$.secret` q - at `$.e`")), {}, [("z - at `$.secret` q", "#/e")]),
    (refusing(OddErrors("odd")), {}, [("odd", "#")]),
    (refusing(KeyError("inside")), {}, [("This is not what is expected here.", "#")]),
    (lambda data: data["name"].strip(), [], [("This is not what is expected here.", "#")]),
]


@pytest.mark.parametrize(("valid", "body", "errors"), REFUSED)
def test_what_it_raises_is_a_422_with_the_place(valid, body, errors):
    got = post(valid, body)
    assert (got.code, got.headers["content-type"]) == (422, "application/problem+json")
    problem = got.json
    assert problem["errors"] == [{"detail": detail, "pointer": pointer} for detail, pointer in errors]
    assert problem["title"] == "Unprocessable Entity"
    for detail, pointer in errors:
        assert detail in problem["detail"]
        assert pointer == "#" or pointer in problem["detail"]


def test_a_person_is_told_too():
    app = Router()
    app.post("/", valid=to_person)(lambda request, params: "")
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


def test_the_handle_is_not_called_for_a_body_that_is_refused():
    app = Router()
    app.post("/", valid=refusing(ValueError("no")))(lambda request, params: pytest.fail("it is called"))
    assert call(app, "POST", body=b"{}", CONTENT_TYPE="application/json").code == 422


def test_an_error_handler_sees_the_errors():
    app = Router()
    app.error(422)(lambda request, error: error.errors)
    app.post("/", valid=refusing(ValueError("no")))(lambda request, params: "")
    got = call(app, "POST", body=b"{}", CONTENT_TYPE="application/json")
    assert (got.code, got.json) == (422, [{"detail": "no", "pointer": "#"}])


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
    assert seen == [(200, "NoneType"), (422, "InvalidBody")]


def test_without_valid_there_is_no_object():
    app = Router()
    app.get("/")(lambda request, params: request.valid)
    assert call(app).code == 500


@dataclasses.dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (User, "User.model_validate"),
        (Pet, "functools.partial(msgspec.convert, type=Pet)"),
        (Point, "functools.partial(msgspec.convert, type=Point)"),
    ],
)
def test_a_class_whose_call_checks_nothing_is_refused(wrong, meant):
    with pytest.raises(TypeError, match=re.escape(f"did you mean {meant}?")):
        Router().post("/", valid=wrong)(lambda request, params: "")


@pytest.mark.parametrize("valid", [lambda data: nothing, lambda: None, lambda data: data["naem"]])  # noqa: F821
def test_a_mistake_in_valid_is_logged(valid, caplog):
    assert post(valid, {"name": "Ann"}).code == 422
    assert "POST / [/] raised" in caplog.text


def test_a_refusal_is_not_logged(caplog):
    assert post(User.model_validate, {}).code == 422
    assert caplog.records == []


@pytest.mark.parametrize("wrong", [7, "User", []])
def test_what_cannot_be_called_is_refused(wrong):
    with pytest.raises(TypeError, match="valid is a callable"):
        Router().post("/", valid=wrong)(lambda request, params: "")


def test_a_mistake_in_the_handle_names_the_handle(caplog):
    app = Router()

    def forgetful(request, params):
        pass

    app.post("/", valid=lambda data: data)(forgetful)
    assert call(app, "POST", body=b"{}", CONTENT_TYPE="application/json").code == 500
    assert "forgetful returned None" in caplog.text
    with pytest.raises(InvalidHandle):
        app.post("/x", valid=lambda data: data)(lambda: "")
