"""Types for checks of data, distinguished from other callables without an import of the library."""

from __future__ import annotations

from collections.abc import Callable, Container
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

__all__ = ["EVERYTHING", "Converters", "is_type_form", "libraries_in"]

_BUILT_IN = ("builtins", "collections", "collections.abc")
_SPECIAL = (Union, UnionType, Annotated)
_LIBRARIES = {
    "annotated_types": "pydantic",  # msgspec ignores them
    "msgspec": "msgspec",
    "pydantic": "pydantic",
    "pydantic_core": "pydantic",
    "pydantic_extra_types": "pydantic",
}
"""The library of a class or metadata, by the package that defines it."""


class Converters(NamedTuple):
    """The functions that create an object: from decoded JSON, and from str values."""

    of_json: Callable[[Any], Any]
    of_text: Callable[[Any], Any]


class _Everything:
    def __contains__(self, name: object) -> bool:
        return True


EVERYTHING: Container[str] = _Everything()
"""A container of all names."""


def is_type_form(value: Any) -> bool:
    """Return True for a type that checks data: a class of a library, or a `list[...]`, union, `Annotated[...]`.

    >>> is_type_form(list[int]), is_type_form(int | None), is_type_form(int)
    (True, True, False)
    """
    if hasattr(value, "__value__"):  # `type Names = list[str]`
        return True
    origin = get_origin(value)
    if origin in _SPECIAL:
        return True
    if origin is not None:
        return origin.__module__ in _BUILT_IN or is_type_form(origin)
    return isinstance(value, type) and (
        any(hasattr(value, name) for name in ("__struct_fields__", "__pydantic_core_schema__", "__dataclass_fields__"))
        or _is_typed_dict(value)
    )


def libraries_in(form: Any) -> set[str]:
    """Return the libraries whose classes or metadata a type contains: "msgspec", "pydantic", both or none.

    Raises NameError if an annotation contains an undefined name.
    """
    found: set[str] = set()
    seen: dict[int, Any] = {}
    waiting = [form]
    while waiting:
        hint = waiting.pop()
        if id(hint) not in seen:
            seen[id(hint)] = hint
            library = _library_of(hint)
            if library is None:
                waiting += _parts_of(hint)
            else:
                found.add(library)
    return found


def _library_of(hint: Any) -> str | None:
    """Return the library of a class or metadata, by its attributes or the package that defines it."""
    if hasattr(hint, "__struct_fields__"):
        return "msgspec"
    if hasattr(hint, "__pydantic_core_schema__") or hasattr(hint, "__get_pydantic_core_schema__"):
        return "pydantic"
    cls = hint if isinstance(hint, type) else type(hint)
    return _LIBRARIES.get(cls.__module__.partition(".")[0])


def _parts_of(hint: Any) -> list[Any]:
    """Return the parts of a type: its arguments, and the annotations and defaults of its fields."""
    parts = [*get_args(hint), get_origin(hint), getattr(hint, "__value__", None), getattr(hint, "__supertype__", None)]
    fields = getattr(hint, "__dataclass_fields__", None)
    if get_origin(hint) is None and isinstance(hint, type) and (fields is not None or _is_typed_dict(hint)):
        parts += get_type_hints(hint, include_extras=True).values()
        parts += [field.default for field in (fields or {}).values()]
    return parts


def _is_typed_dict(cls: type) -> bool:
    return issubclass(cls, dict) and hasattr(cls, "__required_keys__") and hasattr(cls, "__total__")
