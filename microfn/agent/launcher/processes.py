"""Read the processes of this machine from `/proc` (Linux: proc(5))."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

__all__ = ["Seen", "descendants", "environ_of", "memory_of", "seen"]

_PF_EXITING = 4
_PAGE = resource.getpagesize()


class Seen(NamedTuple):
    """A process, as it was a moment ago; `bytes` is its resident memory.

    `is_exiting` is true of a process that is dying or dead: nothing of it can be killed any more.
    """

    parent: int
    session: int
    threads: int
    bytes: int
    is_exiting: bool = False


def seen() -> dict[int, Seen]:
    """Return all processes of this machine, by id."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with suppress(OSError, ValueError), open(f"/proc/{name}/stat", "rb", buffering=0) as file:
                data = file.read(4096)
                fields = data[data.rindex(b")") + 2 :].split()
                found[int(name)] = Seen(
                    int(fields[1]),
                    int(fields[3]),
                    int(fields[17]),
                    int(fields[21]) * _PAGE,
                    fields[0] in b"ZX" or bool(int(fields[6]) & _PF_EXITING),
                )
    return found


def descendants(ancestor: int, found: Mapping[int, Seen]) -> Iterator[int]:
    """Yield the processes that descend from one, each after its parent."""
    children: dict[int, list[int]] = {}
    for pid, process in found.items():
        children.setdefault(process.parent, []).append(pid)
    todo = children.pop(ancestor, [])
    while todo:  # Processes that were seen at different moments might form a circle, so each is visited once.
        pid = todo.pop()
        yield pid
        todo += children.pop(pid, [])


def memory_of(pid: int) -> int:
    """Return the resident bytes of a process; memory that several share is divided by their number."""
    with suppress(OSError), open(f"/proc/{pid}/smaps_rollup", "rb") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(b"Pss:"))
    return 0


def environ_of(pid: int) -> list[bytes]:
    """Return the lines of a process's environment; none if it is gone, dead, or another user's."""
    with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        return file.read().split(b"\0")
    return []
