"""A program: a command, its environment and its directory."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..interpreter import interpreter
from .texts import check_text

__all__ = ["Program", "check_program", "handle_name", "handle_program"]

# With `-m`, Python would import first from the directory that it runs in, where others may write. `sys` is built in.
_WORKER = "import sys; sys.path[:] = filter(None, sys.path); from microfn.agent.{} import main; main(sys.argv[1])"

DONE = 86
"""The exit code of a worker whose handle has answered to the end, which `os._exit(0)` in a handle has not."""


class Program(NamedTuple):
    """A command that can be run. `env` is the environment, but for the variables of each call.

    `done` is its exit code if it has answered to the end.
    """

    argv: list[str]
    cwd: str
    env: dict[str, str]
    done: int = 0


def check_program(
    argv: Sequence[str], *, cwd: str | os.PathLike[str] | None = None, env: Mapping[str, str] | None = None
) -> Program:
    """Return the program, with an absolute path. Raises TypeError and ValueError if it cannot be run."""
    if cwd is not None and not isinstance(cwd, (str, os.PathLike)):
        raise TypeError(f"cwd must be a path, got {cwd!r}")
    directory = os.path.abspath(check_text("cwd", os.fspath(cwd or ".")))
    if not os.path.isdir(directory):
        raise ValueError(f"cwd must be a directory, got {cwd!r}")
    if env is not None and not isinstance(env, Mapping):
        raise TypeError(f"env must be a mapping of strings, got {env!r:.200}")
    checked = _check_argv(argv, directory)
    return Program(
        checked, directory, {_check_name(name): check_text("env", value) for name, value in (env or {}).items()}
    )


def handle_name(handle: Callable[..., Any]) -> str:
    """Return `module:qualname` of a handle. Raises ValueError if another process could not import it by that name."""
    module, name = getattr(handle, "__module__", ""), getattr(handle, "__qualname__", "")
    found: Any = sys.modules.get(module) if module != "__main__" else None
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not handle:
        where = "is in the program itself" if module == "__main__" else "has no name at the top of a module"
        raise ValueError(f"function must be importable by another process, got {handle!r:.200}, which {where}")
    return f"{module}:{name}"


def handle_program(
    name: str,
    *,
    worker: str = "worker",
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> Program:
    """Return the program that runs the handle of this name. `worker` is a module of `microfn.agent`.

    Raises the errors of `check_program`.
    """
    # A module that is imported here has to be found there.
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    if env is not None and not isinstance(env, Mapping):
        raise TypeError(f"env must be a mapping of strings, got {env!r:.200}")
    program = check_program(
        [interpreter(), "-c", _WORKER.format(worker), name], cwd=cwd, env={"PYTHONPATH": path, **(env or {})}
    )
    return program._replace(done=DONE)


def _check_argv(argv: Sequence[str], cwd: str) -> list[str]:
    if isinstance(argv, (str, bytes)) or not isinstance(argv, Sequence):
        raise TypeError(f"function must be a list of strings or a handle(request, params), got {argv!r:.200}")
    if not argv:
        raise ValueError("function must name a program, got an empty list")
    program, *rest = (check_text("function", text) for text in argv)
    found = shutil.which(program if os.path.dirname(program) == "" else os.path.join(cwd, program))
    if found is None:
        is_there = os.path.isfile(os.path.join(cwd, program))
        hint = f"; this file may not be executed (chmod +x {program})" if is_there else ""
        raise ValueError(f"function must name a program that can be run, got {program!r:.200}{hint}")
    return [os.path.abspath(found), *rest]


def _check_name(name: object) -> str:
    text = check_text("env", name)
    if not text or "=" in text:
        raise ValueError(f"env must have names without '=' that are not empty, got {text!r}")
    if text.startswith("HTTP_"):
        raise ValueError(f"env must have no name of a header, such as {text}: CGI gives these to clients")
    return text
