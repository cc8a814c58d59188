"""Results with a status or headers: `(body, status)`, `(body, headers)` and `(body, status, headers)`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import name_of
from .headers import LOCATIONS, Headers, as_uri
from .streams import close_body

__all__ = ["merge_headers", "unpack_tuple"]


def unpack_tuple(result: tuple[Any, ...], origin: object) -> tuple[Any, int | str | None, Headers]:
    """Return the parts of `(body, status)`, `(body, headers)` or `(body, status, headers)`."""
    try:
        if len(result) == 2:
            body, second = result
            # PERF: most are statuses, for which `hasattr` would raise an exception.
            is_status = isinstance(second, int) or not (isinstance(second, (list, tuple)) or hasattr(second, "items"))
            return (body, second, []) if is_status else (body, None, _list_headers(second))
        if len(result) == 3:
            return result[0], result[1], _list_headers(result[2])
        raise TypeError(
            f"{name_of(origin)} must return (body, status[, headers]) or (body, headers), got a tuple of {len(result)}"
        )
    except BaseException:
        close_body(result[0] if result else None)
        raise


def merge_headers(headers: Headers, given: Headers, *, is_whole: bool) -> Headers:
    """Replace headers of the same names. Only the length of a whole body stays, since it is known better."""
    names = {name.lower() for name, _ in given if isinstance(name, str)}  # validate_headers refuses the others
    if is_whole and "content-length" in names:
        names.remove("content-length")
        given = [pair for pair in given if _lower(pair[0]) != "content-length"]
    if not names.isdisjoint(LOCATIONS):
        given = [(name, as_uri(value) if _lower(name) in LOCATIONS else value) for name, value in given]
    return [pair for pair in headers if pair[0].lower() not in names] + given


def _list_headers(headers: Any) -> Headers:
    is_dict = type(headers) is dict
    pairs = list(headers.items() if is_dict or hasattr(headers, "items") else headers if _is_iterable(headers) else [0])
    if not is_dict and not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
        order = "; the order is (body, status, headers)" if isinstance(headers, (int, str)) else ""
        raise TypeError(f"headers must be a dict or a list of (name, value) pairs, got {headers!r:.200}{order}")
    listed: Headers = []
    for name, value in pairs:
        if type(value) is str:
            listed.append((name, value))  # PERF: most values
            continue
        for item in value if isinstance(value, (list, tuple)) else (value,):
            listed.append((name, str(item) if type(item) is int else item))
    return listed


def _is_iterable(headers: object) -> bool:
    return isinstance(headers, Iterable) and not isinstance(headers, (str, bytes))


def _lower(name: object) -> str:
    return name.lower() if isinstance(name, str) else ""
