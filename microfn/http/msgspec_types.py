"""Types that msgspec checks data by. This module is imported with the first of them."""

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
    """Return what converts decoded JSON, and texts, to a type. Raises TypeError and NameError for what is no type.

    A dataclass or TypedDict may have fields of classes that msgspec does not know: it would refuse all that JSON has.
    """
    msgspec.json.Decoder(form)  # `convert` would refuse a type with the first request
    if not libraries_in(form):
        try:
            msgspec.json.schema(form)
        except TypeError as error:
            raise TypeError(str(error).splitlines()[-1]) from error
    # Keys of JSON are text, also those of a dict[int, str].
    return Converters(
        partial(msgspec.convert, type=form, str_keys=True),
        partial(msgspec.convert, type=form, str_keys=True, strict=False),
    )


def find_lists(form: Any) -> Container[str] | None:
    """Return the names of fields that take a list; None if the type has no fields."""
    members = list(_members(inspect.type_info(form)))
    if any(isinstance(kind, inspect.DictType) and _takes_list(kind.value_type) for kind in members):
        return EVERYTHING
    objects = [kind for kind in members if isinstance(kind, _OBJECTS) and not getattr(kind, "array_like", False)]
    if not objects and not any(isinstance(kind, inspect.DictType) for kind in members):
        return None
    return {field.encode_name for kind in objects for field in kind.fields if _takes_list(field.type)}


def json_schema(form: Any, prefix: str, *, is_output: bool) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ARG001
    """Return the JSON schema of a type, and those of the classes in it by name; references begin with `prefix`.

    Raises TypeError for a type that has none.
    """
    (schema,), components = msgspec.json.schema_components([form], ref_template=prefix + "{name}")
    return schema, components


def _takes_list(kind: inspect.Type) -> bool:
    return any(isinstance(member, _LISTS) or getattr(member, "array_like", False) for member in _members(kind))


def _members(kind: inspect.Type) -> Iterator[inspect.Type]:
    """The members of a union, or the one type that there is."""
    if isinstance(kind, inspect.Metadata):
        yield from _members(kind.type)
    elif isinstance(kind, inspect.UnionType):
        for member in kind.types:
            yield from _members(member)
    else:
        yield kind
