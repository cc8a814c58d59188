"""Positions of errors in data, as JSON pointers (RFC 6901), from the errors of msgspec and pydantic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

__all__ = ["UNKNOWN", "Step", "json_pointer", "steps_of_location", "steps_of_path"]

Step = str | int
UNKNOWN: Any = object()
"""Unknown data: a callable of the user passed it to a library."""

_PLAIN_STEP = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]")
_INDEX = re.compile(r"\[([0-9]+)\]")
_UNTOLD = "[...]"
"""The placeholder of msgspec for the key of a mapping."""
_LONGEST = 1000


def json_pointer(steps: Iterable[object]) -> str:
    """Return a JSON pointer as a URI fragment (RFC 6901, section 6), of at most 1,000 characters.

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
    """Return the steps of a path from msgspec in the data.

    A name can contain dots and brackets, so the longest name in the data is used.

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
    """Return the longest key of the data at this position of a path."""
    keys = (key for key in data if isinstance(key, str) and path.startswith(key, at))
    return max((key for key in keys if path[at + len(key) :][:1] in ("", ".", "[")), key=len, default=None)


def steps_of_location(location: Iterable[Step], data: Any = UNKNOWN, *, is_missing: bool = False) -> list[Step]:
    """Return the steps of a location from pydantic in the data. Its last step can be missing there.

    pydantic adds other steps: the member of a union that was tried, or "[key]".

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
