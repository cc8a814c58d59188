"""The control group that is delegated to this server (Linux: cgroups(7), version 2)."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple

__all__ = ["Delegation", "find_delegation"]

_CONTROLLERS = {"memory", "pids"}
_FILES = ("cgroup.kill", "memory.max", "memory.oom.group", "pids.max")


class Delegation(NamedTuple):
    """The paths of the delegated group and of this process's group, which is in it."""

    path: str
    home: str


def find_delegation(root: str = "/") -> Delegation | None:
    """Return the delegated group of this process, or None if it has none that calls can use.

    The delegated group is the parent of this process's group. The user of this process must be able to create groups
    and move processes there. Root can write to every group, so root also needs the mark that systemd sets on delegated
    groups. The group must have no processes itself, or the groups below it cannot have controllers. `cgroup.kill` needs
    Linux 5.14. `root` is the root of the file system, for tests.
    """
    with suppress(OSError, ValueError, StopIteration):
        home = _own_group(root)
        delegated = os.path.dirname(home)
        if _is_delegated(delegated, home) and set(_read(delegated, "cgroup.controllers").split()) >= _CONTROLLERS:
            with open(os.path.join(delegated, "cgroup.subtree_control"), "wb", buffering=0) as file:
                file.write(b"+memory +pids")
            if all(os.path.exists(os.path.join(home, name)) for name in _FILES):
                return Delegation(delegated, home)
    return None


def _own_group(root: str) -> str:
    """Return the directory of this process's group.

    Raises OSError, StopIteration or ValueError if the group or its parent is not visible.
    """
    lines = _read(root, "proc/self/cgroup").splitlines()
    path = next(line for line in lines if line.startswith("0::")).removeprefix("0::")
    mounts = (line.split() for line in _read(root, "proc/self/mountinfo").splitlines() if " - cgroup2 " in line)
    top, point = next(mounts)[3:5]
    inner = os.path.relpath(path, top)
    if inner == "." or inner.startswith(".."):
        raise ValueError("the parent of the group is not visible")
    return os.path.join(root, point.lstrip("/"), inner)


def _is_delegated(path: str, home: str) -> bool:
    needed = ["", "cgroup.procs", "cgroup.subtree_control", os.path.join(home, "cgroup.procs")]
    if not all(os.access(os.path.join(path, name), os.W_OK) for name in needed):
        return False
    return os.geteuid() != 0 or any(_is_marked(path, name) for name in ("user.delegate", "trusted.delegate"))


def _is_marked(path: str, name: str) -> bool:
    with suppress(OSError):
        return os.getxattr(path, name) == b"1"
    return False


def _read(directory: str, name: str) -> str:
    with open(os.path.join(directory, name), encoding="utf-8") as file:
        return file.read()
