"""Types of pydantic: fields that accept a list, and conversion of JSON and text."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import pydantic
import pytest
from pydantic import AfterValidator, AliasChoices, AliasPath, BaseModel, BeforeValidator, ConfigDict, Field, RootModel
from typing_extensions import TypeAliasType, TypedDict

from microfn.http.pydantic_types import converters_for, find_lists

T = TypeVar("T")


class Pair(NamedTuple):
    a: int


class Search(BaseModel):
    q: str
    plain: list[str] = []
    optional: set[int] | None = None
    wrapped: Annotated[list[int] | None, BeforeValidator(list), AfterValidator(list)] = None
    either: int | list[int] = 0
    sequence: Sequence[int] = ()
    iterable: Iterable[int] = ()
    many: tuple[int, ...] = ()
    frozen: frozenset[int] = frozenset()
    deque: collections.deque[int] = collections.deque()
    pair: Pair = Pair(1)
    alias: TypeAliasType("Ids", list[int]) = []
    json_text: pydantic.Json[list[int]] = []
    table: Mapping[str, list[int]] = {}
    other: Any = None
    self: Search | None = None

    @pydantic.field_validator("plain", mode="before")
    @classmethod
    def check(cls, value):
        return value

    @pydantic.model_validator(mode="before")
    @classmethod
    def check_all(cls, data):
        return data


LISTS_OF_SEARCH = {"plain", "optional", "wrapped", "either", "sequence", "iterable", "many", "frozen", "deque", "pair"}


class Renamed(BaseModel):
    a: list[int] = Field([], alias="A")
    b: list[int] = Field([], validation_alias=AliasChoices("b1", "b2", AliasPath("b3", 0)))
    c: int = Field(0, validation_alias=AliasPath("c1", 0))
    d: int = Field(0, validation_alias=AliasPath("d1", "d2"))
    e: int = Field(0, alias="E")


class Generated(TypedDict):
    __pydantic_config__ = ConfigDict(alias_generator=str.upper)
    tag_names: list[int]


class Cat(BaseModel):
    kind: Literal["cat"]
    x: int = 0


class Dog(BaseModel):
    kind: Literal["dog"]
    x: list[int] = []


class Page(BaseModel, Generic[T]):
    items: T


class Lists(RootModel[dict[str, list[int]]]):
    pass


class Numbers(RootModel[list[int]]):
    pass


@dataclasses.dataclass
class Data:
    a: int
    b: Annotated[list[int], Field(alias="B")]


LISTS = [
    (Search, LISTS_OF_SEARCH | {"alias"}),
    (Renamed, {"a", "A", "b", "b1", "b2", "b3", "c1"}),
    (Generated, {"tag_names", "TAG_NAMES"}),
    (Cat | Dog, {"x"}),
    (Annotated[Cat | Dog, Field(discriminator="kind")], {"x"}),
    (Cat | None, set()),
    (Page[list[int]], {"items"}),
    (Page[int], set()),
    (Data, {"b", "B"}),
    (pydantic.dataclasses.dataclass(Data), {"b", "B"}),
    (dict[str, int], set()),
    (dict, set()),
    (Numbers, None),
    (list[Cat], None),
    (int | None, None),
]


@pytest.mark.parametrize(
    ("form", "names"), LISTS, ids=lambda value: str(sorted(value) if isinstance(value, set) else value)
)
def test_lists_are_the_names_that_take_one(form, names):
    assert find_lists(form) == names


@pytest.mark.parametrize(
    "form",
    [dict[str, list[int]], Lists, Lists | None],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_each_name_of_a_mapping_of_lists_takes_one(form):
    lists = find_lists(form)
    assert lists is not None
    assert "anything" in lists


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    n: int


def test_texts_are_converted_for_a_strict_type_too():
    of_json, of_text = converters_for(Strict)
    assert of_json({"n": 1}) == of_text({"n": "1"}) == Strict(n=1)
    with pytest.raises(pydantic.ValidationError):
        of_json({"n": "1"})


class Unfinished(BaseModel):
    n: Nothing  # noqa: F821


class Deferred(BaseModel):
    model_config = ConfigDict(defer_build=True)
    n: list[int]


class Plain:
    pass


@dataclasses.dataclass
class OfPlain:
    plain: Plain


@pytest.mark.parametrize("form", [Unfinished, Plain, OfPlain, list["Nothing"]], ids=str)  # noqa: F821
def test_type_that_cannot_be_converted_to_is_refused(form):
    with pytest.raises((TypeError, NameError)) as caught:
        converters_for(form)
    assert "\n" not in str(caught.value)


def test_model_that_is_built_later_is_built_now():
    assert find_lists(Deferred) == {"n"}
    of_json, _ = converters_for(Deferred)
    assert of_json({"n": [1]}) == Deferred(n=[1])
