"""Load an application from the argument `module:name`."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from importlib import import_module
from inspect import signature
from types import FunctionType, ModuleType
from typing import Any

import click

from ..host_switch import HostSwitch
from ..router import Router
from ..routing.mount import Mount
from .app_name import NAMES, AppName, find, nothing_in

__all__ = [
    "failed",
    "imported",
    "layers",
    "load",
    "load_router",
    "router_in",
    "router_of",
    "routers_below",
    "routers_in",
]

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep


def load(given: str | None) -> tuple[str, Any]:
    """Return `module:name` and the application. Raises ClickException that describes the problem."""
    app = find(given)
    module = imported(app.module)
    names = [app.name] if app.name else [one for one in NAMES if hasattr(module, one)]
    if not names or not hasattr(module, names[0]):
        routers = [key for key, value in vars(module).items() if isinstance(value, Router)]
        raise nothing_in(app, routers, [key for key, value in vars(module).items() if callable(value)])
    application = getattr(module, names[0])
    if len(names) == 2 and application in layers(module.application):
        names, application = names[1:], module.application  # the application inside WSGI middleware
    app = app.named(names[0])
    if app.call is not None:
        application = _called(app, application)
    if not callable(application):
        raise click.ClickException(f"{app} must be an application, got {application!r:.200}.")
    if not _accepts(application, None, None):
        hint = _factory_hint(str(app), application)
        raise click.ClickException(
            f"{app} must accept environ and start_response, as WSGI applications do, "
            f"got {_shown(application)}{hint or '.'}"
        )
    return str(app), application


def imported(name: str) -> ModuleType:
    """Import a module from this directory or an installed one. Raise ClickException if that fails."""
    directory = os.getcwd()
    if directory not in sys.path:
        sys.path.insert(0, directory)
    try:
        return import_module(name)
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name and name.startswith(error.name):
            raise click.ClickException(
                f"There is no module {error.name!r} in {directory} or in the environment."
            ) from None
        raise failed(f"{name} cannot be imported") from None
    except (Exception, SystemExit):
        raise failed(f"{name} cannot be imported") from None


def _called(app: AppName, factory: Any) -> Any:
    """Return the result of a factory for the given arguments."""
    if not callable(factory):
        raise click.ClickException(f"{app.module}:{app.name} must be a factory, got {factory!r:.200}.")
    if not _accepts(factory, *app.arguments, **app.keywords):
        raise click.ClickException(f"The arguments must match {_shown(factory)}, got {app.call}.")
    try:
        return factory(*app.arguments, **app.keywords)
    except (Exception, SystemExit):
        raise failed(f"{app} cannot be called") from None


def _accepts(function: Any, *arguments: Any, **keywords: Any) -> bool:
    """Return True if a callable accepts these arguments, or if its signature is unknown."""
    try:
        accepted = signature(function)
    except (TypeError, ValueError):  # no signature, for example in C
        return True
    try:
        accepted.bind(*arguments, **keywords)
    except TypeError:
        return False
    return True


def _shown(function: Any) -> str:
    return f"{getattr(function, '__name__', type(function).__name__)}{signature(function)}"


def _factory_hint(name: str, application: object) -> str:
    """Return the call if the object is a factory."""
    is_meant = not name.endswith(")") and isinstance(application, (FunctionType, type)) and _accepts(application)
    return f"; did you mean '{name}()'?" if is_meant else ""


def load_router(given: str | None) -> tuple[str, Router]:
    """Return `module:name` and the Router of the application."""
    name, application = load(given)
    return name, router_in(name, application)


def router_in(name: str, application: object) -> Router:
    """Return the Router inside WSGI middleware, or the application itself. Raises ClickException if there is none."""
    found = next((layer for layer in layers(application) if isinstance(layer, Router)), None)
    if found is None:
        kind, hint = type(application).__name__, _factory_hint(name, application)
        raise click.ClickException(f"{name} must be a Router, got {kind}, whose routes are unknown{hint or '.'}")
    return found


def routers_in(router: Router) -> list[Router]:
    """Return a Router and the Routers mounted in it, even inside WSGI middleware or a HostSwitch, outermost first."""
    found = [router]
    for one in found:  # the list grows
        for mount in one.mounts:
            found += [new for new in _inside(mount.application) if new not in found]
    return found


def routers_below(router: Router, prefix: str = "", above: tuple[Router, ...] = ()) -> Iterator[tuple[str, Router]]:
    """Yield a Router and the Routers mounted in it, at any depth, each with the prefix of its paths."""
    yield prefix, router
    for mount in router.mounts:
        inner = router_of(mount)
        if inner is not None and inner not in (*above, router):
            yield from routers_below(inner, prefix + mount.prefix, (*above, router))


def router_of(mount: Mount) -> Router | None:
    """Return the mounted Router, even inside WSGI middleware, or None for other applications."""
    innermost = layers(mount.application)[-1]
    return innermost if isinstance(innermost, Router) else None


def _inside(application: object) -> list[Router]:
    innermost = layers(application)[-1]
    if isinstance(innermost, HostSwitch):
        hosts = [*innermost._applications.values(), innermost._default]
        return list(dict.fromkeys(router for host in hosts for router in _inside(host)))
    return [innermost] if isinstance(innermost, Router) else []


def layers(application: object) -> list[object]:
    """Return an application and the applications it wraps, outermost first. werkzeug's middleware has them as `app`."""
    found = [application]
    while not isinstance(found[-1], Router) and len(found) < 20 and callable(getattr(found[-1], "app", None)):
        found.append(found[-1].app)  # type: ignore[attr-defined]
    return found


def failed(what: str) -> click.ClickException:
    """Return an error with the traceback of the current exception, without the first frames of microfn."""
    lines = traceback.format_exc().splitlines()
    return click.ClickException(f"{what}:\n" + "\n".join(_own(lines)))


def _own(lines: list[str]) -> list[str]:
    """Return a traceback without the frames of microfn and importlib."""
    kept, skips = [lines[0]], False
    for line in lines[1:]:
        if line.startswith("  File "):
            skips = "importlib" in line or _PACKAGE in line
        elif not line.startswith(" "):
            skips = False
        if not skips:
            kept.append(line)
    return kept
