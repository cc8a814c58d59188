"""The guard: a process around the launcher that outlives it, and ends all that it leaves."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from .cgroup import Groups
from .kill import kill
from .processes import descendants, seen

__all__ = ["become_guard", "end_descendants"]

_LONGEST_PAUSE = 0.1
KILL_LAUNCHER = signal.SIGUSR1
"""The signal on which the guard kills its launcher. SIGCONT is passed on to it."""


def become_guard(groups: Groups | None) -> int:  # pragma: no cover - in a process of its own
    """Fork. The child returns, and goes on as the launcher; this process waits for its end, and ends all it has left.

    Return a file that becomes readable in the child if the guard dies. `groups` has the control groups of calls, or is
    None. Call this before any thread is started, in a subreaper.
    """
    alive, held = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(held)
        return alive
    os.close(alive)
    signal.signal(KILL_LAUNCHER, lambda *_: kill(child))
    signal.signal(signal.SIGCONT, lambda *_: _resume(child))
    with open("/dev/null", "rb") as nothing:
        os.dup2(nothing.fileno(), 0)  # the launcher alone has the server's socket
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    if groups is not None:
        groups.kill()
    end_descendants()
    if groups is not None:
        groups.close()
    os._exit(0)


def end_descendants() -> None:  # pragma: no cover - in a process of its own
    """Kill all that descends from this process, a subreaper, and wait until nothing of it is left."""
    pause = 0.0
    killed: set[int] = set()
    while _reap():
        found = set(descendants(os.getpid(), seen()))
        pause = 0.0 if found - killed else min(_LONGEST_PAUSE, pause + 0.002)
        for pid in found:
            kill(pid)
        killed = found
        time.sleep(pause)


def _reap() -> bool:  # pragma: no cover
    """Wait for all children that have ended, and return whether there are others."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _resume(child: int) -> None:  # pragma: no cover
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGCONT)
