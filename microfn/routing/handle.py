"""What is registered to answer requests: handles, and the middleware around them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from ..errors import InvalidHandle

__all__ = ["HANDLE_CALL", "Handle", "Middleware", "check_handle", "check_middleware", "check_middlewares", "wrap"]

Handle = Callable[[Any, Any], Any]
"""Called as `handle(request, params)`. The types are those of the layers above, which nothing here needs."""
Middleware = Callable[[Handle], Handle]
"""Takes a handle and returns the handle that is called in its place."""

HANDLE_CALL = "handle(request, params)"

_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_IS_ASYNC = "it is an async function, and WSGI is synchronous; write `def`"


def check_handle(handle: object, called: str = HANDLE_CALL, count: int = 2) -> None:
    """Refuse what could not be `called` so, with two arguments, or would answer with a coroutine.

    Looks at the code object, since `inspect.signature` costs 5 µs a route. Raises `InvalidHandle`.
    """
    if not callable(handle):
        raise InvalidHandle(handle, f"it is not callable; it is called as {called}")
    function, bound = handle, 0
    if isinstance(function, MethodType):
        function, bound = function.__func__, 1
    if not isinstance(function, FunctionType):
        _check_by_signature(handle, called, count)
        return
    code = function.__code__
    if code.co_flags & _ASYNC:
        raise InvalidHandle(handle, _IS_ASYNC)
    accepted = code.co_argcount - bound
    required = accepted - len(function.__defaults__ or ())
    if code.co_flags & inspect.CO_VARARGS:
        accepted = max(accepted, count)
    if not required <= count <= accepted or code.co_kwonlyargcount > len(function.__kwdefaults__ or ()):
        raise InvalidHandle(handle, f"it is called as {called}, but is {_signature(handle)}")


def check_middleware(middleware: object) -> None:
    """Refuse what could not be called with a handle. Raises `InvalidHandle`."""
    try:
        check_handle(middleware, "middleware(handle)", 1)
    except InvalidHandle as error:
        hint = ""
        if isinstance(middleware, (list, tuple)):
            hint = "; use takes them one by one"
        elif callable(middleware):
            hint = f"; did you mean what it returns, {getattr(middleware, '__name__', 'it')}(...)?"
        raise InvalidHandle(middleware, error.reason + hint, "a middleware") from None


def check_middlewares(name: str, middlewares: object) -> tuple[Middleware, ...]:
    """A list of middleware, checked; None is none. `name` is what the list was given as."""
    if middlewares is None:
        return ()
    if not isinstance(middlewares, Iterable):
        raise TypeError(f"{name} is a list of middleware, not {middlewares!r}; write {name}=[...]")
    listed = tuple(middlewares)
    for middleware in listed:
        check_middleware(middleware)
    return listed


def wrap(handle: Handle, middleware: Middleware) -> Handle:
    """The handle that a middleware makes of another. Raises `InvalidHandle` where it makes none."""
    wrapped = middleware(handle)
    if wrapped is None:
        raise InvalidHandle(middleware, "it returned None; did you forget to return the handle?", "a middleware")
    try:
        check_handle(wrapped)
    except InvalidHandle as error:
        name = getattr(middleware, "__name__", "it")
        reason = f"what it returned cannot be a handle: {error.reason}; did you mean what it returns, {name}(...)?"
        raise InvalidHandle(middleware, reason, "a middleware") from None
    return wrapped


def _check_by_signature(handle: Callable[..., Any], called: str, count: int) -> None:
    """The slow way, for callable objects, partials, classes and builtins."""
    function = handle.func if isinstance(handle, partial) else type(handle).__call__
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise InvalidHandle(handle, _IS_ASYNC)
    try:
        inspect.signature(handle).bind(*[None] * count)
    except TypeError as error:
        raise InvalidHandle(handle, f"it is called as {called}: {error}") from None
    except ValueError:
        return  # a builtin that tells nothing of its parameters


def _signature(handle: Callable[..., Any]) -> str:
    return f"{getattr(handle, '__name__', handle)}{inspect.signature(handle)}"
