"""The name of an application: `module`, `module:name`, or `module:factory(...)` with constants, as for gunicorn."""

from __future__ import annotations

import ast
import os
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import click

from ..arguments import nearest

__all__ = ["APP", "NAMES", "AppName", "find", "nothing_in"]

_FILES = ("app.py", "wsgi.py", "passenger_wsgi.py")
NAMES = ("app", "application")
"""The default names of applications."""
_FACTORIES = ("create_app", "make_app", "create_application", "make_application", "create", "make")

APP = click.argument("app", required=False, metavar="[APP]")
"""The argument of all commands for an application."""


@dataclass(frozen=True)
class AppName:
    """A module, the name of an application or of its factory in it, and the arguments of the factory.

    >>> str(AppName.parse("shop:create('prod', debug=True)"))
    "shop:create('prod', debug=True)"
    """

    module: str
    name: str = ""
    """Empty if it must be found."""
    call: str | None = None
    """The call of a factory as source; None if `name` is the application itself."""
    arguments: tuple[Any, ...] = ()
    keywords: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.module}:{self.call or self.name}" if self.name else self.module

    def named(self, name: str) -> AppName:
        """Return a copy with the name of the application."""
        return replace(self, name=name)

    @property
    def has_arguments(self) -> bool:
        """True if the call of a factory has arguments."""
        return bool(self.arguments or self.keywords)

    def refuse_arguments(self, server: str) -> None:
        """Raise `click.UsageError` if there are arguments, which some servers cannot pass to a factory."""
        if self.has_arguments:
            hint = f"write application = {self.call} into a module and pass its name"
            raise click.UsageError(f"APP must be a factory without arguments for {server}, got {self}; {hint}.")

    @classmethod
    def parse(cls, given: str) -> AppName:
        """Parse an argument. Raises `click.UsageError`."""
        module, _, text = given.partition(":")
        if module.endswith(".py") or os.sep in module:
            meant = given.replace(".py", "", 1).replace(os.sep, ".").lstrip(".")
            raise click.UsageError(f"APP must be a module, got the file {given!r}; did you mean {meant!r}?")
        if not module:
            raise click.UsageError(f"APP must be module:name, got {given!r}.")
        if not text:
            return cls(module)
        match _expression(text):
            case ast.Name(id=name):
                return cls(module, name)
            case ast.Call(func=ast.Name(id=name)) as call:
                return cls(module, name, ast.unparse(call), *_constants(call))
        raise click.UsageError(f"APP must be module:name or module:factory(...) with constants, got {given!r:.200}.")


def _expression(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # ValueError: a null byte; the last: nesting
        return None


def _constants(call: ast.Call) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call. Raises `click.UsageError` if they are not constants."""
    try:
        arguments = tuple(ast.literal_eval(argument) for argument in call.args)
        keywords = {one.arg: ast.literal_eval(one.value) for one in call.keywords if one.arg}
    except (ValueError, TypeError):  # TypeError for an unhashable key
        raise click.UsageError(f"The arguments of a factory must be constants, got {ast.unparse(call):.200}.") from None
    if len(keywords) != len(call.keywords):  # a duplicate, or **{...}, which gunicorn refuses too
        raise click.UsageError(f"The keywords of a factory must be different names, got {ast.unparse(call):.200}.")
    return arguments, keywords


def find(given: str | None) -> AppName:
    """Return the given application, or the module of this directory. Raises `click.UsageError` if there is none."""
    if given is not None:
        return AppName.parse(given)
    file = next((file for file in _FILES if os.path.isfile(file)), None)
    if file is None:
        raise click.UsageError(
            f"There is no {', '.join(_FILES[:-1])} or {_FILES[-1]} in this directory; pass the application, "
            f"such as shop:app for app in shop.py."
        )
    return AppName(file.removesuffix(".py"))


def nothing_in(app: AppName, routers: Sequence[str], names: Container[str]) -> click.ClickException:
    """Return the error for a module without the application. `routers` are the Routers among its `names`."""
    known = [*routers, *(f"{name}()" for name in _FACTORIES if name in names)]
    wanted = repr(app.name) if app.name else " or ".join(map(repr, NAMES))
    near = nearest(app.name, known) or next(iter(known), None)
    meant = f"{app.module}:{near}"
    hint = f"; did you mean {repr(meant) if meant.endswith(')') else meant}?" if near else ""
    return click.ClickException(f"There is no {wanted} in {app.module}{hint or '.'}")
