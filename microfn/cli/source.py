"""The name of an application, found in the source of its module without an import."""

from __future__ import annotations

import ast
import importlib
import os
import sys
import traceback
from importlib.machinery import ModuleSpec, PathFinder

import click

from .app_name import NAMES, AppName, nothing_in

__all__ = ["resolve"]


def resolve(app: AppName) -> AppName:
    """Return the completed and checked name of an application. Raises `click.ClickException` if there is none.

    The import of an application can need secrets or a database, which the machine that writes its configuration lacks.
    Names that a module binds by other means than statements, as `from x import *`, are accepted.
    """
    names = _Names.of(app.module)
    if app.name:
        if app.name in names.bound or names.is_open:
            return app
        raise nothing_in(app, names.routers(), names.bound)
    found = [name for name in NAMES if name in names.bound]
    if len(found) == 2 and "app" in names.used_by.get("application", ()):
        found = found[1:]  # the application inside WSGI middleware
    if not found and not names.is_open:
        raise nothing_in(app, names.routers(), names.bound)
    return app.named(found[0] if found else NAMES[0])


class _Names(ast.NodeVisitor):
    """The names that a module binds at its import."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.used_by: dict[str, set[str]] = {}
        """The names in the value of a name."""
        self.is_open = False
        """True if the module can have other names."""

    @classmethod
    def of(cls, module: str) -> _Names:
        """Read a module. Raises `click.ClickException` if it does not exist, or is not valid Python."""
        names, spec = cls(), _spec_of(module)
        try:
            source = spec.loader.get_source(spec.name)  # type: ignore[union-attr]
            if source is None:
                names.is_open = True
            else:
                names.visit(ast.parse(source, spec.origin or module))
        except (AttributeError, ImportError):  # a directory, or an unreadable file
            names.is_open = spec.loader is not None
        except (SyntaxError, ValueError, RecursionError) as error:
            shown = "".join(traceback.format_exception_only(error)).rstrip()
            raise click.ClickException(f"{module} cannot be read:\n{shown}") from None
        return names

    def routers(self) -> list[str]:
        """Return the names whose values use Router."""
        return [name for name, used in self.used_by.items() if "Router" in used]

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.bound.add(node.id)
        self.is_open |= node.id in ("globals", "vars", "locals", "exec", "setattr")

    def visit_Assign(self, node: ast.Assign) -> None:
        self._bind(node.targets, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._bind([node.target], node.value)

    def _bind(self, targets: list[ast.expr], value: ast.expr) -> None:
        used = {one.id for one in ast.walk(value) if isinstance(one, ast.Name)}
        for target in targets:
            if isinstance(target, ast.Name):
                self.used_by[target.id] = used
            self.visit(target)
        self.visit(value)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.bound.add(node.name)
        self.is_open |= node.name == "__getattr__"
        for one in ast.walk(node):
            if isinstance(one, ast.Global):  # a call binds it
                self.bound.update(one.names)
            self.is_open |= isinstance(one, ast.Name) and one.id == "globals"

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef  # noqa: N815 - ast's

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """Skip the target, which is local to the comprehension."""
        self.visit(node.iter)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Skip lambdas, which don't bind names of the module."""

    def visit_alias(self, node: ast.alias) -> None:
        self.is_open |= node.name == "*"
        self.bound.add(node.asname or node.name.partition(".")[0])


def _spec_of(module: str) -> ModuleSpec:
    """Find a module without importing the packages around it. Raises `click.ClickException` if it does not exist."""
    importlib.invalidate_caches()
    directory = os.getcwd()
    first, *parts = module.split(".")
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]
    spec = next(filter(None, (finder.find_spec(first, [directory, *sys.path]) for finder in finders)), None)
    for part in parts:
        # By its last name only, since the full name would import the packages around it.
        spec = PathFinder.find_spec(part, list(spec.submodule_search_locations or ())) if spec else None
    if spec is None:
        raise click.ClickException(f"There is no module {module!r} in {directory} or in the environment.")
    return spec
