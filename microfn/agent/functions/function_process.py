"""A function that runs as a process: its files, and how it ended."""

from __future__ import annotations

from typing import NamedTuple, Protocol

__all__ = ["End", "Process"]


class End(NamedTuple):
    """How a process ended: `code` is its exit code, or a signal as a negative number.

    `why` is "time", "memory" or "processes" if the process was killed for that reason, and "-" if not. "unfinished"
    means that it ended within its response with the exit code of success, and "lost" that its end is unknown.
    """

    code: int
    why: str

    @property
    def is_well(self) -> bool:
        """Whether it ended by itself, with the exit code of success."""
        return self.code == 0 and self.why == "-"


class Process(Protocol):
    """A process that answers a call. `out` and `err` are files with its output; `control` is readable at its end."""

    out: int
    err: int
    control: int

    @property
    def has_ended(self) -> bool:
        """Whether it has ended, and all that it started in its group."""

    @property
    def is_exiting(self) -> bool:
        """Whether it is on its way out, though how it ended is not known yet."""

    def stop(self) -> None:
        """Kill it, and its group."""

    def end(self) -> End:
        """Return how it ended. It was stopped or seen to end before, so this waits only a moment."""

    def close(self) -> None:
        """Close its files, and kill all that is left of it. Closing twice closes once."""
