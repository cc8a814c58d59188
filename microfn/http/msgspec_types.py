"""Checks by msgspec. Imported with the first type of this library."""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import partial
from typing import Any

import msgspec
from msgspec import inspect

from .type_forms import EVERYTHING, Converters, libraries_in

__all__ = ["converters_for", "find_lists", "json_schema"]

_OBJECTS = (inspect.StructType, inspect.DataclassType, inspect.TypedDictType)
_LISTS = (
    inspect.CollectionType,
    inspect.FrozenSetType,
    inspect.ListType,
    inspect.NamedTupleType,
    inspect.SetType,
    inspect.TupleType,
    inspect.VarTupleType,
)


def converters_for(form: Any) -> Converters:
    """Return the converters of decoded JSON and of str. Raises TypeError and NameError if the type is invalid.

    msgspec accepts unknown classes as fields of a dataclass or TypedDict, but refuses all JSON. So this refuses them.
    """
    msgspec.json.Decoder(form)  # `convert` would refuse a type only with the first request
    if not libraries_in(form):
        try:
            msgspec.json.schema(form)
        except TypeError as error:
            raise TypeError(str(error).splitlines()[-1]) from error
    # Keys of JSON are strings, even those of a dict[int, str].
    return Converters(
        partial(msgspec.convert, type=form, str_keys=True),
        partial(msgspec.convert, type=form, str_keys=True, strict=False),
    )


def find_lists(form: Any) -> Container[str] | None:
    """Return the names of fields that accept a list. Return None if the type has no fields."""
    members = list(_members(inspect.type_info(form)))
    if any(isinstance(kind, inspect.DictType) and _takes_list(kind.value_type) for kind in members):
        return EVERYTHING
    objects = [kind for kind in members if isinstance(kind, _OBJECTS) and not getattr(kind, "array_like", False)]
    if not objects and not any(isinstance(kind, inspect.DictType) for kind in members):
        return None
    return {field.encode_name for kind in objects for field in kind.fields if _takes_list(field.type)}


def json_schema(form: Any, prefix: str, *, is_output: bool) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ARG001
    """Return the JSON schema of a type, and those of its classes by name. References begin with `prefix`.

    Raises TypeError if the type has no schema.
    """
    (schema,), components = msgspec.json.schema_components([form], ref_template=prefix + "{name}")
    return schema, components


def _takes_list(kind: inspect.Type) -> bool:
    return any(isinstance(member, _LISTS) or getattr(member, "array_like", False) for member in _members(kind))


def _members(kind: inspect.Type) -> Iterator[inspect.Type]:
    """Yield the members of a union, or the single type."""
    if isinstance(kind, inspect.Metadata):
        yield from _members(kind.type)
    elif isinstance(kind, inspect.UnionType):
        for member in kind.types:
            yield from _members(member)
    else:
        yield kind
