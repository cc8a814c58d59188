"""Regular files below a directory, opened so that no link leads outside, even if files move."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO
from typing import NamedTuple

from .shortage import is_shortage

__all__ = ["Directory", "File", "opened"]

# Only some systems have each flag.
_READ = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
_ENTER = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_DIRECTORY", "O_PATH"))


class File(NamedTuple):
    """An open regular file, with its real path and its status."""

    content: FileIO
    path: str
    status: os.stat_result


class Directory:
    """A directory, by its real path. Raises ValueError if it does not exist.

    Files are opened step by step, each from an open directory and without following links. Checking the path before
    would not suffice, since a link can replace a directory between the check and the opening.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(path)
        if not os.path.isdir(self.path):
            raise ValueError(f"directory must be an existing directory, got {path!r}")
        self._prefix = os.path.join(self.path, "")
        self._identity = _identity(os.stat(self.path))

    def open(self, path: str) -> File | None:
        """Open a regular file at this absolute path, if there is one. Links are followed if they stay inside.

        Raises OSError if this machine is short of something, such as descriptors. The file may exist then.
        """
        try:
            try:
                return self._open(path)
            except FileNotFoundError:
                return None
            except OSError as error:  # PERF: links are rare, so paths are resolved only if one is possible.
                if is_shortage(error):
                    raise
                # This check is first, since realpath checks each segment of a path, even ten thousand missing ones.
                return self._open(os.path.realpath(path)) if stat.S_ISREG(os.stat(path).st_mode) else None
        except (OSError, ValueError) as error:
            if is_shortage(error):
                raise
            return None

    def _open(self, path: str) -> File:
        """Open a file at its real path. Raises OSError if the path contains a link."""
        if not path.startswith(self._prefix):
            raise OSError(errno.EXDEV, "the file is not below the directory")
        if os.open not in os.supports_dir_fd:
            return opened(_open_by_path(path), path)
        *parents, name = path[len(self._prefix) :].split("/")
        directory = _enter(self._enter(), parents)
        try:
            # Opening a device or a pipe can have side effects.
            if not stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
                raise OSError(errno.ELOOP, "it is not a regular file")
            return opened(os.open(name, _READ, dir_fd=directory), path)
        finally:
            os.close(directory)

    def _enter(self) -> int:
        """Open the directory itself. If it has been replaced, refuse links here too."""
        directory = os.open(self.path, _ENTER)
        if _identity(os.fstat(directory)) != self._identity:
            os.close(directory)
            directory = _enter(os.open("/", _ENTER), [name for name in self.path.split("/") if name])
            self._identity = _identity(os.fstat(directory))
        return directory


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _enter(directory: int, names: list[str]) -> int:
    """Open the directory at the end of these steps, and close the first one."""
    try:
        for name in names:
            above, directory = directory, os.open(name, _ENTER, dir_fd=directory)
            os.close(above)
    except BaseException:
        os.close(directory)
        raise
    return directory


def _open_by_path(path: str) -> int:
    """Open a file by its path, for systems without descriptors of directories like Windows. Compare it afterwards."""
    descriptor = os.open(path, _READ)
    try:
        if os.path.realpath(path) != path or not os.path.samestat(os.lstat(path), os.fstat(descriptor)):
            raise OSError(errno.ELOOP, "the path has a symbolic link")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def opened(descriptor: int, path: str) -> File:
    """Return the file of a descriptor. Raises OSError if another object replaced it just before it was opened."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ELOOP, "it is not a regular file")
        return File(FileIO(descriptor), path, status)
    except BaseException:
        os.close(descriptor)
        raise
