"""Load an application from `module:name`, as a user typed it."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from typing import Any

import click

from ..arguments import nearest
from ..router import Router

__all__ = ["APP", "find", "layers", "load", "load_router", "router_in"]

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_FILES = ("app.py", "wsgi.py", "passenger_wsgi.py")
_NAMES = ("app", "application")

APP = click.argument("app", required=False, metavar="[APP]")
"""The argument of every command that works with an application."""


def find(given: str | None) -> str:
    """`module:name`, of what was typed or of what is in this directory. Raises UsageError where there is nothing."""
    if given is None:
        file = next((file for file in _FILES if os.path.isfile(file)), None)
        if file is None:
            raise click.UsageError(f"there is no {', '.join(_FILES)} here; say which: microfn COMMAND module:name")
        return file.removesuffix(".py")
    module = given.partition(":")[0]
    if module.endswith(".py") or os.sep in module:
        meant = given.replace(".py", "", 1).replace(os.sep, ".").lstrip(".")
        raise click.UsageError(f"{given!r} is a file; a module is meant: {meant!r}")
    if not module:
        raise click.UsageError(f"{given!r} names no module; APP is module:name")
    return given


def load(given: str | None) -> tuple[str, Any]:
    """The application that was typed or found, and `module:name`. Raises ClickException that says what is wrong."""
    module_name, _, name = find(given).partition(":")
    directory = os.getcwd()
    if directory not in sys.path:
        sys.path.insert(0, directory)
    try:
        module = import_module(module_name)
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name and module_name.startswith(error.name):
            raise click.ClickException(f"there is no module {error.name!r} in {directory} or installed") from None
        raise _failed(module_name) from None
    except (Exception, SystemExit):
        raise _failed(module_name) from None
    names = [name] if name else [one for one in _NAMES if hasattr(module, one)]
    if not names or not hasattr(module, names[0].removesuffix("()")):
        raise click.ClickException(_nothing_in(module, name))
    application = getattr(module, names[0].removesuffix("()"))
    if len(names) == 2 and application in layers(module.application):
        names, application = names[1:], module.application  # the same with WSGI middleware around it
    if names[0].endswith("()"):
        application = application()
    if not callable(application):
        raise click.ClickException(f"{module_name}:{names[0]} is no application but {application!r:.200}")
    return f"{module_name}:{names[0]}", application


def load_router(given: str | None) -> tuple[str, Router]:
    """The same for commands that look into a Router."""
    name, application = load(given)
    return name, router_in(name, application)


def router_in(name: str, application: object) -> Router:
    """The Router that an application is, or that WSGI middleware has been put around. Raises ClickException."""
    found = next((layer for layer in layers(application) if isinstance(layer, Router)), None)
    if found is None:
        raise click.ClickException(f"{name} is no Router but a {type(application).__name__}, which shows no routes")
    return found


def layers(application: object) -> list[object]:
    """An application and what it is put around, the outermost first: werkzeug's middleware calls that `app`."""
    found = [application]
    while not isinstance(found[-1], Router) and len(found) < 20 and callable(getattr(found[-1], "app", None)):
        found.append(found[-1].app)  # type: ignore[attr-defined]
    return found


def _nothing_in(module: Any, name: str) -> str:
    routers = [key for key, value in vars(module).items() if isinstance(value, Router)]
    wanted = f"{name!r}" if name else " or ".join(map(repr, _NAMES))
    near = nearest(name, routers) or (routers[0] if routers else None)
    hint = f"; did you mean {module.__name__}:{near}?" if near else ""
    return f"there is no {wanted} in {module.__name__}{hint}"


def _failed(module: str) -> click.ClickException:
    """What importing the module raised, from its own first line on."""
    lines = traceback.format_exc().splitlines()
    return click.ClickException(f"{module} cannot be imported:\n" + "\n".join(_own(lines)))


def _own(lines: list[str]) -> list[str]:
    """A traceback without the frames of microfn and of importlib."""
    kept, skips = [lines[0]], False
    for line in lines[1:]:
        if line.startswith("  File "):
            skips = "importlib" in line or _PACKAGE in line
        elif not line.startswith(" "):
            skips = False
        if not skips:
            kept.append(line)
    return kept
