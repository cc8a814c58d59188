"""Kill processes and groups, and tell which are left."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

__all__ = ["is_group_gone", "kill", "kill_group"]


def kill_group(leader: int) -> None:
    """Kill all processes of a group. The id stays the group's until its leader has been waited for."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def is_group_gone(leader: int) -> bool:
    """Return whether no process of a group is left, including dead ones that are not reaped."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # A set-user-ID program runs as another user.
        return False
    return False


def kill(pid: int) -> bool:
    """Kill one process, and return whether it was there and ours to kill."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False
