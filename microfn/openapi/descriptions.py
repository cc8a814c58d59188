"""Descriptions of operations, from the docstrings and return types of handles."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from types import UnionType
from typing import Any

__all__ = ["description_of", "returned_type"]

_UNIONS = (typing.Union, UnionType)
_OWN = __name__.partition(".")[0] + "."
"""The modules of objects, such as files and metrics, whose docstrings are for other readers."""


def description_of(handle: Callable[..., Any]) -> dict[str, str]:
    """Return the summary, the first paragraph of the docstring, and the description, the rest, if they exist.

    >>> def show(request, params):
    ...     '''Show a user.
    ...
    ...     Users are public.
    ...     '''
    >>> description_of(show)
    {'summary': 'Show a user.', 'description': 'Users are public.'}
    """
    owner = getattr(handle, "__self__", handle)
    text = None if type(owner).__module__.startswith(_OWN) else _function_of(handle).__doc__
    if not text:
        return {}
    first, _, rest = inspect.cleandoc(text).partition("\n\n")
    texts = {"summary": " ".join(first.split()), "description": rest.strip()}
    return {name: value for name, value in texts.items() if value}


def returned_type(handle: Callable[..., Any]) -> Any:
    """Return the return annotation of a handle if it is a str or a type with a JSON schema, or None.

    In a union, the single such member counts: `User | Response` is `User`.
    """
    try:
        hint = typing.get_type_hints(_function_of(handle), include_extras=True).get("return")
    except Exception:  # annotations can contain any name, even one that only type checkers import
        return None
    members = [one for one in _members(hint) if _is_json(one) or one is str]
    return members[0] if len(members) == 1 else None


def _members(hint: Any) -> list[Any]:
    is_union = typing.get_origin(hint) in _UNIONS
    return list(typing.get_args(hint)) if is_union else [hint]


def _is_json(hint: Any) -> bool:
    """Return True if a handle with this annotation responds with JSON."""
    origin = typing.get_origin(hint)
    if origin is not None:
        return isinstance(origin, type) and issubclass(origin, (dict, list))
    return isinstance(hint, type) and (issubclass(hint, (dict, list)) or hasattr(hint, "__dataclass_fields__"))


def _function_of(handle: Any) -> Any:
    """Return the function that a handle calls, without partial objects and decorators."""
    while isinstance(handle, functools.partial):
        handle = handle.func
    is_function = inspect.isroutine(handle) or inspect.isclass(handle)
    return inspect.unwrap(handle if is_function else type(handle).__call__)
