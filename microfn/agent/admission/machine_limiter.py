"""Tokens that all processes of a machine share: each is a lock on a file, which ends with its process."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress

from ...fork import register_fork_reset
from ..errors import Busy, TooLarge
from .limiter import Limiter

__all__ = ["MachineLimiter", "MachineToken"]

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05
_FULL = "All places of this host are taken."
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class MachineToken:
    """Locked files. Releasing them twice releases them once."""

    __slots__ = ("_limiter", "count", "files")

    def __init__(self, limiter: MachineLimiter, files: list[int]) -> None:
        self._limiter = limiter
        self.files = files
        self.count = len(files)

    def release(self) -> None:
        """Give them to other calls, and other processes."""
        files, self.files = self.files, []
        self._limiter.close_files(files)


class MachineLimiter:
    """So many files in a directory, which all processes have to name alike; `name` begins their names.

    Calls of one process wait in the order in which they came, and only the first of them tries again, after 2 to 50 ms.
    Processes have no order among each other.

    Raises OSError if the directory cannot be used, PermissionError if other users may write in it, and RuntimeError if
    the platform has no `flock`.
    """

    def __init__(self, total: int, directory: str, name: str = "token") -> None:
        try:
            import fcntl  # noqa: PLC0415 - Windows has none
        except ImportError:
            raise RuntimeError("tokens of a host are locks on files, and this platform has no flock") from None
        self._lock, self._mode = fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB
        _check_directory(directory)
        self.total = total
        self._names = [os.path.join(directory, f"{name}-{number}") for number in range(total)]
        self._held: set[int] = set()
        self._line = Limiter(1)
        self._reclaimers: list[Callable[[], object]] = []
        for path in self._names:
            os.close(os.open(path, _FLAGS, 0o600))
        register_fork_reset(self)

    def reclaim_with(self, reclaimer: Callable[[], object]) -> None:
        """Call this again and again while a call waits: it releases tokens that are no longer used."""
        self._reclaimers.append(reclaimer)

    def acquire(self, count: int, until: float) -> MachineToken:
        """Acquire so many tokens, and wait for them until then, a time of `time.monotonic()`.

        Raises `TooLarge` if there are never so many, `Busy` if the time came first.
        """
        if count > self.total:
            raise TooLarge(f"The call takes {count} tokens, and the host has {self.total}.")
        try:
            turn = self._line.acquire(1, until)
        except Busy:
            raise Busy(_FULL) from None
        try:
            return MachineToken(self, self._wait(count, until))
        finally:
            turn.release()

    def _wait(self, count: int, until: float) -> list[int]:
        pause = _FIRST_PAUSE
        while not (files := self._try(count)):
            for reclaimer in self._reclaimers:
                reclaimer()
            left = until - time.monotonic()
            if left <= 0:
                raise Busy(_FULL)
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)
        return files

    def _try(self, count: int) -> list[int]:
        """Return so many files that were not locked, or none at all: a call that waits holds nothing."""
        files: list[int] = []
        first = time.monotonic_ns() % self.total  # else the first would be locked most often
        try:
            for name in self._names[first:] + self._names[:first]:
                file = os.open(name, _FLAGS, 0o600)
                self._held.add(file)
                files.append(file)
                try:
                    self._lock(file, self._mode)
                except BlockingIOError:
                    self.close_files([files.pop()])
                    continue
                if len(files) == count:
                    return files
        except BaseException as error:
            self.close_files(files)
            if getattr(error, "errno", 0) in (errno.EMFILE, errno.ENFILE):  # there is room when others have ended
                return []
            raise
        self.close_files(files)
        return []

    def close_files(self, files: list[int]) -> None:
        """Close files, which unlocks them. A forked child leaves those of its parent alone."""
        for file in files:
            if file in self._held:
                self._held.discard(file)
                os.close(file)

    def reset_after_fork(self) -> None:
        """In a child: close the parent's files, or their locks would last as long as the child."""
        held, self._held = self._held, set()
        for file in held:
            with suppress(OSError):
                os.close(file)


def _check_directory(directory: str) -> None:
    """Raise OSError if the directory is not there, or other users could lock or remove its files."""
    status = os.stat(directory)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "directory must be a directory", str(directory))
    if status.st_uid not in (os.geteuid(), 0):
        raise PermissionError(errno.EACCES, "directory must belong to this user or to root", str(directory))
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(status.st_mode)
        reason = f"directory must be writable by its owner alone (chmod 700), got mode {mode:o}"
        raise PermissionError(errno.EACCES, reason, str(directory))
