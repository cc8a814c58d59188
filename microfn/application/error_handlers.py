"""The lookup of the error handler for an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from werkzeug.exceptions import HTTPException

from ..http.problems import internal_error
from ..routing.handle import Handle

__all__ = ["ErrorHandlers", "Match"]

Key = int | type[Exception]


class Match(NamedTuple):
    """The handler of an error, its argument, and True if it was registered for exactly this kind of exception."""

    handler: Handle
    error: Exception
    is_foreseen: bool


class ErrorHandlers:
    """The registered error handlers of a scope; the most specific one responds to an error.

    Keys are classes of exceptions and statuses. A class also covers its subclasses, and a status covers every
    HTTPException with this status. A class below HTTPException is more specific than the status, and the status is more
    specific than HTTPException. Only these keys match an HTTPException, even if it has other bases (BadRequestKeyError
    is a KeyError).

    `around` are the handlers of the outer scope, which are tried afterwards.
    """

    def __init__(self, handlers: Mapping[Key, Handle], around: ErrorHandlers | None = None) -> None:
        self.layers: list[Mapping[Key, Handle]] = [handlers, *(around.layers if around else ())]

    def find(self, error: Exception, tried: Sequence[Handle] = ()) -> Match | None:
        """Return the handler of an error unless it was tried. A handler of 500 gets an InternalServerError."""
        keys = _keys_of(error)
        for handlers in self.layers:
            for key in keys:
                handler = handlers.get(key)
                if handler is not None and handler not in tried:
                    return Match(handler, error, key is not Exception)
        if isinstance(error, HTTPException):
            return None
        match = self.find(internal_error(error), tried)
        return match and match._replace(is_foreseen=False)


def _keys_of(error: Exception) -> Sequence[Any]:
    """Return the classes and statuses that match this error, most specific first."""
    classes = type(error).__mro__
    if not isinstance(error, HTTPException):
        return classes  # PERF: without a filter, since no handler can be registered for another base
    # Without Exception: the handler of unexpected errors must not get an HTTPException, which is raised on purpose.
    own = classes[: classes.index(HTTPException)]
    return [*own, *([error.code] if error.code is not None else []), HTTPException]
