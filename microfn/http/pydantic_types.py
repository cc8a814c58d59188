"""Checks by pydantic. Imported with the first type of this library."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from functools import partial
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from .type_forms import EVERYTHING, Converters

__all__ = ["converters_for", "find_lists", "json_schema"]

# A named tuple is a call before pydantic 2.14.
_LISTS = ("list", "tuple", "set", "frozenset", "deque", "generator", "named-tuple", "call")
_INNER = ("schema", "python_schema", "lax_schema")
_OBJECTS = ("model-fields", "dataclass-args", "typed-dict")
Schema = Mapping[str, Any]


def converters_for(form: Any) -> Converters:
    """Return the converters of decoded JSON and of str. Raises TypeError and NameError if the type is invalid."""
    try:
        adapter = TypeAdapter(form)
        adapter.validator.title  # noqa: B018 - available if every name in the type is defined
    except PydanticUserError as error:
        raise TypeError(str(error).splitlines()[0]) from error
    # Text is never an int, so strict types would refuse every query.
    return Converters(adapter.validate_python, partial(adapter.validate_python, strict=False))


def find_lists(form: Any) -> Container[str] | None:
    """Return the names of fields that accept a list. Return None if the type has no fields."""
    schema: Any = TypeAdapter(form).core_schema
    walk = _Walk(schema)
    members = list(walk.members(schema))
    if any(member["type"] == "dict" and walk.takes_list(member.get("values_schema")) for member in members):
        return EVERYTHING
    objects = [member for member in members if member["type"] in _OBJECTS]
    if not objects and not any(member["type"] == "dict" for member in members):
        return None
    return {name for member in objects for name in walk.lists_of(member)}


def json_schema(form: Any, prefix: str, *, is_output: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the JSON schema of a type, and those of its classes by name. References begin with `prefix`.

    The schema of an output also has computed fields. Raises TypeError if the type has no schema.
    """
    mode: Any = "serialization" if is_output else "validation"
    try:
        schemas, whole = TypeAdapter.json_schemas(
            [(0, mode, TypeAdapter(form))], ref_template=prefix + "{model}", schema_generator=_Generator
        )
    except PydanticUserError as error:
        raise TypeError(str(error).splitlines()[0]) from error
    return schemas[0, mode], whole.get("$defs", {})


class _Generator(GenerateJsonSchema):
    """A generator without warnings, which omits defaults that JSON cannot express."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - an attribute of pydantic


class _Walk:
    """The core schema of a type in pydantic, in which each layer around a field has a `schema`."""

    def __init__(self, schema: Schema) -> None:
        self._definitions = {one["ref"]: one for one in schema.get("definitions", ())}

    def members(self, schema: Schema) -> Iterator[Schema]:
        """Yield the members of a union, or the single schema, without their wrappers."""
        inner = [schema[name] for name in _INNER if name in schema and schema["type"] != "json"]
        if schema["type"] == "definition-ref":
            yield from self.members(self._definitions[schema["schema_ref"]])
        elif "choices" in schema:
            choices = schema["choices"]
            for choice in choices.values() if isinstance(choices, Mapping) else choices:
                yield from self.members(choice[0] if isinstance(choice, tuple) else choice)
        elif inner or schema["type"] == "chain":
            for one in inner or schema["steps"]:
                yield from self.members(one)
        else:
            yield schema

    def takes_list(self, schema: Schema | None) -> bool:
        """Return True if a member is a list."""
        return schema is not None and any(member["type"] in _LISTS for member in self.members(schema))

    def lists_of(self, schema: Schema) -> Iterator[str]:
        """Yield the names of list fields in requests: the field names and their aliases."""
        fields = schema["fields"]
        named = fields.items() if isinstance(fields, Mapping) else [(field["name"], field) for field in fields]
        for name, field in named:
            alias = field.get("validation_alias", name)
            paths = [[alias]] if isinstance(alias, str) else alias if isinstance(alias[0], list) else [alias]
            is_list = self.takes_list(field["schema"])
            if is_list:
                yield name
            for path in paths:
                # An `AliasPath("tag", 0)`, the first of several values, also comes from a list.
                if is_list if len(path) == 1 else isinstance(path[1], int):
                    yield path[0]
