"""Drivers bring functions to life: a function is prepared once, and then run for each call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from .call import Call
from .function import Function

__all__ = ["Driver", "End", "Process"]


class End(NamedTuple):
    """How a function ended: with which exit code, or by which signal (negative); and what it was killed for.

    `why` is "time", "memory" or "processes", or "-" where nobody killed it for that; "lost" where nobody knows.
    """

    code: int
    why: str

    @property
    def is_well(self) -> bool:
        """Whether it ended by itself, and as programs end that have done what they should."""
        return self.code == 0 and self.why == "-"


class Process(Protocol):
    """A function that runs. `out` and `err` are files with what it writes; `control` can be read when it has ended."""

    out: int
    err: int
    control: int

    @property
    def has_ended(self) -> bool:
        """Whether it has, and all that it started in its group with it."""

    @property
    def is_exiting(self) -> bool:
        """Whether it is on its way out, though how it ended is not known yet."""

    def stop(self) -> None:
        """Kill it, and its group."""

    def end(self) -> End:
        """How it ended; waits until it has, which is soon, since it has been stopped or was seen to end."""

    def close(self) -> None:
        """Close its files, and kill what is left of it. Closing twice closes once."""


class Driver(Protocol):
    """What runs functions: processes of this machine, here (`microfn.agent.process`)."""

    def prepare(self, function: Function) -> None:
        """Refuse what could not be run, when it is registered."""

    def run(self, call: Call, held: Sequence[int]) -> Process:
        """Start the function of a call; files that are `held` stay open until it is gone, whoever else closes them.

        Raises `Failed` where it cannot be started, `Refused` where it cannot be given what is asked, `Busy` where the
        machine has no room for it, and `TimedOut` where starting took all the time.
        """

    def close(self) -> None:
        """End whatever is left, and start nothing after that: who comes is refused with `Closed`."""
