"""Errors in the data of clients."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from traceback import walk_tb
from typing import Any, Literal

from werkzeug.exceptions import UnprocessableEntity

from .places import UNKNOWN, json_pointer, steps_of_location, steps_of_path

__all__ = ["InvalidData", "Source", "refusal_for"]

# msgspec: "Expected `int`, got `str` - at `$.users[0].age`".
_MSGSPEC_PLACE = re.compile(r"(?:key` in `)?\$(.*)`", re.DOTALL)
_MOST_ERRORS = 100
_LONGEST_TEXT = 1000
_UNEXPECTED = "The value is not as expected."

Steps = str | int | Iterable[str | int]
"""The position of an error in data: a name or an index, or a list of them."""
Source = Literal["body", "query"]
"""The part of a request that contains the data."""


class InvalidData(UnprocessableEntity):
    """Invalid data of a client, which a route answers with 422 (RFC 9110, section 15.5.21).

    Raise it in your own `valid` or `query`. The client sees its text, and `path` is the position of the error. Pass a
    list for several errors. Of all other exceptions, only those of pydantic and msgspec have their messages sent.

    `errors` is a list of dicts: `detail`, the message, `in`, which is "body" or "query", and `pointer`, a JSON pointer
    (RFC 6901). The list has at most 100 items, else a single one with the number of errors. A detail has at most 1,000
    characters, and a pointer ends with the last step that fits into 1,000. Otherwise clients control the size.

    >>> InvalidData("Too young.", path=["users", 0, "age"]).errors
    [{'detail': 'Too young.', 'in': 'body', 'pointer': '#/users/0/age'}]

    Raises TypeError if `errors` is neither a str nor a list of dicts with a `detail`.
    """

    is_accident = False
    """True if the code did not expect such data, or has a bug."""
    _unplaced: Sequence[dict[str, str]] = ()
    """Errors that don't have "in" yet."""

    def __init__(self, errors: str | Iterable[Mapping[str, str]], *, path: Steps = ()) -> None:
        if isinstance(errors, str):
            steps = [path] if isinstance(path, (str, int)) else path
            self.errors = [_error_of(errors, steps)]
            self._unplaced = self.errors
        else:
            self.errors, self._unplaced = _checked_errors(errors)
        lines = [
            ("" if error["pointer"] == "#" else f"{error['pointer']}: ") + error["detail"] for error in self.errors
        ]
        super().__init__("; ".join(lines))
        self.members = {"errors": self.errors}

    def _locate(self, source: Source) -> None:
        """Set the part of the request in errors that don't have it."""
        for error in self._unplaced:
            error["in"] = source


def refusal_for(error: Exception, source: Source, data: Any = UNKNOWN) -> InvalidData:
    """Return the error for an exception of a check; `data` is the checked data, if known."""
    invalid = InvalidData(_errors_of(error, data))
    invalid._unplaced = invalid.errors
    invalid._locate(source)
    is_hidden = bool(_library_of(error)) and any(one["detail"] == _UNEXPECTED for one in invalid.errors)
    invalid.is_accident = is_hidden or not isinstance(error, ValueError)
    return invalid


def _errors_of(error: Exception, data: Any) -> list[dict[str, str]]:
    """Return the part of an exception that is safe for clients. Other messages can reveal internals."""
    library = _library_of(error)
    if library == "msgspec":
        return [_msgspec_error(error, data)]
    if library:
        with suppress(Exception):
            return _pydantic_errors(error, data)
    return [_error_of(_UNEXPECTED)]


def _library_of(error: Exception) -> str:
    """Return the library whose `ValidationError` this is, or ""."""
    roots = [cls.__module__.partition(".")[0] for cls in type(error).__mro__ if cls.__name__ == "ValidationError"]
    return next((root for root in roots if root in ("msgspec", "pydantic", "pydantic_core")), "")


def _is_for_clients(cause: BaseException | None) -> bool:
    """Return True if an error of a user's validator, inside pydantic or msgspec, is a message for clients.

    Both libraries wrap ValueErrors, and msgspec wraps TypeErrors. The standard library raises these too, so the module
    that raised the error decides.
    """
    if cause is None:
        return True
    kind = type(cause)
    if kind not in (ValueError, AssertionError) and _is_of_python(kind.__module__):
        return False
    frames = [frame for frame, _ in walk_tb(cause.__traceback__)]
    return not frames or not _is_of_python(frames[-1].f_globals.get("__name__", ""))


def _is_of_python(module: str) -> bool:
    """Return True if a module belongs to the standard library."""
    return module.partition(".")[0] in sys.stdlib_module_names


def _msgspec_error(error: Exception, data: Any) -> dict[str, str]:
    text, _, place = str(error).rpartition(" - at `")
    match = _MSGSPEC_PLACE.fullmatch(place)
    if not match:
        text = str(error)
    if not _is_for_clients(error.__cause__):
        text = _UNEXPECTED
    return _error_of(text, steps_of_path(match[1], data) if match else ())


def _pydantic_errors(error: Any, data: Any) -> list[dict[str, str]]:
    count = error.error_count() if hasattr(error, "error_count") else 0
    if count > _MOST_ERRORS:  # a list of all could need more memory than a machine has
        return [_error_of(f"There are {count} errors, too many to list.")]
    found = []
    for one in islice(error.errors(), _MOST_ERRORS):
        cause = one.get("ctx", {}).get("error")
        is_shown = not isinstance(cause, Exception) or _is_for_clients(cause)
        steps = steps_of_location(one["loc"], data, is_missing=one.get("type") == "missing")
        found.append(_error_of(str(one["msg"]) if is_shown else _UNEXPECTED, steps))
    return found


def _checked_errors(errors: Any) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Return several complete errors, and those of them without "in"."""
    listed = list(errors) if isinstance(errors, Iterable) else [errors]
    for error in listed:
        if not isinstance(error, Mapping) or not isinstance(error.get("detail"), str):
            raise TypeError(f"errors must be a str or a list of dicts with a detail, got {errors!r:.200}")
    if len(listed) > _MOST_ERRORS:
        listed = [{"detail": f"There are {len(listed)} errors, too many to list."}]
    checked = [{**_error_of(error["detail"]), **error, "detail": error["detail"][:_LONGEST_TEXT]} for error in listed]
    return checked, [error for error, given in zip(checked, listed, strict=True) if "in" not in given]


def _error_of(detail: str, steps: Iterable[object] = ()) -> dict[str, str]:
    return {"detail": detail[:_LONGEST_TEXT], "in": "body", "pointer": json_pointer(steps)}
