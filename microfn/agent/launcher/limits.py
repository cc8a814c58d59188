"""Resource limits of a process that is started."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["at_most", "set_hard", "set_soft"]

ROOM = 4 * 1024 * 1024
"""Bytes of addresses that this process may need while it starts another one."""
_PAGE = resource.getpagesize()
_HARD = {what: resource.getrlimit(what)[1] for what in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE)}


def set_soft(what: int, most: int) -> None:
    """Set a soft limit of this process, no higher than its hard limit."""
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY and not 0 <= most <= hard:
        most = hard
    resource.setrlimit(what, (most, hard))


@contextmanager
def at_most(addresses: int | None, descriptors: int) -> Iterator[None]:
    """Lower this process's soft limits, so that a process it starts has them from its first moment.

    They are no lower than this process needs itself. The new process may be faster than `set_hard`.
    """
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if addresses is not None:
        set_soft(resource.RLIMIT_AS, max(addresses, _own_addresses() + ROOM))
    set_soft(resource.RLIMIT_NOFILE, descriptors)
    try:
        yield
    finally:
        if addresses is not None:
            set_soft(resource.RLIMIT_AS, resource.RLIM_INFINITY)
        set_soft(resource.RLIMIT_NOFILE, files)


def set_hard(pid: int, addresses: int | None, descriptors: int) -> None:
    """Set the limits of a process and of all processes that it starts, so that it cannot raise them."""
    for what, most in ((resource.RLIMIT_AS, addresses), (resource.RLIMIT_NOFILE, descriptors)):
        if most is None:
            continue
        least = most if _HARD[what] == resource.RLIM_INFINITY else min(most, _HARD[what])
        with suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, what, (least, least))


def _own_addresses() -> int:
    with open("/proc/self/statm", "rb", buffering=0) as file:
        return int(file.read(64).split()[0]) * _PAGE
