"""Tokens that all processes of a host share: a lock on a file is a token, and goes with the process that has it."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress

from ...fork import register_fork_reset
from ..errors import Busy, TooLarge

__all__ = ["MachineLimiter", "MachineToken"]

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class MachineToken:
    """Locked files. Giving it back twice gives back once."""

    __slots__ = ("_limiter", "count", "files")

    def __init__(self, limiter: MachineLimiter, files: list[int]) -> None:
        self._limiter = limiter
        self.files = files
        self.count = len(files)

    def release(self) -> None:
        """Let others have it."""
        files, self.files = self.files, []
        self._limiter.close_files(files)


class MachineLimiter:
    """So many files in a directory, which all processes have to name alike.

    Nobody is in turn: who waits tries again after 2 to 50 ms. Raises OSError where the directory cannot be used, and
    RuntimeError where the platform has no `flock`.
    """

    def __init__(self, total: int, directory: str, name: str = "token") -> None:
        try:
            import fcntl  # noqa: PLC0415 - Windows has none
        except ImportError:
            raise RuntimeError("tokens of a host are locks on files, and this platform has no flock") from None
        self._lock, self._mode = fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB
        if not os.path.isdir(directory):
            raise FileNotFoundError(errno.ENOENT, "the directory that processes share is not there", str(directory))
        self.total = total
        self._names = [os.path.join(directory, f"{name}-{number}") for number in range(total)]
        self._held: set[int] = set()
        for path in self._names:
            os.close(os.open(path, _FLAGS, 0o600))
        register_fork_reset(self)

    def acquire(self, count: int, until: float) -> MachineToken:
        """Take so many, and wait for them until then, a time of `time.monotonic()`.

        Raises `TooLarge` where there are never so many, `Busy` where the time came first.
        """
        if count > self.total:
            raise TooLarge(f"The call takes {count} tokens, and the host has {self.total}.")
        pause = _FIRST_PAUSE
        while True:
            files = self._try(count)
            if files:
                return MachineToken(self, files)
            left = until - time.monotonic()
            if left <= 0:
                raise Busy("All places of this host are taken.")
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _try(self, count: int) -> list[int]:
        """So many files that were not locked, or none at all: who waits holds nothing."""
        files: list[int] = []
        first = time.monotonic_ns() % self.total  # not all begin with the same, which would be locked most often
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
        """Close files, which unlocks them; those that a child inherited are its parent's."""
        for file in files:
            if file in self._held:
                self._held.discard(file)
                os.close(file)

    def reset_after_fork(self) -> None:
        """In a child: close what the parent has locked, or its lock would last as long as the child."""
        held, self._held = self._held, set()
        for file in held:
            with suppress(OSError):
                os.close(file)
