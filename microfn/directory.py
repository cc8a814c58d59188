"""Regular files below a directory, opened so that no link leads out, whatever moves meanwhile."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO
from typing import NamedTuple

from .shortage import is_shortage

__all__ = ["Directory", "File", "opened"]

# Each system has its own flags.
_READ = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
_ENTER = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_DIRECTORY", "O_PATH"))


class File(NamedTuple):
    """A regular file that is open, its real path, and its status at that time."""

    content: FileIO
    path: str
    status: os.stat_result


class Directory:
    """A directory by its real path. Raises ValueError if there is none.

    Files are opened step by step, each from an open directory and none through a link. A check of the path before
    would not do: a directory in it may be replaced by a link between the check and the opening.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(path)
        if not os.path.isdir(self.path):
            raise ValueError(f"directory must be an existing directory, got {path!r}")
        self._prefix = os.path.join(self.path, "")
        self._identity = _identity(os.stat(self.path))

    def open(self, path: str) -> File | None:
        """Open a regular file, if there is one at this absolute path. Links are followed if they stay inside.

        Raises OSError if this machine is short of something, such as descriptors: there may be a file then.
        """
        try:
            try:
                return self._open(path)
            except FileNotFoundError:
                return None
            except OSError as error:  # PERF: links are rare, so they are resolved only if one may be on the way.
                if is_shortage(error):
                    raise
                # First, since realpath asks for each segment of a path, of ten thousand that are not there too.
                return self._open(os.path.realpath(path)) if stat.S_ISREG(os.stat(path).st_mode) else None
        except (OSError, ValueError) as error:
            if is_shortage(error):
                raise
            return None

    def _open(self, path: str) -> File:
        """Open a file at its real path. Raises OSError if there is a link in it."""
        if not path.startswith(self._prefix):
            raise OSError(errno.EXDEV, "the file is not below the directory")
        if os.open not in os.supports_dir_fd:
            return opened(_open_by_path(path), path)
        *parents, name = path[len(self._prefix) :].split("/")
        directory = _enter(self._enter(), parents)
        try:
            # A device or a pipe is not opened, since that may have effects.
            if not stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
                raise OSError(errno.ELOOP, "it is not a regular file")
            return opened(os.open(name, _READ, dir_fd=directory), path)
        finally:
            os.close(directory)

    def _enter(self) -> int:
        """Open the directory itself. If it is another one by now, no link may lead to it either."""
        directory = os.open(self.path, _ENTER)
        if _identity(os.fstat(directory)) != self._identity:
            os.close(directory)
            directory = _enter(os.open("/", _ENTER), [name for name in self.path.split("/") if name])
            self._identity = _identity(os.fstat(directory))
        return directory


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _enter(directory: int, names: list[str]) -> int:
    """Open the directory that these steps lead to; the first one is closed."""
    try:
        for name in names:
            above, directory = directory, os.open(name, _ENTER, dir_fd=directory)
            os.close(above)
    except BaseException:
        os.close(directory)
        raise
    return directory


def _open_by_path(path: str) -> int:
    """Open a file where nothing is relative to a descriptor, as on Windows, and compare it with its path afterwards."""
    descriptor = os.open(path, _READ)
    try:
        if os.path.realpath(path) != path or not os.path.samestat(os.lstat(path), os.fstat(descriptor)):
            raise OSError(errno.ELOOP, "the path has a symbolic link")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def opened(descriptor: int, path: str) -> File:
    """Return the file of a descriptor. Raises OSError if something else took its place just before it was opened."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ELOOP, "it is not a regular file")
        return File(FileIO(descriptor), path, status)
    except BaseException:
        os.close(descriptor)
        raise
