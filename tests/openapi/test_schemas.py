"""Schemas of both libraries as the components of one document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypedDict, TypeVar

import msgspec
import pydantic
import pytest

from microfn.http.checks import type_check
from microfn.openapi.schemas import PREFIX, Schemas

T = TypeVar("T")


class Node(pydantic.BaseModel):
    value: int
    children: list[Node] = []


class Link(msgspec.Struct):
    next: Link | None = None


Cheese = msgspec.defstruct("Käse", [("name", str)])


Other = pydantic.create_model("Köse", age=(int, ...))


class Page(pydantic.BaseModel, Generic[T]):
    items: list[T]


class Shown(pydantic.BaseModel):
    first: str

    @pydantic.computed_field
    def whole(self) -> str:
        return self.first


class Typed(TypedDict):
    name: str


@dataclass
class Plain:
    name: str


def schema_of(form, schemas=None, **options):
    schemas = schemas or Schemas()
    return schemas.of_check(type_check("valid", form), "valid", **options), schemas


@pytest.mark.parametrize("form", [Node, Link, Typed, Plain, Page[Node], Shown])
def test_a_class_is_a_component_that_is_referred_to(form):
    schema, schemas = schema_of(form)
    assert list(schema) == ["$ref"]
    assert schemas.resolve(schema)["type"] == "object"


@pytest.mark.parametrize(("form", "name"), [(Node, "Node"), (Link, "Link")])
def test_a_recursive_type_refers_to_itself(form, name):
    schema, schemas = schema_of(form)
    assert schema == {"$ref": f"{PREFIX}{name}"}
    assert f"'$ref': '{PREFIX}{name}'" in str(schemas.components[name])


def test_names_have_the_characters_that_components_may_have():
    _, schemas = schema_of(Cheese)
    schema_of(Other, schemas)
    schema_of(Page[Other], schemas)
    assert list(schemas.components) == ["K_se", "K_se_2", "Page_K_se_"]
    assert schemas.components["K_se_2"]["title"] == "Köse"
    assert schemas.components["Page_K_se_"]["properties"]["items"]["items"] == {"$ref": f"{PREFIX}K_se_2"}


def make(of_class, /, **fields):
    return msgspec.defstruct(of_class, list(fields.items()))


def test_two_classes_of_one_name_are_two_components():
    first, second = make("User", id=int), make("User", name=str)
    outer = make("Outer", user=second)
    schemas = Schemas()
    assert schema_of(first, schemas)[0] == {"$ref": f"{PREFIX}User"}
    assert schema_of(second, schemas)[0] == {"$ref": f"{PREFIX}User_2"}
    assert schema_of(outer, schemas)[0] == {"$ref": f"{PREFIX}Outer"}
    assert schemas.components["Outer"]["properties"]["user"] == {"$ref": f"{PREFIX}User_2"}
    assert schema_of(make("User", id=int), schemas)[0] == {"$ref": f"{PREFIX}User"}


def test_classes_that_differ_only_in_their_parts_are_two():
    schemas = Schemas()
    schema_of(make("Outer", user=make("User", id=int)), schemas)
    assert schema_of(make("Outer", user=make("User", name=str)), schemas)[0] == {"$ref": f"{PREFIX}Outer_2"}
    assert schemas.components["Outer_2"]["properties"]["user"] == {"$ref": f"{PREFIX}User_2"}


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]


Pet = Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]


def test_the_mapping_of_a_discriminator_is_renamed_too():
    schemas = Schemas()
    schemas.add("Cat", {"type": "string"})
    schema, _ = schema_of(list[Pet], schemas)
    items = schema["items"]
    assert items["discriminator"]["mapping"] == {"cat": f"{PREFIX}Cat_2", "dog": f"{PREFIX}Dog"}
    assert items["oneOf"] == [{"$ref": f"{PREFIX}Cat_2"}, {"$ref": f"{PREFIX}Dog"}]


def test_an_output_has_computed_fields():
    schema, schemas = schema_of(Shown)
    assert list(schemas.resolve(schema)["properties"]) == ["first"]
    assert schemas.of_type(Shown, "responses") == {"$ref": f"{PREFIX}Shown_2"}
    assert list(schemas.components["Shown_2"]["properties"]) == ["first", "whole"]
    assert schemas.of_type(Shown, "responses") == {"$ref": f"{PREFIX}Shown_2"}


def test_only_components_that_are_needed_are_left():
    schema, schemas = schema_of(Page[Node])
    schema_of(Link, schemas)
    assert set(schemas.needed([schema])) == {"Page_Node_", "Node"}
    assert set(schemas.needed({"a": schema, "b": {"$ref": f"{PREFIX}Link"}})) == {"Page_Node_", "Node", "Link"}
    assert schemas.needed({"$ref": "#/components/responses/NotFound"}) == {}


class Opaque:
    pass


class Holder(pydantic.BaseModel, arbitrary_types_allowed=True):
    inner: Opaque


@pytest.mark.parametrize("form", [Holder, list[Holder]])
def test_a_type_without_a_schema_is_refused_by_name(form):
    with pytest.raises(TypeError, match=r"^valid of GET / must be a type with a JSON schema, got .*Holder.*: Cannot"):
        Schemas().of_check(type_check("valid", form), "valid of GET /")
    with pytest.raises(TypeError, match="responses must be a type that msgspec or pydantic supports, got Opaque"):
        Schemas().of_type(Opaque, "responses")


def test_metadata_without_a_hash_is_no_hindrance():
    form = Annotated[list[int], {"no": "hash"}]
    schemas = Schemas()
    assert schemas.of_type(form, "responses") == {"type": "array", "items": {"type": "integer"}}
    assert schemas.of_type(form, "responses") == {"type": "array", "items": {"type": "integer"}}


class Odd(pydantic.BaseModel, arbitrary_types_allowed=True):
    inner: Any = Opaque()


def test_a_default_that_json_cannot_express_is_left_out():
    schema, schemas = schema_of(Odd)
    assert "default" not in schemas.resolve(schema)["properties"]["inner"]
