"""The processes of this machine, from Linux's `/proc`."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple


class Found(NamedTuple):
    """A process. If it has ended but its parent has not waited for it, it is a zombie."""

    pid: int
    parent: int
    is_zombie: bool
    command: bytes


def processes() -> list[Found]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with suppress(OSError):
                data = _read(int(name), "stat")
                state, parent = data[data.rindex(b")") + 2 :].split()[:2]
                found.append(Found(int(name), int(parent), state == b"Z", _read(int(name), "cmdline")))
    return found


def living(pids: Collection[int]) -> list[Found]:
    """Return the processes with these ids that still run."""
    return [process for process in processes() if process.pid in pids and not process.is_zombie]


def descriptors(pid: int) -> int:
    """Return the number of files that a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident(pid: int) -> int:
    """Return the bytes of a process's memory that are in RAM."""
    return int(_read(pid, "statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def marked(*marks: str) -> list[Found]:
    """Return the processes that have one of these marks in their command or as an environment variable."""
    wanted = [mark.encode("ascii") for mark in marks]
    found = []
    for process in processes():
        with suppress(OSError):
            variables = _read(process.pid, "environ").split(b"\0")
            if any(mark in process.command or mark in variables for mark in wanted):
                found.append(process)
    return found


def _read(pid: int, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()
