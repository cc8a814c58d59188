"""Bodies that are JSON, and not what a route asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from werkzeug.exceptions import HTTPException, UnprocessableEntity

__all__ = ["InvalidBody", "checked"]

# msgspec: "Expected `int`, got `str` - at `$.users[0].age`".
_MSGSPEC_PLACE = re.compile(r"(.*) - at `(?:key` in `)?\$(.*)`", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]")


class InvalidBody(UnprocessableEntity):
    """A body that the `valid` of its route refused (RFC 9110, section 15.5.21).

    `errors` says what is wrong, and where by a JSON pointer (RFC 6901): `[{"detail": "...", "pointer": "#/users/0"}]`.
    The place is what pydantic's and msgspec's errors tell, or the `path` of one of your own: a name, or a list of them.
    """

    is_accident = False
    """Whether it was raised by code that did not expect such data, or is wrong itself."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        told = [one["detail"] if one["pointer"] == "#" else f"{one['pointer']}: {one['detail']}" for one in errors]
        super().__init__("; ".join(told))
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
            return [{"detail": str(one["msg"]), "pointer": _pointer(one["loc"])} for one in listed()]
    found = _MSGSPEC_PLACE.fullmatch(str(error))
    if found:
        known = found[2].partition("[...]")[0]  # the key of a mapping, which is not told
        steps = [name or number for name, number in _STEP.findall(known)]
        return [{"detail": found[1], "pointer": _pointer(steps)}]
    if _is_accident(error):  # whose message is about the inside
        return [{"detail": "This is not what is expected here.", "pointer": "#"}]
    path = getattr(error, "path", ())
    steps = list(path) if isinstance(path, Iterable) and not isinstance(path, str) else [path]
    is_known = all(isinstance(step, (str, int)) for step in steps) and not isinstance(path, bytes)
    return [{"detail": str(error), "pointer": _pointer(steps if is_known else ())}]


def _is_accident(error: Exception) -> bool:
    return type(error).__module__ == "builtins" and type(error) is not ValueError


def _pointer(steps: Iterable[object]) -> str:
    """A JSON pointer as the fragment of a URI (RFC 6901, section 6)."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return "#" + "".join("/" + quote(step, safe="!$&'()*+,;=:@?", errors="surrogatepass") for step in escaped)
