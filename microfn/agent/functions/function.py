"""A function: a program that answers calls, and the options that are the same for all of them."""

from __future__ import annotations

import re
import threading
import time
from typing import Literal

from ...arguments import check_seconds
from ..errors import Failed
from ..limits import Limits
from .program import Program

__all__ = ["LONGEST_TIMEOUT", "Function", "Protocol"]

Protocol = Literal["plain", "cgi"]

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
LONGEST_TIMEOUT = 1_000_000
"""Seconds: half of the longest time that a system call can wait."""


class Function:
    """A program that answers calls, with their limits and their timeout in seconds; it is counted by its name.

    `protocol` and `content_type` say how its output is read. `Agent.cold` explains the options.
    """

    def __init__(
        self,
        name: str,
        program: Program,
        limits: Limits,
        *,
        timeout: float,
        protocol: Protocol = "plain",
        content_type: str = "text/plain; charset=utf-8",
    ) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name must be a str, got {name!r:.200}")
        if not name.isprintable() or not name.strip():
            raise ValueError(f"name must be printable and not empty, got {name!r:.200}")
        self.name = name
        self.program = program
        self.limits = limits
        self.timeout = check_seconds("timeout", timeout, LONGEST_TIMEOUT)
        if protocol not in ("plain", "cgi"):
            raise ValueError(f'protocol must be "plain" or "cgi", got {protocol!r}')
        self.protocol = protocol
        if not isinstance(content_type, str) or not re.fullmatch("[ -~]+", content_type):
            raise ValueError(f"content_type must be a string that a header can hold, got {content_type!r:.200}")
        self.content_type = content_type
        self._starts = _Starts()

    def __repr__(self) -> str:
        return f"<Function {ascii(' '.join(self.program.argv))[1:-1]:.300}>"

    def check_start(self) -> None:
        """Raise `Failed` if its last start failed a moment ago: it is not started again at once."""
        if time.monotonic() < self._starts.not_before:
            raise Failed("The function cannot be started.")

    def started(self, is_well: bool) -> None:
        """Note whether it could be started: the pause after a failed start grows with each of them."""
        self._starts.note(is_well)


class _Starts:
    """The time from which a function may be started again."""

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
