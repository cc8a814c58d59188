"""`abort`: an error as the answer, from wherever in a handle."""

from __future__ import annotations

from typing import Any, NoReturn

from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import abort as werkzeug_abort
from werkzeug.wrappers import Response

__all__ = ["abort"]


def abort(status: int | Response, *args: Any, **options: Any) -> NoReturn:
    """Answer with an error: raise werkzeug's exception for a status, or one that carries a response.

    The exception takes the rest: a description, which the client is told, and options such as
    `retry_after=` of 429. RFC 9110, sections 15.5 and 15.6, has the statuses.

    >>> from microfn import Router, abort
    >>> app = Router()
    >>> app.handle("GET", "/", lambda request, params: abort(404, "There is no such note."))
    >>> app.test_client().get("/").json["detail"]
    'There is no such note.'

    Raises an HTTPException; LookupError if the status is no error's; TypeError if what follows it is unfit.
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
    """The reason why an exception cannot have been meant so; None if it can."""
    description, response = error.description, error.response
    if isinstance(description, (dict, list, tuple, set, bytes)):
        hint = "return (value, status) sends JSON"
        return f"description must be a str, got {type(description).__name__}: {description!r:.200}; {hint}"
    if response is not None and not callable(response):
        return f"response must be a Response, got {response!r:.200}"
    # The first argument of these is no description.
    for name, expected in ("valid_methods", "a list of methods"), ("length", "a number of bytes"):
        value = getattr(error, name, None)
        if isinstance(value, (str, dict)):
            hint = f"did you mean abort({error.code}, description=...)?"
            return f"{name} must be {expected}, got {value!r:.200}; {hint}"
    return None


def _written(args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Arguments as they were written in a call."""
    given = [*map(repr, args), *(f"{name}={value!r}" for name, value in options.items())]
    return ", ".join(given)[:200]
