"""Control groups, version 2: the kernel limits the memory and the processes of a call, and kills them all at once.

Each launcher makes a group for itself in a group that is delegated to the server, and in it one for each call
(cgroups(7); in Linux's documentation, "Control Group v2").
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["Group", "Groups"]

_PREFIX = "functions-"


class Group:
    """The group of one call. `home` is the group in which the launcher is."""

    def __init__(self, path: str, home: str) -> None:
        self.path = path
        self._home = home

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be in it for a moment: a process that starts meanwhile is in it from its first moment.

        Raises OSError if this process cannot enter or leave it.
        """
        _write(self.path, "cgroup.procs", 0)
        try:
            yield
        finally:
            _write(self._home, "cgroup.procs", 0)

    def limit(self, memory: int, processes: int) -> None:
        """Limit the bytes of memory and the number of processes. If memory runs out, all of them are killed.

        The launcher must have left it, since it would be one of them.
        """
        # A kernel without swap has no memory.swap.max.
        for name, most in ("memory.swap.max", 0), ("memory.oom.group", 1), ("pids.max", processes):
            with suppress(OSError):
                _write(self.path, name, most)
        with suppress(OSError):
            _write(self.path, "memory.max", memory)  # the last one, since it may kill

    def kill(self) -> None:
        """Kill all processes in it, and in groups within it."""
        with suppress(OSError):
            _write(self.path, "cgroup.kill", 1)

    def is_empty(self) -> bool:
        """Return whether it has no living process."""
        return b"populated 1" not in _read(self.path, "cgroup.events")

    def is_out_of_memory(self) -> bool:
        """Return whether the kernel killed a process of it because of its memory."""
        lines = _read(self.path, "memory.events").splitlines()
        return any(line.startswith(b"oom_kill ") and line != b"oom_kill 0" for line in lines)


class Groups:
    """The groups of a launcher's calls, in a group of the launcher's below `delegated`.

    The launcher's group is locked as long as the launcher or its guard lives. If they are killed together, they leave a
    group without a lock: the next launcher kills its processes and removes it. `home` is the group of this process.
    Raises OSError if no group can be made.
    """

    def __init__(self, delegated: str, home: str) -> None:
        self._home = home
        self._left = list(_stale(delegated))
        self.path, self._lock = _claim(delegated)
        try:
            _write(self.path, "cgroup.subtree_control", "+memory +pids")
            trial = Group(os.path.join(self.path, "trial"), home)
            os.mkdir(trial.path)
            with trial.entered():
                pass
            self.leave(trial)
        except OSError:
            self.close()
            raise

    def make(self, name: str) -> Group | None:
        """Return a new group for a call, or None if there cannot be another one."""
        group = Group(os.path.join(self.path, name), self._home)
        try:
            os.mkdir(group.path)
        except OSError:
            return None
        return group

    def leave(self, group: Group) -> None:
        """Remove a group, or leave it to `clean` if it has a process that is still dying."""
        self._left.append(group.path)
        self.clean()

    def clean(self) -> bool:
        """Remove the groups that were left, and return whether one stays."""
        self._left = [path for path in self._left if not _remove(path)]
        return bool(self._left)

    def kill(self) -> None:
        """Kill all processes of all calls."""
        Group(self.path, self._home).kill()

    def close(self) -> None:
        """Remove all groups that have no process, and the launcher's own."""
        _remove(self.path)
        os.close(self._lock)


def _claim(delegated: str) -> tuple[str, int]:
    """Make and lock a group for a launcher. Another launcher may take it for a stale one before it has its lock."""
    while True:
        path = os.path.join(delegated, _PREFIX + os.urandom(4).hex())
        os.mkdir(path)
        lock = _locked(path)
        if lock is not None:
            return path, lock


def _stale(delegated: str) -> Iterator[str]:
    """Kill the processes in the groups of launchers that are gone, and yield these groups."""
    for name in os.listdir(delegated):
        path = os.path.join(delegated, name)
        lock = _locked(path) if name.startswith(_PREFIX) else None
        if lock is not None:
            Group(path, delegated).kill()
            if not _remove(path):
                yield path
            os.close(lock)


def _locked(path: str) -> int | None:
    """Return a file that locks a group until all its copies are closed, or None if it is locked already, or gone."""
    with suppress(FileNotFoundError):
        file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.exists(path):
                return file
        os.close(file)
    return None


def _remove(path: str) -> bool:
    """Remove a group and the groups in it, and return whether it is gone. A group with a process stays."""
    try:
        for entry in list(os.scandir(path)):
            if entry.is_dir():
                _remove(entry.path)
        os.rmdir(path)
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return True


def _read(path: str, name: str) -> bytes:
    with suppress(OSError), open(os.path.join(path, name), "rb", buffering=0) as file:
        return file.read()
    return b""


def _write(path: str, name: str, value: object) -> None:
    with open(os.path.join(path, name), "wb", buffering=0) as file:
        file.write(str(value).encode("ascii"))
