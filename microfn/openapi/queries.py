"""The fields of a query type as parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .schemas import Schemas

__all__ = ["query_parameters"]


def query_parameters(schema: dict[str, Any], schemas: Schemas) -> list[dict[str, Any]]:
    """Return a parameter object for each field, in a union for the fields of all members.

    A query without declared fields, such as a dict, is one parameter with any names.
    """
    members = list(_members(schema, schemas))
    found: dict[str, list[dict[str, Any]]] = {}
    for member in members:
        for name, field in member.get("properties", {}).items():
            found.setdefault(name, []).append(field)
    parameters = []
    for name, fields in found.items():
        required = all(name in member.get("required", ()) for member in members)
        parameters.append(_parameter(name, fields, required))
    values = [member["additionalProperties"] for member in members if member.get("additionalProperties")]
    if values and not found:
        free = {"type": "object", "additionalProperties": values[0]}
        parameters.append({"name": "query", "in": "query", "style": "form", "explode": True, "schema": free})
    return parameters


def _parameter(name: str, fields: list[dict[str, Any]], required: bool) -> dict[str, Any]:
    different = [field for number, field in enumerate(fields) if field not in fields[:number]]
    plain = [_without_null(field) for field in different]
    parameter: dict[str, Any] = {"name": name, "in": "query"}
    if required:
        parameter["required"] = True
    if len(plain) == 1:
        description = plain[0].pop("description", None)
        if description:
            parameter["description"] = description
    parameter["schema"] = plain[0] if len(plain) == 1 else {"anyOf": plain}
    return parameter


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of the schema of a field without null, which no query can send."""
    plain = dict(field)
    if "default" in plain and plain["default"] is None:
        del plain["default"]
    for union in ("anyOf", "oneOf"):
        if union in plain:
            kept = [member for member in plain[union] if member != {"type": "null"}]
            if len(kept) == 1:
                del plain[union]
                plain = {**kept[0], **plain}
            else:
                plain[union] = kept
    return plain


def _members(schema: dict[str, Any], schemas: Schemas) -> Iterator[dict[str, Any]]:
    """Yield the objects in a union, or the single object."""
    schema = schemas.resolve(schema)
    inner = [part for union in ("anyOf", "oneOf", "allOf") for part in schema.get(union, ())]
    if not inner:
        if schema.get("type") == "object":
            yield schema
        return
    for part in inner:
        yield from _members(part, schemas)
