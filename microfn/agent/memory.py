"""Sizes of memory, and how much of it there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["MIB", "check_memory", "size_of", "total"]

MIB = 1024 * 1024
_SIZE = re.compile(r"([0-9]{1,9})([KMGT])(?:i?B)?")
_UNITS = {"K": 1024, "M": MIB, "G": 1024 * MIB, "T": 1024 * 1024 * MIB}
_UNLIMITED = 1 << 60


def size_of(text: object, name: str = "a size") -> int:
    """Return a size in bytes, given as an int or as a text such as "512M" or "2G" (powers of 1024).

    >>> size_of("2G") // MIB
    2048

    Raises ValueError or TypeError if it is no size.
    """
    if isinstance(text, str):
        found = _SIZE.fullmatch(text)
        if found is None:
            raise ValueError(f'{name} must be a number of bytes or a text like "512M" or "2G", got {text!r:.40}')
        text = int(found[1]) * _UNITS[found[2]]
    if isinstance(text, bool) or not isinstance(text, int):
        raise TypeError(f'{name} must be a number of bytes or a text like "512M" or "2G", got {text!r:.40}')
    if text < MIB:
        raise ValueError(f'{name} must be {MIB} bytes or more, got {text}; did you mean "{max(text, 1)}M"?')
    return text


def check_memory(memory: object, name: str = "memory") -> int:
    """Return the memory of a function in MiB, from a number or a text like "64M". Raises TypeError or ValueError."""
    if isinstance(memory, str):
        if not _SIZE.fullmatch(memory):
            raise ValueError(f'{name} must be a number of MiB or a text like "64M", got {memory!r:.40}')
        return size_of(memory, name) // MIB
    if isinstance(memory, bool) or not isinstance(memory, int):
        raise TypeError(f'{name} must be a number of MiB or a text like "64M", got {memory!r:.40}')
    if not 1 <= memory <= _UNLIMITED // MIB:
        raise ValueError(f"{name} must be between 1 and {_UNLIMITED // MIB} MiB, got {memory}")
    return memory


def total(root: Path = Path("/")) -> int:
    """Return the bytes that processes like this one can have: the least that the machine and its control groups leave.

    Linux has them in files below `root`. Raises RuntimeError elsewhere, which asks for the number.
    """
    known = list(_limits(root))
    with suppress(OSError):
        lines = (root / "proc/meminfo").read_text("ascii").splitlines()
        known += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    if not known:
        raise RuntimeError('this platform does not tell how much memory there is; say it: Agent(ram="2G")')
    return min(known)


def _limits(root: Path) -> Iterator[int]:
    """Yield the limits of the control groups of this process and of all groups around them, of version 1 and 2."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text("utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            top = root / ("sys/fs/cgroup/memory" if controllers else "sys/fs/cgroup")
            name = "memory.limit_in_bytes" if controllers else "memory.max"
            group = top / path.lstrip("/")
            groups = [group, *group.parents]
            for one in groups[: groups.index(top) + 1]:
                with suppress(OSError, ValueError):
                    limit = int((one / name).read_text("ascii"))
                    if limit < _UNLIMITED:
                        yield limit
