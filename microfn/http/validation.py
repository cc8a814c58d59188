"""Bodies that are JSON, and not what a route asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import Any
from urllib.parse import quote

from werkzeug.exceptions import HTTPException, UnprocessableEntity

__all__ = ["InvalidBody", "checked"]

# msgspec: "Expected `int`, got `str` - at `$.users[0].age`".
_MSGSPEC_PLACE = re.compile(r"(?:key` in `)?\$(.*)`", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]")
_MOST_ERRORS = 100
_LONGEST_TEXT = 1000


class InvalidBody(UnprocessableEntity):
    """A body that the `valid` of its route refused (RFC 9110, section 15.5.21).

    `errors` says what is wrong, and where by a JSON pointer (RFC 6901): `[{"detail": "...", "pointer": "#/users/0"}]`.
    The place is what pydantic's and msgspec's errors tell, or the `path` of one of your own: a name, or a list of them.

    There are 100 at most, else one that tells how many; a detail has 1,000 characters at most, and so has a pointer,
    which ends with the last step that fits. Clients would choose how long the answer is.
    """

    is_accident = False
    """Whether it was raised by code that did not expect such data, or is wrong itself."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        lines = [("" if error["pointer"] == "#" else f"{error['pointer']}: ") + error["detail"] for error in errors]
        super().__init__("; ".join(lines))
        self.errors = errors
        self.members = {"errors": errors}


def checked(valid: Callable[[Any], Any], data: Any) -> Any:
    """What `valid` makes of the data. Raises `InvalidBody` for what it raises; an HTTPException is an answer itself."""
    try:
        return valid(data)
    except HTTPException:
        raise
    except Exception as error:
        invalid = InvalidBody(_errors_of(error))
        invalid.is_accident = _is_accident(error)
        raise invalid from error


def _errors_of(error: Exception) -> list[dict[str, str]]:
    listed = getattr(error, "errors", None)
    if callable(listed):  # pydantic
        with suppress(Exception):
            return _listed(error, listed)
    text, _, place = str(error).rpartition(" - at `")
    match = _MSGSPEC_PLACE.fullmatch(place)
    if match:
        known = match[1].partition("[...]")[0]  # the key of a mapping, which is not told
        steps = [name or number for name, number in _STEP.findall(known)]
        return [_error_of(text, steps)]
    if _is_accident(error):  # whose message is about the inside
        return [_error_of("This is not what is expected here.")]
    path = getattr(error, "path", ())
    steps = list(path) if isinstance(path, Iterable) and not isinstance(path, str) else [path]
    is_known = all(isinstance(step, (str, int)) for step in steps) and not isinstance(path, bytes)
    return [_error_of(str(error), steps if is_known else ())]


def _listed(error: Any, listed: Callable[[], Iterable[Any]]) -> list[dict[str, str]]:
    count = error.error_count() if hasattr(error, "error_count") else 0
    if count > _MOST_ERRORS:  # to have them listed would take more memory than a machine has
        return [_error_of(f"There are {count} errors, too many to be told.")]
    return [_error_of(str(error["msg"]), error["loc"]) for error in islice(listed(), _MOST_ERRORS)]


def _error_of(detail: str, steps: Iterable[object] = ()) -> dict[str, str]:
    return {"detail": detail[:_LONGEST_TEXT], "pointer": _pointer(steps)}


def _is_accident(error: Exception) -> bool:
    return type(error).__module__ == "builtins" and type(error) is not ValueError


def _pointer(steps: Iterable[object]) -> str:
    """A JSON pointer as the fragment of a URI (RFC 6901, section 6)."""
    pointer = "#"
    for step in steps:
        text = str(step)[:_LONGEST_TEXT].replace("~", "~0").replace("/", "~1")
        longer = pointer + "/" + quote(text, safe="!$&'()*+,;=:@?", errors="surrogatepass")
        if len(longer) > _LONGEST_TEXT:
            break
        pointer = longer
    return pointer
