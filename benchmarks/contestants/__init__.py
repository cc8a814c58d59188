"""The same applications on each framework, written as its own documentation does it: a module for each.

Every module has functions that build an application. `small` has five routes, `github` the 203 of github.py, and
`everyday` one route for each plain row of everyday.py; rows that need middleware or options have applications of their
own. The module `bare` has hand-written WSGI functions instead, each for just one row: a practical lower bound.

A framework is imported when the first of its applications is built, so the tests need none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

MODULES = {"plain": "microfn", "middleware": "microfn", "Response": "microfn", "wheezy.web": "wheezy"}
"""The module of a contestant whose name is not that of its module."""


@cache
def build(contestant: str, builder: str) -> Application:
    """Return the application that `builder` makes, a function of the contestant's module; always the same one."""
    module = import_module(f"{__name__}.{MODULES.get(contestant, contestant)}")
    application: Application = getattr(module, builder)()
    return application
