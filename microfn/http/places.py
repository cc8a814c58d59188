"""Places of errors in data, as JSON pointers (RFC 6901), from what msgspec and pydantic say of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

__all__ = ["UNKNOWN", "Step", "json_pointer", "steps_of_location", "steps_of_path"]

Step = str | int
UNKNOWN: Any = object()
"""Data that nobody knows: that which a callable of the user's gave to a library."""

_PLAIN_STEP = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]")
_INDEX = re.compile(r"\[([0-9]+)\]")
_UNTOLD = "[...]"
"""The key of a mapping, which msgspec does not tell."""
_LONGEST = 1000


def json_pointer(steps: Iterable[object]) -> str:
    """Return a JSON pointer as the fragment of a URI (RFC 6901, section 6), of 1,000 characters at most.

    >>> json_pointer(["users", 0, "a/b"])
    '#/users/0/a~1b'
    """
    pointer = "#"
    for step in steps:
        longer = f"{pointer}/{_encode(str(step)[:_LONGEST])}"
        if len(longer) > _LONGEST:
            break
        pointer = longer
    return pointer


def _encode(step: str) -> str:
    escaped = step.replace("~", "~0").replace("/", "~1")
    return quote(escaped, safe="!$&'()*+,;=:@?", errors="surrogatepass")


def steps_of_path(path: str, data: Any = UNKNOWN) -> list[Step]:
    """Return the steps of a path of msgspec's in the data that it is about.

    A name may hold dots and brackets itself, so it is the longest one that the data has.

    >>> steps_of_path(".users[0].age")
    ['users', 0, 'age']
    >>> steps_of_path(".page[size]", {"page[size]": "x"})
    ['page[size]']
    """
    steps: list[Step] = []
    at = 0
    while at < len(path) and not path.startswith(_UNTOLD, at):
        name = _longest_name(path, at + 1, data) if path[at] == "." and isinstance(data, Mapping) else None
        index = _INDEX.match(path, at) if isinstance(data, (list, tuple)) else None
        if name is not None:
            step: Step = name
            at += 1 + len(name)
        elif index is not None:
            step = int(index[1])
            at = index.end()
        else:
            rest = path[at:].partition(_UNTOLD)[0]
            return steps + [name or int(number) for name, number in _PLAIN_STEP.findall(rest)]
        data = data[step]
        steps.append(step)
    return steps


def _longest_name(path: str, at: int, data: Mapping[Any, Any]) -> str | None:
    """Return the longest key of the data that stands at this place of a path."""
    keys = (key for key in data if isinstance(key, str) and path.startswith(key, at))
    return max((key for key in keys if path[at + len(key) :][:1] in ("", ".", "[")), key=len, default=None)


def steps_of_location(location: Iterable[Step], data: Any = UNKNOWN, *, is_missing: bool = False) -> list[Step]:
    """Return the steps of a location of pydantic's in the data that it is about, where its last step may be missing.

    Its other steps are pydantic's own: the member of a union that was tried, or "[key]".

    >>> steps_of_location(("pet", "Cat", "name"), {"pet": {}}, is_missing=True)
    ['pet', 'name']
    """
    location = list(location)
    if data is UNKNOWN:
        return location
    steps: list[Step] = []
    for number, step in enumerate(location):
        if isinstance(data, Mapping):
            is_there = step in data
        else:
            is_there = isinstance(data, (list, tuple)) and isinstance(step, int) and step < len(data)
        if is_there:
            data = data[step]
        if is_there or (is_missing and number == len(location) - 1):
            steps.append(step)
    return steps
