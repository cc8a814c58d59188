"""The JSON schemas of types, as the components of one document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..http.checks import TypeCheck, type_check
from .names import UniqueNames

__all__ = ["PREFIX", "Schemas"]

PREFIX = "#/components/schemas/"


class Schemas:
    """The schemas of a document, each with a unique name.

    pydantic and msgspec name each class separately, so two classes can have one name. The second gets a number.
    """

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        """The names of components, by their definitions."""
        self._unique = UniqueNames()
        self._known: dict[Any, tuple[Any, dict[str, Any]]] = {}

    def of_check(self, check: TypeCheck, option: str, *, is_output: bool = False) -> dict[str, Any]:
        """Return the schema of a checked type. Raises TypeError with the name of the option if it has none."""
        key = _key(check.form, is_output)
        if key not in self._known:
            try:
                schema, parts = check.library.json_schema(check.form, PREFIX, is_output=is_output)
            except TypeError as error:
                raise TypeError(
                    f"{option} must be a type with a JSON schema, got {check.form!r:.200}: {error}"
                ) from error
            names = self._add(parts)
            # The form is kept with its schema, so that no other object gets its id.
            self._known[key] = (check.form, _renamed(schema, names))
        return self._known[key][1]

    def of_type(self, form: Any, option: str) -> dict[str, Any]:
        """Return the schema of the type of a response. Raises TypeError and ModuleNotFoundError if it has none."""
        known = self._known.get(_key(form, True))
        return known[1] if known else self.of_check(type_check(option, form), option, is_output=True)

    def add(self, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        """Add a schema without references, and return a reference to it."""
        return {"$ref": PREFIX + self._add({name: schema})[name]}

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema of a reference."""
        while "$ref" in schema:
            schema = self.components[schema["$ref"].removeprefix(PREFIX)]
        return schema

    def needed(self, *roots: object) -> dict[str, Any]:
        """Return the components that these parts of a document refer to, directly or indirectly."""
        reached: set[str] = set()
        for name in _targets(list(roots)):
            if name not in reached:
                reached |= _reach(name, self.components)
        return {name: schema for name, schema in self.components.items() if name in reached}

    def _add(self, parts: dict[str, Any]) -> dict[str, str]:
        """Add the components of one type, and return their names in the document."""
        names = {name: self._name(name, parts) for name in parts}
        for name, schema in parts.items():
            if names[name] not in self.components:
                self.components[names[name]] = _renamed(schema, names)
        return names

    def _name(self, name: str, parts: dict[str, Any]) -> str:
        """Return the name of a component. An equal component with equal references keeps its name."""
        reached = sorted(_reach(name, parts))
        key = json.dumps([name, [(one, parts[one]) for one in reached]], sort_keys=True, default=repr)
        if key not in self._names:
            self._names[key] = self._unique.take(name)
        return self._names[key]


def _key(form: Any, is_output: bool) -> tuple[object, ...]:
    """Return the key of a type. Equal types can differ, like `A | B` and `B | A`."""
    try:
        hash(form)
    except TypeError:  # metadata of an Annotated can be unhashable
        return (id(form), is_output)
    return (form, repr(form), is_output)


def _targets(schema: Any) -> Iterator[str]:
    """Yield the names of all components that a schema refers to."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str):
                yield reference.removeprefix(PREFIX)
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _reach(name: str, parts: dict[str, Any]) -> set[str]:
    """Return the names of a component and of all components that it refers to, directly or indirectly."""
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one in parts and one not in reached:
            reached.add(one)
            waiting += _targets(parts[one])
    return reached


def _renamed(schema: Any, names: dict[str, str]) -> Any:
    """Return a copy of a schema whose references have the names of the document."""
    if all(new == old for old, new in names.items()):
        return schema
    if isinstance(schema, list):
        return [_renamed(part, names) for part in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: _renamed(part, names) for key, part in schema.items()}
    if isinstance(schema.get("$ref"), str):
        copy["$ref"] = _moved(schema["$ref"], names)
    mapping = schema.get("mapping")
    if isinstance(mapping, dict) and "propertyName" in schema:  # the mapping of a discriminator
        copy["mapping"] = {tag: _moved(reference, names) for tag, reference in mapping.items()}
    return copy


def _moved(reference: str, names: dict[str, str]) -> str:
    name = reference.removeprefix(PREFIX)
    return PREFIX + names.get(name, name)
