"""Checks of data, without a request: `validate`, and errors of registration."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import sys
import threading
from typing import Annotated, Any, TypedDict

import msgspec
import pydantic
import pytest
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.datastructures import CombinedMultiDict, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import Conflict

import microfn.http.checks
from microfn import InvalidData, Router, abort, validate
from microfn.http.checks import check_for

UNEXPECTED = "The value is not as expected."


class Model(BaseModel):
    name: str
    tags: list[int] = []


class Struct(msgspec.Struct):
    name: str
    tags: list[int] = []


@dataclasses.dataclass
class Data:
    name: str
    tags: list[int] = dataclasses.field(default_factory=list)


class Dict(TypedDict, total=False):
    name: str
    tags: list[int]


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    n: int = 0


class ClosedStruct(msgspec.Struct, forbid_unknown_fields=True):
    n: int = 0


class Kind(enum.Enum):
    NEW = "new"


@dataclasses.dataclass
class Typed:
    when: datetime.date | None = None
    price: decimal.Decimal | None = None
    kind: Kind | None = None
    flag: bool = False
    ratio: float = 0.0


ANN = {"name": "Ann", "tags": [1]}
MADE = [
    (Model, ANN, Model(name="Ann", tags=[1])),
    (Struct, ANN, Struct("Ann", [1])),
    (Data, ANN, Data("Ann", [1])),
    (Dict, ANN, ANN),
    (list[Data], [ANN], [Data("Ann", [1])]),
    (list[Model], [], []),
    (Data | None, None, None),
    (Annotated[Struct | None, "x"], ANN, Struct("Ann", [1])),
    (Annotated[int, msgspec.Meta(ge=1)], 1, 1),
    (dict[str, Data], {"a": ANN}, {"a": Data("Ann", [1])}),
    (Typed, {"when": "2026-11-24", "price": "1.10", "kind": "new"}, None),
    (int, "7", 7),
    (len, [1, 2], 2),
    (Kind, "new", Kind.NEW),
]


@pytest.mark.parametrize(("form", "data", "made"), MADE, ids=str)
def test_object_is_made_of_data(form, data, made):
    made = made or Typed(datetime.date(2026, 11, 24), decimal.Decimal("1.10"), Kind.NEW) if form is Typed else made
    for _ in range(2):
        got = validate(form, data)
        assert (got, type(got)) == (made, type(made))


QUERIES = [
    ([("name", "Ann"), ("tags", "1"), ("tags", "2")], {"name": "Ann", "tags": [1, 2]}),
    ([("tags", "1"), ("name", "Ann")], {"name": "Ann", "tags": [1]}),
    ([("name", "Ann"), ("name", "Bob"), ("more", "x"), ("more", "y")], {"name": "Ann", "tags": []}),
    ([("name", "")], {"name": "", "tags": []}),
]


@pytest.mark.parametrize("kind", [MultiDict, ImmutableMultiDict, lambda pairs: CombinedMultiDict([MultiDict(pairs)])])
@pytest.mark.parametrize("form", [Model, Struct, Data])
@pytest.mark.parametrize(("pairs", "made"), QUERIES)
def test_object_is_made_of_a_multidict(form, pairs, made, kind):
    """A repeated key is a list if the type has one there, and else its first value."""
    assert validate(form, kind(pairs)) == form(**made)


def test_typed_dict_is_made_of_a_multidict():
    assert validate(Dict, MultiDict([("tags", "1"), ("more", "x")])) == {"tags": [1]}
    assert validate(dict[str, list[int]], MultiDict([("a", "1"), ("b", "2")])) == {"a": [1], "b": [2]}
    assert validate(dict[str, int], MultiDict([("a", "1"), ("a", "2")])) == {"a": 1}


def test_texts_become_what_the_type_has():
    args = MultiDict({"when": "2026-11-24", "price": "1.10", "kind": "new", "flag": "true", "ratio": "1.5"})
    when = datetime.date(2026, 11, 24)
    assert validate(Typed, args) == Typed(when, decimal.Decimal("1.10"), Kind.NEW, True, 1.5)


def test_key_without_values_is_missing():
    args = MultiDict()
    args.setlist("name", [])
    with pytest.raises(InvalidData, match="missing required field `name`"):
        validate(Struct, args)


def errors_of(form, data):
    with pytest.raises(InvalidData) as caught:
        validate(form, data)
    assert caught.value.code == 422
    return [(error["in"], error["pointer"], error["detail"]) for error in caught.value.errors]


NO_INTEGER = "Input should be a valid integer, unable to parse string as an integer"
NO_INT = "Expected `int`, got `str`"
REFUSED = [
    (Model, {}, [("body", "#/name", "Field required")]),
    (
        Model,
        {"name": "", "tags": ["x", 1, "y"]},
        [("body", "#/tags/0", NO_INTEGER), ("body", "#/tags/2", NO_INTEGER)],
    ),
    (Struct, {}, [("body", "#", "Object missing required field `name`")]),
    (Data, {"name": "", "tags": [1, "x"]}, [("body", "#/tags/1", NO_INT)]),
    (Dict, {"tags": ["x"]}, [("body", "#/tags/0", NO_INT)]),
    (list[Struct], [ANN, {"name": 1}], [("body", "#/1/name", "Expected `str`, got `int`")]),
    (Data | None, 7, [("body", "#", "Expected `object | null`, got `int`")]),
    (Model, MultiDict(), [("query", "#/name", "Field required")]),
    (Model, MultiDict([("name", ""), ("tags", "")]), [("query", "#/tags/0", NO_INTEGER)]),
    (Struct, MultiDict([("name", ""), ("tags", "1"), ("tags", "x")]), [("query", "#/tags/1", NO_INT)]),
    (Closed, MultiDict({"N": "1"}), [("query", "#/N", "Extra inputs are not permitted")]),
    (ClosedStruct, MultiDict({"N": "1"}), [("query", "#", "Object contains unknown field `N`")]),
    (Closed, {"n": "1_0x"}, [("body", "#/n", NO_INTEGER)]),
    (int, "x", [("body", "#", UNEXPECTED)]),
    (int, MultiDict(), [("query", "#", UNEXPECTED)]),
    (Kind, "old", [("body", "#", UNEXPECTED)]),
]


@pytest.mark.parametrize(("form", "data", "errors"), REFUSED, ids=str)
def test_error_says_where_it_is(form, data, errors):
    assert errors_of(form, data) == errors


class Renamed(msgspec.Struct, rename={"size": "page[size]", "name": "filter.name", "tilde": "a/b~c"}):
    size: int = 0
    name: list[int] = []
    tilde: int = 0


@pytest.mark.parametrize(
    ("pairs", "pointer"),
    [
        ([("page[size]", "x")], "#/page%5Bsize%5D"),
        ([("filter.name", "1"), ("filter.name", "x")], "#/filter.name/1"),
        ([("a/b~c", "x"), ("a", "1")], "#/a~1b~0c"),
    ],
)
def test_pointer_holds_names_as_they_were_sent(pairs, pointer):
    assert errors_of(Renamed, MultiDict(pairs)) == [("query", pointer, NO_INT)]


class Cat(BaseModel):
    lives: int


class Home(BaseModel):
    pet: Cat | int


def test_pointer_leaves_out_members_of_a_union():
    places = [place for _, place, _ in errors_of(Home, {"pet": {}})]
    assert places == ["#/pet/lives", "#/pet"]


def test_own_error_keeps_its_place_and_says_where_the_data_was():
    def check(data):
        raise InvalidData([{"detail": "a"}, {"detail": "b", "in": "header", "pointer": "#/x"}])

    assert errors_of(check, MultiDict()) == [("query", "#", "a"), ("header", "#/x", "b")]
    assert errors_of(check, {}) == [("body", "#", "a"), ("header", "#/x", "b")]

    def check_again(args):
        return validate(Data, args.to_dict())

    assert errors_of(check_again, MultiDict())[0][0] == "query"


def test_error_of_a_subclass_that_keeps_its_errors_to_itself():
    class Own(InvalidData):
        def __init__(self):
            self.description = "own"

    def check(data):
        raise Own

    with pytest.raises(Own):
        validate(check, {})


def test_answer_that_a_check_raises_is_the_answer():
    with pytest.raises(Conflict):
        validate(lambda data: abort(409), {})


MISTAKES = [
    (7, "must be a type or a callable, got 7"),
    ("Data", "must be a type or a callable, got 'Data'"),
    ([Data], r"must be a type or a callable, got \[<class"),
    (Model | Struct, "must be a type of one library, got .*Model | .*Struct, of msgspec and of pydantic"),
    (list["Data"], "must be a type that msgspec or pydantic supports, got list"),
    (
        Struct | ClosedStruct,
        "must be a type that msgspec or pydantic supports, got .*; msgspec says: If a type union contains",
    ),
]


@pytest.mark.parametrize(("form", "message"), MISTAKES, ids=str)
@pytest.mark.parametrize("option", ["query", "valid"])
def test_what_checks_nothing_is_refused_at_registration(option, form, message):
    app = Router()
    with pytest.raises(TypeError, match=f"^{option} {message}"):
        app.get("/", **{option: form})(lambda request, params: "")
    assert app.routes == ()
    with pytest.raises(TypeError, match=f"^type {message}"):
        validate(form, {})


@pytest.mark.parametrize("form", [list[Data], Annotated[int, 1], int | None, pydantic.RootModel[list[int]]], ids=str)
def test_query_needs_a_type_with_fields(form):
    with pytest.raises(TypeError, match=r"^query must be a type with fields, got "):
        Router().get("/", query=form)(lambda request, params: "")
    with pytest.raises(TypeError, match=r"^query must be a type with fields, got "):
        validate(form, MultiDict())


def test_type_that_is_not_complete_is_refused():
    @dataclasses.dataclass
    class Unfinished:
        n: Nothing  # noqa: F821

    with pytest.raises(TypeError, match=r"^valid must be a complete type, got Unfinished: name 'Nothing' is"):
        Router().post("/", valid=Unfinished)(lambda request, params: "")


def without(monkeypatch, *libraries):
    for name in libraries:
        monkeypatch.setitem(sys.modules, name, None)
    microfn.http.checks._cached_check.cache_clear()


@pytest.fixture(autouse=True)
def _clear_cache():
    yield
    microfn.http.checks._cached_check.cache_clear()


def test_dataclass_is_checked_by_the_library_that_there_is(monkeypatch):
    assert errors_of(Data, {"name": 1})[0][2] == "Expected `str`, got `int`"
    without(monkeypatch, "msgspec")
    assert errors_of(Data, {"name": 1})[0][2] == "Input should be a valid string"


@pytest.mark.parametrize("option", ["query", "valid"])
@pytest.mark.parametrize(("form", "name"), [(Data, "Data"), (Dict, "Dict"), (list[Data] | None, r"list\[")], ids=str)
def test_without_a_library_registration_says_so(form, name, option, monkeypatch):
    without(monkeypatch, "msgspec", "pydantic")
    with pytest.raises(
        ModuleNotFoundError, match=f"^{option}={name}.* needs msgspec or pydantic, .*; run pip install '"
    ):
        Router().get("/", **{option: form})(lambda request, params: "")
    with pytest.raises(ModuleNotFoundError):
        validate(form, {})
    app = Router()
    app.post("/", valid=int)(lambda request, params: str(request.valid))
    assert app.test_client().post("/", json=7).text == "7"


def test_metadata_names_the_library_that_is_missing(monkeypatch):
    without(monkeypatch, "pydantic")
    with pytest.raises(ModuleNotFoundError, match="needs pydantic, which is not installed"):
        validate(Annotated[int, Field(ge=1)], 1)


class Unhashable:
    __hash__ = None

    def __eq__(self, other: object) -> bool:
        return False


def test_metadata_needs_no_hash():
    assert validate(Annotated[Data, Unhashable()], ANN) == Data("Ann", [1])


class Left(BaseModel):
    x: int


class Right(BaseModel):
    x: int


def test_order_of_a_union_is_kept():
    """Unions are equal in any order, but if two members fit, pydantic uses the first."""
    assert type(validate(Left | Right, {"x": 1})) is Left
    assert type(validate(Right | Left, {"x": 1})) is Right
    assert type(validate(list[Left | Right], [{"x": 1}])[0]) is Left
    assert type(validate(list[Right | Left], [{"x": 1}])[0]) is Right


def test_type_is_prepared_once():
    validate(list[Data], [])
    before = microfn.http.checks._cached_check.cache_info()
    for _ in range(100):
        validate(list[Data], [])
    after = microfn.http.checks._cached_check.cache_info()
    assert (after.misses, after.currsize) == (before.misses, before.currsize)
    for number in range(300):
        validate(lambda data, number=number: number, [])
    assert microfn.http.checks._cached_check.cache_info().currsize == before.currsize


def test_threads_check_at_once():
    results: list[Any] = []

    def check():
        results.extend(validate(Data, MultiDict([("name", "a"), ("tags", "1")])) for _ in range(50))

    threads = [threading.Thread(target=check) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [Data("a", [1])] * 200


def test_callable_gets_the_data_itself():
    args = MultiDict([("a", "1")])
    assert validate(lambda data: data, args) is args
    assert check_for("valid", len).run("abc", "body") == 3
