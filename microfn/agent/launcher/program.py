"""The launcher's own process: its signals, limits and files."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
from contextlib import suppress

from .cgroup import Groups
from .guard import become_guard
from .limits import set_soft
from .notices import Notices
from .supervisor import Launcher

__all__ = ["become_subreaper", "main"]

_PR_SET_CHILD_SUBREAPER = 36
_NICENESS = -20
_STACK = 2 * 1024 * 1024


def become_subreaper(is_on: bool = True) -> None:
    """Have orphans of all that this process starts become its children (prctl(2)). Raise OSError if it cannot."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, int(is_on), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "functions need prctl(PR_SET_CHILD_SUBREAPER)")


def take_precedence() -> None:  # pragma: no cover - in a process of its own
    """Come before the processes of a fork bomb, if this process may; the programs that it starts do not.

    Without that, a session is one of a thousand, each of which has its share of the processor (sched(7): autogroup).
    A server that has another precedence than usual keeps it, since its functions would lose it.
    """
    if os.getpriority(os.PRIO_PROCESS, 0) != 0:
        return
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
        if os.getsid(0) == os.getpid():  # otherwise, the whole session of another process would come first
            with open("/proc/self/autogroup", "w", encoding="ascii") as file:
                file.write(str(_NICENESS))


def main(delegated: str = "", home: str = "") -> None:  # pragma: no cover - in a process of its own
    """Be the launcher of the process at the other end of stdin.

    `delegated` is the control group that is delegated to that process, and `home` is its own group. Both are "" if no
    group is delegated.
    """
    become_subreaper()
    for number in signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, lambda *_: None)  # handlers, since functions would inherit ignored signals
    take_precedence()
    groups = None
    if delegated:
        with suppress(OSError):
            groups = Groups(delegated, home)
    guard = become_guard(groups)
    become_subreaper()
    take_precedence()
    wakeup, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    set_soft(resource.RLIMIT_STACK, _STACK)
    set_soft(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    source = socket.socket(fileno=os.dup(0))
    with open("/dev/null", "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    Launcher(source, wakeup, Notices(), guard, groups).run()
