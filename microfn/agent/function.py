"""A function: a program that answers one call and ends, with all that is the same for each of its calls."""

from __future__ import annotations

import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from ..arguments import check_number, check_seconds
from .errors import Failed
from .interpreter import interpreter
from .memory import check_memory

__all__ = ["LONGEST_TEXT", "LONGEST_TIMEOUT", "Function", "Protocol", "command_of"]

Protocol = Literal["plain", "cgi"]

# Nothing is imported from the directory that it runs in, which may hold what others have put there; with `-m` that is
# where Python looks first. `sys` is built in.
_CHILD = "import sys; sys.path[:] = filter(None, sys.path); from microfn.agent.child import main; main(sys.argv[1])"
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
LONGEST_TIMEOUT = 1_000_000
"""Seconds: what a system call can wait, and half of it."""
LONGEST_TEXT = 128 * 1024 - 1
"""Bytes of one argument or variable (Linux: `MAX_ARG_STRLEN`)."""


class Function:
    """A program and its limits; `Agent.cold` tells what they mean. All is checked when it is made."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        memory: int | str,
        timeout: float,
        protocol: Protocol,
        content_type: str,
        env: Mapping[str, str] | None,
        cwd: str | os.PathLike[str] | None,
        output: int,
        log: int,
        processes: int,
        descriptors: int,
    ) -> None:
        if cwd is not None and not isinstance(cwd, (str, os.PathLike)):
            raise TypeError(f"cwd is a path, not {cwd!r}")
        self.cwd = os.path.abspath(_checked_text("cwd", os.fspath(cwd or ".")))
        if not os.path.isdir(self.cwd):
            raise ValueError(f"cwd is a directory, and {cwd!r} is none")
        if env is not None and not isinstance(env, Mapping):
            raise TypeError(f"env is a mapping of texts, not {env!r:.200}")
        self.argv = _checked_argv(argv, self.cwd)
        self.memory = check_memory(memory)
        self.timeout = check_seconds("timeout", timeout, LONGEST_TIMEOUT)
        if protocol not in ("plain", "cgi"):
            raise ValueError(f'protocol is "plain" or "cgi", not {protocol!r}')
        self.protocol = protocol
        self.content_type = _checked_type(content_type)
        self.env = {_checked_name(name): _checked_text("env", value) for name, value in (env or {}).items()}
        self.output = check_number("output", output)
        self.log = check_number("log", log)
        self.processes = check_number("processes", processes)
        self.descriptors = check_number("descriptors", descriptors)
        self._starts = _Starts()

    def __repr__(self) -> str:
        return f"<Function {ascii(' '.join(self.argv))[1:-1]:.300}>"

    def check_start(self) -> None:
        """Raise `Failed` where it could not be started a moment ago: it is not tried again at once."""
        if time.monotonic() < self._starts.not_before:
            raise Failed("The function cannot be started.")

    def started(self, is_well: bool) -> None:
        """Whether it could be started: the more often not, the later it is tried again."""
        self._starts.note(is_well)


class _Starts:
    """When a function may be started again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pause = 0.0
        self.not_before = 0.0

    def note(self, is_well: bool) -> None:
        if is_well and not self._pause:
            return
        with self._lock:
            self._pause = 0.0 if is_well else min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * self._pause))
            self.not_before = time.monotonic() + self._pause


def command_of(handle: Callable[..., Any]) -> list[str]:
    """The command that runs a handle in a process of its own. Raises ValueError where another could not import it."""
    module, name = getattr(handle, "__module__", ""), getattr(handle, "__qualname__", "")
    found: Any = sys.modules.get(module) if module != "__main__" else None
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not handle:
        where = "it is in the program itself" if module == "__main__" else "it has no name at the top of a module"
        raise ValueError(f"{handle!r:.200} cannot be imported by another process: {where}")
    return [interpreter(), "-c", _CHILD, f"{module}:{name}"]


def _checked_argv(argv: Sequence[str], cwd: str) -> list[str]:
    if isinstance(argv, (str, bytes)) or not isinstance(argv, Sequence):
        raise TypeError(f"a function is a list of texts or a handle(request, params), not {argv!r:.200}")
    if not argv:
        raise ValueError("argv is a list of texts, the first of them names the program; it is empty")
    program, *rest = (_checked_text("argv", text) for text in argv)
    found = shutil.which(program if os.path.dirname(program) == "" else os.path.join(cwd, program))
    if found is None:
        is_there = os.path.isfile(os.path.join(cwd, program))
        hint = f"; the file is there, and may not be executed (chmod +x {program})" if is_there else ""
        raise ValueError(f"there is no program {program!r:.200} that can be run{hint}")
    return [os.path.abspath(found), *rest]


def _checked_text(name: str, text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{name} holds texts, not {text!r:.200}")
    if "\0" in text:
        raise ValueError(f"{name} holds a text with a NUL, which no process can be given: {text!r:.200}")
    try:
        size = len(os.fsencode(text))
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds a text that no process can be given: {text!r:.200}") from None
    if size > LONGEST_TEXT:
        raise ValueError(f"{name} holds a text of more than {LONGEST_TEXT} bytes, which no process can be given")
    return text


def _checked_type(text: object) -> str:
    if not isinstance(text, str) or not re.fullmatch("[ -~]+", text):
        raise ValueError(f"content_type is a text that a header can hold, not {text!r:.200}")
    return text


def _checked_name(name: object) -> str:
    text = _checked_text("env", name)
    if not text or "=" in text:
        raise ValueError(f"env has the name {text!r}, and a name is not empty and holds no '='")
    return text
