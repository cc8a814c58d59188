"""Types for checks of data, distinguished from other callables, and their libraries."""

from __future__ import annotations

import collections
import dataclasses
import enum
import functools
import pathlib
import subprocess
import sys
import typing
from typing import Annotated, Any, Generic, NamedTuple, Optional, TypedDict, TypeVar, Union

import annotated_types
import msgspec
import pydantic
import pytest
import typing_extensions

from microfn.http.type_forms import EVERYTHING, is_type_form, libraries_in

from ..documents import ROOT

T = TypeVar("T")


class Model(pydantic.BaseModel):
    n: int


class Struct(msgspec.Struct):
    n: int


@dataclasses.dataclass
class Data:
    n: int
    next: Data | None = None


@pydantic.dataclasses.dataclass
class PydanticData:
    n: int


class Dict(TypedDict):
    n: int


class OtherDict(typing_extensions.TypedDict, total=False):
    n: int


@dataclasses.dataclass
class Generics(Generic[T]):
    n: T


class Box(Generic[T]):
    def __init__(self, data):
        self.data = data


class Pair(NamedTuple):
    n: int


class Color(enum.Enum):
    RED = "red"


FORMS = [Model, Struct, Data, PydanticData, Dict, OtherDict, Generics[int], list[Data], list[int], dict[str, Data]]
FORMS += [Optional[Data], Union[Data, int], Data | None, Annotated[Data, 1], Annotated[int, 1], collections.deque[int]]  # noqa: UP007, UP045
FORMS += [typing_extensions.TypeAliasType("Alias", list[int])]
OTHERS = [int, str, list, dict, Pair, Color, Box, Box[int], pathlib.Path, print, functools.partial(int), Data(1), 7]
OTHERS += [None, "Data", [Data], Model.model_validate, lambda data: data, typing.NewType("Id", int), object()]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_type_form_is_told(form):
    assert is_type_form(form) is True


@pytest.mark.parametrize("value", OTHERS, ids=lambda value: type(value).__name__)
def test_other_value_is_no_type_form(value):
    assert is_type_form(value) is False


@dataclasses.dataclass
class OfModels:
    models: list[Model]


@dataclasses.dataclass
class OfDefaults:
    n: int = pydantic.Field(1, ge=1)


class OfMetadata(TypedDict):
    n: Annotated[int, msgspec.Meta(ge=1)]


@dataclasses.dataclass
class OfConstraints:
    n: Annotated[int, annotated_types.Ge(1)]


class Own:
    @classmethod
    def __get_pydantic_core_schema__(cls, source, handler):
        raise NotImplementedError


BELONGS = [
    (int, set()),
    (Data, set()),
    (Dict, set()),
    (list[Data | None], set()),
    (Model, {"pydantic"}),
    (list[Model], {"pydantic"}),
    (PydanticData | None, {"pydantic"}),
    (dict[str, Struct], {"msgspec"}),
    (Model | Struct, {"pydantic", "msgspec"}),
    (OfModels, {"pydantic"}),
    (OfDefaults, {"pydantic"}),
    (OfMetadata, {"msgspec"}),
    (OfConstraints, {"pydantic"}),
    (Generics[Struct], {"msgspec"}),
    (Annotated[int, pydantic.Field(ge=1)], {"pydantic"}),
    (Annotated[int, msgspec.Meta(ge=1)], {"msgspec"}),
    (list[pydantic.SecretStr], {"pydantic"}),
    (dict[str, msgspec.Raw], {"msgspec"}),
    (list[Own], {"pydantic"}),
    (typing.NewType("Structs", list[Struct]), {"msgspec"}),
    (typing_extensions.TypeAliasType("Models", list[Model]), {"pydantic"}),
    (tuple[()], set()),
    (typing.Literal["a", 1], set()),
]


@pytest.mark.parametrize(("form", "libraries"), BELONGS)
def test_libraries_are_found_wherever_they_stand(form, libraries):
    assert libraries_in(form) == libraries


def test_annotation_that_names_nothing_is_an_error():
    @dataclasses.dataclass
    class Unfinished:
        n: Nothing  # noqa: F821

    with pytest.raises(NameError, match="Nothing"):
        libraries_in(Unfinished)


def test_everything_contains_each_name():
    assert "a" in EVERYTHING
    assert "" in EVERYTHING


IMPORTED = """
import sys, dataclasses
from typing import Any, TypedDict
from microfn import Router, validate

@dataclasses.dataclass
class Data:
    n: int

app = Router()
app.handle("POST", "/", lambda request, params: request.valid, valid=int, query=dict)
app.test_client().post("/", json=1)
validate(int, "1")
print(sorted({"msgspec", "pydantic", "pydantic_core"} & set(sys.modules)))
app.handle("PUT", "/", lambda request, params: request.valid, valid=Data)
print(sorted({"msgspec", "pydantic", "pydantic_core"} & set(sys.modules)))
"""


def test_library_is_imported_for_a_type_that_needs_it_only():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    assert done.stdout == "[]\n['msgspec']\n", done.stderr


def test_any_value_can_be_looked_at(monkeypatch):
    """Callables of all kinds are inspected, and none has the attribute."""

    class Odd:
        def __getattr__(self, name: str) -> Any:
            raise AttributeError(name)

        __call__ = int

    assert is_type_form(Odd()) is False
