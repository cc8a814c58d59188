"""Types of msgspec: fields that accept a list, and conversion of JSON and text."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Annotated, Any, Generic, NamedTuple, TypedDict, TypeVar

import msgspec
import pytest

from microfn.http.msgspec_types import converters_for, find_lists

T = TypeVar("T")


class Pair(NamedTuple):
    a: int


class Row(msgspec.Struct, array_like=True):
    a: int


class Search(msgspec.Struct, rename={"tags": "tag[]"}):
    q: str
    tags: list[str] = []
    ids: set[int] | None = None
    pair: Pair | None = None
    row: Row | None = None
    two: tuple[int, int] = (1, 2)
    many: tuple[int, ...] = ()
    frozen: frozenset[int] = frozenset()
    order: Annotated[Sequence[int], msgspec.Meta(description="ids")] = ()
    other: Any = None
    table: dict[str, int] = {}


class Page(msgspec.Struct, Generic[T]):
    items: T


class Node(msgspec.Struct):
    kids: list[Node]


class One(msgspec.Struct, tag=True):
    x: int = 0


class Two(msgspec.Struct, tag=True):
    x: list[int] = []


@dataclasses.dataclass
class Data:
    a: int
    b: list[int]


class Dict(TypedDict, total=False):
    a: int
    b: list[int]


LISTS = [
    (Search, {"tag[]", "ids", "pair", "row", "two", "many", "frozen", "order"}),
    (Data, {"b"}),
    (Dict, {"b"}),
    (Data | None, {"b"}),
    (Annotated[Data | None, msgspec.Meta(title="Data")], {"b"}),
    (One | Two, {"x"}),
    (One, set()),
    (Node, {"kids"}),
    (Page[list[int]], {"items"}),
    (Page[int], set()),
    (dict[str, int], set()),
    (list[Data], None),
    (Row, None),
    (int | None, None),
]


@pytest.mark.parametrize(
    ("form", "names"), LISTS, ids=lambda value: str(sorted(value) if isinstance(value, set) else value)
)
def test_lists_are_the_fields_that_take_one(form, names):
    assert find_lists(form) == names


def test_each_name_of_a_mapping_of_lists_takes_one():
    lists = find_lists(dict[str, list[int]])
    assert lists is not None
    assert "anything" in lists


def test_json_is_strict_and_texts_are_not():
    of_json, of_text = converters_for(Data)
    assert of_json({"a": 1, "b": [2]}) == of_text({"a": "1", "b": ["2"]}) == Data(1, [2])
    with pytest.raises(msgspec.ValidationError):
        of_json({"a": "1", "b": []})


def test_keys_of_json_become_numbers():
    for convert in converters_for(dict[int, int]):
        assert convert({"1": 2}) == {1: 2}


@dataclasses.dataclass
class WithPath:
    path: pathlib.Path


class StructWithPath(msgspec.Struct):
    n: int
    path: pathlib.Path = pathlib.Path()


class Unfinished(msgspec.Struct):
    n: Nothing  # noqa: F821


@pytest.mark.parametrize(
    ("form", "error", "message"),
    [
        (WithPath, TypeError, r"^type <class 'pathlib\..*Path'> is not supported$"),
        (Search | Node, TypeError, "all Struct types must be tagged"),
        (Data | Node, TypeError, "may not contain more than one dict-like type"),
        (Unfinished, NameError, "Nothing"),
    ],
    ids=str,
)
def test_type_that_cannot_be_converted_to_is_refused(form, error, message):
    with pytest.raises(error, match=message):
        converters_for(form)


def test_struct_may_have_a_field_that_no_client_sends():
    of_json, _ = converters_for(StructWithPath)
    assert of_json({"n": 1}) == StructWithPath(1)
