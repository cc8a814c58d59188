"""Control groups, version 2: the kernel limits the memory and the processes of a call, and kills them all at once.

Each launcher creates its group in the group that is delegated to the server. In it, each call has a group.
Source: cgroups(7), and "Control Group v2" in the documentation of Linux.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["Group", "Groups"]

_PREFIX = "functions-"


class Group:
    """The group of one call. `home` is the path of the launcher's group."""

    def __init__(self, path: str, home: str) -> None:
        self.path = path
        self._home = home

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Move this process into the group for the block. Processes that start in the block start in the group.

        Raises OSError if this process cannot enter or leave the group.
        """
        _write(self.path, "cgroup.procs", 0)
        try:
            yield
        finally:
            _write(self._home, "cgroup.procs", 0)

    def limit(self, memory: int, processes: int) -> None:
        """Limit the bytes of memory and the number of processes. The kernel kills all of them if memory runs out.

        Call this after the launcher has left the group, or it could be killed too.
        """
        # A kernel without swap has no memory.swap.max.
        for name, most in ("memory.swap.max", 0), ("memory.oom.group", 1), ("pids.max", processes):
            with suppress(OSError):
                _write(self.path, name, most)
        with suppress(OSError):
            _write(self.path, "memory.max", memory)  # last, since it can kill

    def kill(self) -> None:
        """Kill all processes in the group, and in the groups below it."""
        with suppress(OSError):
            _write(self.path, "cgroup.kill", 1)

    def is_empty(self) -> bool:
        """Return whether the group has no living process."""
        return b"populated 1" not in _read(self.path, "cgroup.events")

    def is_out_of_memory(self) -> bool:
        """Return whether the kernel has killed a process of the group for its memory."""
        lines = _read(self.path, "memory.events").splitlines()
        return any(line.startswith(b"oom_kill ") and line != b"oom_kill 0" for line in lines)


class Groups:
    """The groups of a launcher's calls. They are in the launcher's group, which is below `delegated`.

    The launcher and its guard hold a lock on their group. If both are killed, the group is left without a lock. The
    next launcher then kills its processes and removes it. `home` is the group of this process. Raises OSError if groups
    cannot be created.
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
        """Return a new group for a call, or None if it cannot be created."""
        group = Group(os.path.join(self.path, name), self._home)
        try:
            os.mkdir(group.path)
        except OSError:
            return None
        return group

    def leave(self, group: Group) -> None:
        """Remove a group. If a process in it is still ending, `clean` removes it later."""
        self._left.append(group.path)
        self.clean()

    def clean(self) -> bool:
        """Remove the groups of ended calls, and return whether one remains."""
        self._left = [path for path in self._left if not _remove(path)]
        return bool(self._left)

    def kill(self) -> None:
        """Kill all processes of all calls."""
        Group(self.path, self._home).kill()

    def close(self) -> None:
        """Remove all groups without processes, and the launcher's group if it has none left."""
        _remove(self.path)
        os.close(self._lock)


def _claim(delegated: str) -> tuple[str, int]:
    """Create and lock a group for a launcher. Retry if another launcher removes it before it is locked."""
    while True:
        path = os.path.join(delegated, _PREFIX + os.urandom(4).hex())
        os.mkdir(path)
        lock = _locked(path)
        if lock is not None:
            return path, lock


def _stale(delegated: str) -> Iterator[str]:
    """Kill the processes in the groups of dead launchers. Yield the groups that cannot be removed yet."""
    for name in os.listdir(delegated):
        path = os.path.join(delegated, name)
        lock = _locked(path) if name.startswith(_PREFIX) else None
        if lock is not None:
            Group(path, delegated).kill()
            if not _remove(path):
                yield path
            os.close(lock)


def _locked(path: str) -> int | None:
    """Lock a group, and return the file that holds the lock. Return None if it is locked already, or gone.

    The lock lasts until all copies of the file are closed.
    """
    with suppress(FileNotFoundError):
        file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.exists(path):
                return file
        os.close(file)
    return None


def _remove(path: str) -> bool:
    """Remove a group and the groups in it, and return whether it is gone. A group with processes remains."""
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
