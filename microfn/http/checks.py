"""Checks of data by a type of pydantic or msgspec, a dataclass, a TypedDict, or a callable."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Container
from functools import cached_property, lru_cache
from typing import Any, TypeVar, get_origin

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from .places import UNKNOWN
from .type_forms import Converters, is_type_form, libraries_in
from .validation import InvalidData, Source, refusal_for

__all__ = ["Check", "TypeCheck", "check_for", "type_check", "validate"]

T = TypeVar("T")

_LIBRARIES = ("msgspec", "pydantic")
"""The libraries, in the order in which they are tried for a dataclass or a TypedDict."""


class Check:
    """A callable that receives the raw data."""

    def __init__(self, check: Callable[[Any], Any]) -> None:
        self._check = check

    def run(self, data: Any, source: Source) -> Any:
        """Return the result of the check. Raises `InvalidData`. An HTTPException propagates as the response."""
        return _run(self._check, data, source)


class TypeCheck(Check):
    """A type, and the library that creates objects of it."""

    def __init__(self, form: Any, converters: Converters, library: Any) -> None:
        self.form = form
        self.library = library
        """The module for the library, which also creates JSON schemas."""
        self._converters = converters

    def run(self, data: Any, source: Source) -> Any:
        """Return an object of the type. The str values of a MultiDict are converted to the types of the fields."""
        convert = self._converters.of_json
        if isinstance(data, MultiDict):
            lists = self.lists
            convert = self._converters.of_text
            data = {name: values if name in lists else values[0] for name, values in data.lists() if values}
        return _run(convert, data, source, data)

    @cached_property
    def lists(self) -> Container[str]:
        """The names of fields that accept a list. Raises TypeError if the type has no fields."""
        found: Container[str] | None = self.library.find_lists(self.form)
        if found is None:
            raise TypeError(f"query must be a type with fields, got {_name_of(self.form)}")
        return found


def _run(convert: Callable[[Any], Any], data: Any, source: Source, known: Any = UNKNOWN) -> Any:
    try:
        return convert(data)
    except InvalidData as error:
        error._locate(source)
        raise
    except HTTPException:
        raise
    except Exception as error:
        raise refusal_for(error, source, known) from error


def validate(type: type[T], data: object) -> T:  # noqa: A002 - it is what a `type[T]` is
    """Create an object of a type from data, such as decoded JSON or the MultiDict of a query.

    The type is a pydantic model, a msgspec Struct, a dataclass, a TypedDict, or a `list[...]`, `X | None` or
    `Annotated[...]` of them. Any other callable is called with the data. If the data is a MultiDict, a repeated key
    becomes a list if the field is a list, else its first value counts. Its str values are converted to the field types.

    >>> from dataclasses import dataclass
    >>> from werkzeug.datastructures import MultiDict
    >>> @dataclass
    ... class Search:
    ...     tags: list[str]
    ...     page: int = 1
    >>> validate(Search, {"tags": []})
    Search(tags=[], page=1)
    >>> validate(Search, MultiDict([("tags", "new"), ("page", "2")]))
    Search(tags=['new'], page=2)
    >>> validate(Search, {"tags": [], "page": "two"})
    Traceback (most recent call last):
    microfn.http.validation.InvalidData: 422 Unprocessable Entity: #/page: Expected `int`, got `str`

    Raises `InvalidData` (422) if the data does not fit the type, TypeError if the type is unsupported, and
    ModuleNotFoundError if neither pydantic nor msgspec is installed.
    """
    check = _check_of_type(type) if is_type_form(type) else check_for("type", type)
    value: T = check.run(data, "query" if isinstance(data, MultiDict) else "body")
    return value


def _check_of_type(form: Any) -> Check:
    """Return the cached check of a type. Its text is part of the key, since `A | B` equals `B | A`."""
    try:
        hash(form)
    except TypeError:  # metadata of an Annotated can be unhashable
        return check_for("type", form)
    return _cached_check(form, "" if get_origin(form) is None else repr(form))


@lru_cache(maxsize=256)
def _cached_check(form: Any, text: str) -> Check:  # noqa: ARG001 - a part of the key
    return check_for("type", form)


def check_for(option: str, given: Any) -> Check:
    """Return the check for the value of `query` or `valid`.

    Raises TypeError if the value is neither a callable nor a supported type, and ModuleNotFoundError if no library is
    installed.
    """
    if is_type_form(given):
        check = type_check(option, given)
        if option == "query":
            check.lists  # noqa: B018 - refuses a type without fields
        return check
    if not callable(given):
        raise TypeError(f"{option} must be a type or a callable, got {given!r:.200}")
    return Check(given)


def type_check(option: str, form: Any) -> TypeCheck:
    """Return the check by the library that defines a type, or else by the first library that supports it.

    Raises TypeError if no library supports the type, and ModuleNotFoundError if no library is installed.
    """
    troubles = []
    try:
        named = libraries_in(form)
    except NameError as error:
        raise TypeError(f"{option} must be a complete type, got {_name_of(form)}: {error}") from error
    if len(named) > 1:
        raise TypeError(
            f"{option} must be a type of one library, got {_name_of(form)}, which uses msgspec and pydantic"
        )
    for name in named or _LIBRARIES:
        library = _import_library(name)
        if library is not None:
            try:
                return TypeCheck(form, library.converters_for(form), library)
            except (TypeError, NameError) as error:
                troubles.append(f"{name} says: {error}")
    if troubles:
        raise TypeError(
            f"{option} must be a type that msgspec or pydantic supports, got {_name_of(form)}; {'; '.join(troubles)}"
        )
    wanted = " or ".join(named or _LIBRARIES)
    extra = next(name for name in _LIBRARIES if name in (named or _LIBRARIES))
    raise ModuleNotFoundError(
        f"{option}={_name_of(form)} needs {wanted}, which is not installed; run pip install 'microfn[{extra}]'"
    )


def _import_library(name: str) -> Any:
    """Import the module for a library. Return None if the library is not installed."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return None
    return importlib.import_module(f"{__package__}.{name}_types")


def _name_of(form: Any) -> str:
    return form.__name__ if isinstance(form, type) else f"{form!r:.200}"
