"""A function that runs."""

from __future__ import annotations

import os

from .cgroup import Group
from .kill import is_group_gone, kill_group
from .protocol import Request, reply

__all__ = ["Run"]


class Run:
    """A function from its start until nothing of its group is left; `why` is the limit for which it was killed.

    `group` is its control group, or None.
    """

    def __init__(self, request: Request, pid: int, group: Group | None = None) -> None:
        spec = request.spec
        self.id = spec.call_id
        self.end = spec.end
        self.memory = spec.memory
        self.processes = spec.processes
        self.pid = pid
        self.control = request.control
        self.held = request.held
        self.why = "-"
        self.code: int | None = None
        self.is_killed = False
        self.group = group

    def kill(self, why: str = "-") -> None:
        """Kill its group. The leader has not been waited for, so the group is still its own."""
        self.is_killed = True
        if self.why == "-":
            self.why = why
        kill_group(self.pid)
        if self.group is not None:
            self.group.kill()

    def note_exit(self, code: int) -> None:
        """Store the exit code of the leader, and whether the kernel killed a process for its memory."""
        self.code = code
        if self.why == "-" and self.group is not None and self.group.is_out_of_memory():
            self.why = "memory"

    def tell_exit(self) -> None:
        """Reply that its leader has ended. The rest of its group may take a while to die, and hold its memory."""
        reply(self.control, f"exited {self.code} {self.why}")

    def is_gone(self) -> bool:
        """Return whether its process group and its control group are empty."""
        return is_group_gone(self.pid) and (self.group is None or self.group.is_empty())

    def close(self) -> None:
        """Reply that it has ended, and close the files that were held for it."""
        reply(self.control, f"ended {self.code} {self.why}")
        self.control.close()
        for file in self.held:
            os.close(file)
