"""Checks of data, by a type of pydantic's or msgspec's, a dataclass, a TypedDict, or by a callable."""

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
"""The libraries, in the order in which they are asked whether they know a dataclass or a TypedDict."""


class Check:
    """A callable that gets the data as it is."""

    def __init__(self, check: Callable[[Any], Any]) -> None:
        self._check = check

    def run(self, data: Any, source: Source) -> Any:
        """Return what the check makes of the data. Raises `InvalidData`; an HTTPException is an answer itself."""
        return _run(self._check, data, source)


class TypeCheck(Check):
    """A type, and the library that makes an object of it."""

    def __init__(self, form: Any, converters: Converters, library: Any) -> None:
        self.form = form
        self.library = library
        """The module for the library, which makes a JSON schema of the type too."""
        self._converters = converters

    def run(self, data: Any, source: Source) -> Any:
        """Return an object of the type. Texts of a MultiDict are converted to what the type has in their place."""
        convert = self._converters.of_json
        if isinstance(data, MultiDict):
            lists = self.lists
            convert = self._converters.of_text
            data = {name: values if name in lists else values[0] for name, values in data.lists() if values}
        return _run(convert, data, source, data)

    @cached_property
    def lists(self) -> Container[str]:
        """The names of fields that take a list. Raises TypeError if the type has no fields."""
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
    """Return an object of a type that is made of data, such as decoded JSON, or of the MultiDict that a query is.

    The type is a pydantic model, a msgspec Struct, a dataclass, a TypedDict, or a `list[...]`, `X | None` or
    `Annotated[...]` of them; any other callable is called with the data. Of a MultiDict, a repeated key is a list if
    the type has a list there, else its first value counts; its texts become numbers, dates and so on as the type says.

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

    Raises `InvalidData` (422) if the data is not as the type says, TypeError for what is no type, and
    ModuleNotFoundError if neither pydantic nor msgspec is installed.
    """
    check = _check_of_type(type) if is_type_form(type) else check_for("type", type)
    value: T = check.run(data, "query" if isinstance(data, MultiDict) else "body")
    return value


def _check_of_type(form: Any) -> Check:
    """The check of a type, which is made once. Types that are equal may differ: `A | B` and `B | A`."""
    try:
        hash(form)
    except TypeError:  # the metadata of an Annotated may have none
        return check_for("type", form)
    return _cached_check(form, "" if get_origin(form) is None else repr(form))


@lru_cache(maxsize=256)
def _cached_check(form: Any, text: str) -> Check:  # noqa: ARG001 - a part of the key
    return check_for("type", form)


def check_for(option: str, given: Any) -> Check:
    """Return the check for what was given as `query` or `valid`.

    Raises TypeError for what is neither a callable nor a type that a library knows, and ModuleNotFoundError without a
    library.
    """
    if is_type_form(given):
        check = type_check(option, given)
        if option == "query":
            check.lists  # noqa: B018 - a type without fields is refused
        return check
    if not callable(given):
        raise TypeError(f"{option} must be a type or a callable, got {given!r:.200}")
    return Check(given)


def type_check(option: str, form: Any) -> TypeCheck:
    """Return the check by the library that a type is of, or else by the first that knows it.

    Raises TypeError for what no library knows, and ModuleNotFoundError without a library.
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
    raise ModuleNotFoundError(f"{option}={_name_of(form)} needs {wanted}, which is not installed")


def _import_library(name: str) -> Any:
    """Import what is for a library; None if the library is not installed."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return None
    return importlib.import_module(f"{__package__}.{name}_types")


def _name_of(form: Any) -> str:
    return form.__name__ if isinstance(form, type) else f"{form!r:.200}"
