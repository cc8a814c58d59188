"""Messages for unsupported results, with hints for values that other frameworks accept."""

from __future__ import annotations

from ..errors import name_of

__all__ = ["describe_unsupported", "hint_for_value"]


def describe_unsupported(body: object, origin: object) -> str:
    """Return the message for an unsupported result of `origin`."""
    if body is None:
        return f'{name_of(origin)} returned None; did you forget to return? (An empty response is "", 204)'
    hint = hint_for_value(body)
    if hint is not None:
        return f"{name_of(origin)} must return a response, got {type(body).__name__}; {hint}"
    return (
        f"{name_of(origin)} must return a response, got {type(body).__name__}; return str, bytes, dict, list, a "
        "dataclass, an iterator of str or bytes, a Response, any WSGI application, or a tuple (body, status[, headers])"
    )


def hint_for_value(body: object) -> str | None:
    """Return a hint for a value that other frameworks accept, or None."""
    kind = type(body)
    if hasattr(kind, "__await__") or hasattr(kind, "__anext__"):
        return "WSGI is synchronous: use `def`, without `async` and `await`"
    if hasattr(kind, "model_dump"):
        return 'did you mean .model_dump(mode="json")?'
    if hasattr(kind, "__struct_fields__"):
        return "did you mean msgspec.to_builtins(...)?"
    return None
