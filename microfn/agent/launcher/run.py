"""A function that runs."""

from __future__ import annotations

import os

from .kill import is_group_gone, kill_group
from .protocol import Request, reply

__all__ = ["Run"]


class Run:
    """A function from its start until nothing of its group is left; `why` is the limit for which it was killed."""

    def __init__(self, request: Request, pid: int) -> None:
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

    def kill(self, why: str = "-") -> None:
        """Kill its group. The leader has not been waited for, so the group is still its own."""
        self.is_killed = True
        if self.why == "-":
            self.why = why
        kill_group(self.pid)

    def tell_exit(self) -> None:
        """Reply that its leader has ended. The rest of its group may take a while to die, and hold its memory."""
        reply(self.control, f"exited {self.code} {self.why}")

    def is_gone(self) -> bool:
        """Return whether nothing is left of its group."""
        return is_group_gone(self.pid)

    def close(self) -> None:
        """Reply that it has ended, and close the files that were held for it."""
        reply(self.control, f"ended {self.code} {self.why}")
        self.control.close()
        for file in self.held:
            os.close(file)
