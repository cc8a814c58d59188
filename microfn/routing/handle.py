"""Checks of handles and middleware, the callables that answer requests."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from ..errors import InvalidHandle

__all__ = ["HANDLE_CALL", "Handle", "Middleware", "check_handle", "check_middleware", "check_middlewares", "wrap"]

Handle = Callable[[Any, Any], Any]
"""Called as `handle(request, params)`. The layers above know the types, which routing does not need."""
Middleware = Callable[[Handle], Handle]
"""Accepts a handle and returns the handle that replaces it."""

HANDLE_CALL = "handle(request, params)"

_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_IS_ASYNC = "it is an async function, and WSGI is synchronous; write `def`"


def check_handle(handle: object, called: str = HANDLE_CALL, count: int = 2) -> None:
    """Refuse an object that is not callable as `called` with `count` arguments, or that is asynchronous.

    Reads the code object, since `inspect.signature` costs 5 µs per route. Raises `InvalidHandle`.
    """
    if not callable(handle):
        raise InvalidHandle(handle, f"it must be callable as {called}")
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
        raise InvalidHandle(handle, f"it must be callable as {called}, got {_signature(handle)}")


def check_middleware(middleware: object) -> None:
    """Refuse an object that is not callable with a handle. Raises `InvalidHandle`."""
    try:
        check_handle(middleware, "middleware(handle)", 1)
    except InvalidHandle as error:
        hint = ""
        if isinstance(middleware, (list, tuple)):
            hint = "; pass them to use as separate arguments"
        elif callable(middleware) and _accepts_nothing(middleware):
            hint = f"; did you mean to call it, {getattr(middleware, '__name__', 'it')}(...)?"
        elif callable(middleware):
            hint = "; a middleware takes a handle and returns a handle, which takes (request, params)"
        raise InvalidHandle(middleware, error.reason + hint, "a middleware") from None


def _accepts_nothing(function: Callable[..., Any]) -> bool:
    """Return True for a factory: a callable without required arguments."""
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        return False
    return True


def check_middlewares(name: str, middlewares: object) -> tuple[Middleware, ...]:
    """Return a list of middleware as a tuple; None is an empty list. `name` is the option for messages."""
    if middlewares is None:
        return ()
    if not isinstance(middlewares, Iterable):
        raise TypeError(f"{name} must be a list of middleware, got {middlewares!r}; did you mean {name}=[...]?")
    listed = tuple(middlewares)
    for middleware in listed:
        check_middleware(middleware)
    return listed


def wrap(handle: Handle, middleware: Middleware) -> Handle:
    """Apply a middleware to a handle. Raises `InvalidHandle` if the result is not a handle."""
    wrapped = middleware(handle)
    if wrapped is None:
        raise InvalidHandle(middleware, "it returned None; did you forget to return the handle?", "a middleware")
    try:
        check_handle(wrapped)
    except InvalidHandle as error:
        name = getattr(middleware, "__name__", "it")
        reason = f"its result cannot be a handle: {error.reason}; did you mean to call it, {name}(...)?"
        raise InvalidHandle(middleware, reason, "a middleware") from None
    return wrapped


def _check_by_signature(handle: Callable[..., Any], called: str, count: int) -> None:
    """Check callable objects, partials, classes and builtins, which have no code object."""
    function = handle.func if isinstance(handle, partial) else type(handle).__call__
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise InvalidHandle(handle, _IS_ASYNC)
    try:
        inspect.signature(handle).bind(*[None] * count)
    except TypeError as error:
        raise InvalidHandle(handle, f"it must be callable as {called}: {error}") from None
    except ValueError:
        return  # a builtin without a signature


def _signature(handle: Callable[..., Any]) -> str:
    return f"{getattr(handle, '__name__', handle)}{inspect.signature(handle)}"
