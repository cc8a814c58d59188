"""The fields of a query's type, by both libraries, as parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, TypedDict

import msgspec
import pydantic
import pytest

from microfn.http.checks import type_check
from microfn.openapi.queries import query_parameters
from microfn.openapi.schemas import Schemas


def parameters(form):
    schemas = Schemas()
    schema = schemas.of_check(type_check("query", form), "query")
    return {one["name"]: one for one in query_parameters(schema, schemas)}


class Model(pydantic.BaseModel):
    page: int
    size: Annotated[int, pydantic.Field(ge=1, description="Notes of a page.")] = 20
    tags: list[str] = []
    name: str | None = None
    limit: int | str | None = None
    sort: str = pydantic.Field("id", alias="sort[by]")


def test_fields_of_a_model_are_parameters():
    found = parameters(Model)
    assert list(found) == ["page", "size", "tags", "name", "limit", "sort[by]"]
    assert found["page"] == {
        "name": "page",
        "in": "query",
        "required": True,
        "schema": {"title": "Page", "type": "integer"},
    }
    assert "required" not in found["size"]
    assert found["size"]["description"] == "Notes of a page."
    assert found["size"]["schema"] == {"default": 20, "minimum": 1, "title": "Size", "type": "integer"}
    assert found["tags"]["schema"]["items"] == {"type": "string"}
    assert found["name"]["schema"] == {"title": "Name", "type": "string"}
    assert found["limit"]["schema"]["anyOf"] == [{"type": "integer"}, {"type": "string"}]


@dataclass
class Plain:
    q: str
    tags: list[int] = field(default_factory=list)


Typed = TypedDict("Typed", {"größe": int}, total=False)  # noqa: UP013 - the name is not ASCII


class Renamed(msgspec.Struct, rename="camel"):
    page_size: int = 1


@pytest.mark.parametrize(
    ("form", "names"),
    [(Plain, ["q", "tags"]), (Typed, ["größe"]), (Renamed, ["pageSize"]), (Plain | None, ["q", "tags"])],
)
def test_fields_of_other_types_are_parameters(form, names):
    assert list(parameters(form)) == names


class Cat(msgspec.Struct, tag="cat"):
    name: str
    lives: int = 9


class Dog(msgspec.Struct, tag="dog"):
    name: str
    lives: float


def test_a_union_has_the_fields_of_all_members():
    found = parameters(Cat | Dog)
    assert found["type"]["schema"] == {"anyOf": [{"enum": ["cat"]}, {"enum": ["dog"]}]}
    assert found["name"] == {"name": "name", "in": "query", "required": True, "schema": {"type": "string"}}
    assert found["lives"]["schema"] == {"anyOf": [{"type": "integer", "default": 9}, {"type": "number"}]}
    assert "required" not in found["lives"]


def test_a_dict_is_one_parameter_of_any_names():
    assert parameters(dict[str, int]) == {
        "query": {
            "name": "query",
            "in": "query",
            "style": "form",
            "explode": True,
            "schema": {"type": "object", "additionalProperties": {"type": "integer"}},
        }
    }


class Nested(msgspec.Struct):
    order: Literal["a", "b"] | None = None
    inner: Renamed | None = None


def test_a_query_never_has_null():
    found = parameters(Nested)
    assert found["order"]["schema"] == {"enum": ["a", "b"]}
    assert found["inner"]["schema"] == {"$ref": "#/components/schemas/Renamed"}
