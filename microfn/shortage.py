"""Failures of the machine itself: its disk, its memory, or the number of its open files."""

from __future__ import annotations

import errno

__all__ = ["is_shortage"]

_SHORTAGES = frozenset(
    (
        errno.EDQUOT,
        errno.EFBIG,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EROFS,
    )
)


def is_shortage(error: BaseException) -> bool:
    """Return True if this machine is short of something. Then the client is not at fault, and files may exist.

    >>> is_shortage(OSError(errno.EMFILE, "Too many open files")), is_shortage(FileNotFoundError())
    (True, False)
    """
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _SHORTAGES)
