"""Decorators above the one that registers a route. The route does not use them."""

from __future__ import annotations

import ast
import functools
from collections.abc import Sequence
from types import FunctionType
from typing import NamedTuple

from ..routing.route import Route, short_name
from .bindings import Bindings, reachable

__all__ = ["Unused", "unused_decorators"]


class Unused(NamedTuple):
    """A route that does not use decorators of its function."""

    text: str
    is_certain: bool
    """True if the mistake is certain: the name is a function that calls the handle, and no route uses it."""


def unused_decorators(routes: Sequence[Route], bindings: Bindings) -> list[Unused]:
    """Find routes whose handle is the function below a decorator, instead of the object that it returned.

    The decorators must be in the source, and the name of the function must refer to another object that wraps it. So a
    decorator that returns the function itself, like those of routes, is not found.
    put around it. So no decorator is found that returns the function itself, as those of routes do.
    """
    places = {route.where for route in routes}
    served = {id(route.handle) for route in routes}
    decorators = functools.cache(_decorators)
    found: dict[tuple[str, int], Unused] = {}
    for route in routes:
        if route.where is None or route.where in found:
            continue
        file, line = route.where
        if line not in decorators(file):
            continue
        definition, number = decorators(file)[line]
        bound = bindings.of(file, definition.decorator_list[0].lineno, definition.name)
        if any(one is route.handle for one in bound):
            continue
        outer = next((one for one in bound if any(part is route.handle for part in reachable(one))), None)
        if outer is None:
            continue
        above = [
            one
            for one in definition.decorator_list[:number]
            if not any((file, line) in places for line in _lines(one)) and not _only_warns(one, outer)
        ]
        if not above:
            continue
        names = " and ".join(f"@{_name(one)} ({short_name(file)}:{one.lineno})" for one in above)
        own = _name(definition.decorator_list[number])
        text = f"{route} does not use {names}; move @{own} above, since a decorator applies to the function below it"
        found[route.where] = Unused(text, isinstance(outer, _FUNCTIONS) and id(outer) not in served)
    return list(found.values())


_FUNCTIONS = (FunctionType, functools.partial, type(functools.cache(len)))
"""An object of any other class can have other uses than requests, such as a task of a queue."""


def _decorators(file: str) -> dict[int, tuple[ast.FunctionDef, int]]:
    """Return the function of each line with a decorator, and the number of the decorator, from above."""
    try:
        with open(file, "rb") as stream:
            tree = ast.parse(stream.read())
    except (OSError, SyntaxError, ValueError, RecursionError):  # the source is missing, or has changed
        return {}
    return {
        line: (definition, number)
        for definition in ast.walk(tree)
        if isinstance(definition, ast.FunctionDef)
        for number, decorator in enumerate(definition.decorator_list)
        for line in _lines(decorator)
    }


def _only_warns(decorator: ast.expr, outer: object) -> bool:
    """Return True for `warnings.deprecated` (PEP 702), which is for readers and type checkers."""
    return hasattr(outer, "__deprecated__") and _name(decorator).rpartition(".")[2] == "deprecated"


def _lines(node: ast.expr) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _name(decorator: ast.expr) -> str:
    """Return the source of a decorator, without its arguments."""
    return ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)
