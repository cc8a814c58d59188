"""`abort`, which responds with an error from anywhere in a handle."""

from __future__ import annotations

from typing import Any, NoReturn

from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import abort as werkzeug_abort
from werkzeug.wrappers import Response

__all__ = ["abort"]


def abort(status: int | Response, *args: Any, **options: Any) -> NoReturn:
    """Respond with an error: raise werkzeug's exception for a status, or an exception with a response.

    The exception gets the other arguments: a description, which the client sees, and options such as `retry_after=`
    of 429. RFC 9110, sections 15.5 and 15.6, defines the statuses.

    >>> from microfn import Router, abort
    >>> app = Router()
    >>> app.handle("GET", "/", lambda request, params: abort(404, "There is no such note."))
    >>> app.test_client().get("/").json["detail"]
    'There is no such note.'

    Raises an HTTPException. Raises LookupError if werkzeug has no error with this status, and TypeError if the other
    arguments are invalid.
    """
    if not isinstance(status, (int, Response)):
        raise TypeError(f"status must be an int or a Response, got {status!r:.200}")
    try:
        werkzeug_abort(status, *args, **options)
    except HTTPException as error:
        reason = None if isinstance(status, Response) else _trouble_with(error)
        if reason is None:
            raise
    except LookupError:
        raise LookupError(f"status must be the status of an error that werkzeug knows, got {status!r}") from None
    except TypeError as error:
        reason = f"arguments of abort must be a status and a description, got {_written(args, options)}: {error}"
    raise TypeError(reason)


def _trouble_with(error: HTTPException) -> str | None:
    """Return the reason if the arguments of an exception are invalid, or None."""
    description, response = error.description, error.response
    if isinstance(description, (dict, list, tuple, set, bytes)):
        hint = "return (value, status) sends JSON"
        return f"description must be a str, got {type(description).__name__}: {description!r:.200}; {hint}"
    if response is not None and not callable(response):
        return f"response must be a Response, got {response!r:.200}"
    # The first argument of these exceptions is not a description.
    for name, expected in ("valid_methods", "a list of methods"), ("length", "a number of bytes"):
        value = getattr(error, name, None)
        if isinstance(value, (str, dict)):
            hint = f"did you mean abort({error.code}, description=...)?"
            return f"{name} must be {expected}, got {value!r:.200}; {hint}"
    return None


def _written(args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Return the arguments as the source of a call."""
    given = [*map(repr, args), *(f"{name}={value!r}" for name, value in options.items())]
    return ", ".join(given)[:200]
