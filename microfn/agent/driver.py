"""Drivers: each runs functions of one kind. An execution is a call that a driver has begun."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from .call import Call
from .functions.function import Function

__all__ = ["Driver", "Execution", "Head"]


class Head(NamedTuple):
    """The status line and the headers of a response, without those about the connection."""

    status: str
    headers: list[tuple[str, str]]


class Execution(Protocol):
    """A call that a function answers, from `Driver.run` until `close`."""

    @property
    def log(self) -> bytes:
        """The function's stderr, up to the limit of the call; whole when the execution is closed."""

    def read_head(self) -> Head:
        """Return the head of the response; once, before `read`.

        Raises `Failed` and `TimedOut`.
        """

    def read(self) -> bytes:
        """Return the next piece of the body, nothing at its end.

        Raises `Failed` and `TimedOut`; the response is not whole then.
        """

    def finish(self) -> None:
        """Wait until the function has done its work, at the latest until the deadline: the response is whole."""

    @property
    def has_ended(self) -> bool:
        """Whether the function has done its work, so that `finish` does not wait."""

    def close(self) -> None:
        """End the call. A function that has not finished is killed first. Closing twice closes once."""


class Driver(Protocol):
    """Runs the calls of its functions."""

    def prepare(self, function: Function) -> None:
        """Raise ValueError for a function that the driver could never run."""

    def check(self, call: Call) -> None:
        """Raise an error of `run` that is certain by now, before the body of the call is read."""

    def run(self, call: Call) -> Execution:
        """Wait until there is room for the call, `Call.start` it, and have its function answer it.

        The wait ends with `Deadline.latest_start`. The driver closes the call's body when it needs it no more.

        Raises `Busy` if there was no room in time, and `TooLarge` if there never is. Raises `Refused` if the request
        cannot be passed on, `Failed` if the function cannot be started, and `TimedOut` if its start took too long.
        """

    def close(self) -> None:
        """Kill all functions that run, and refuse new calls with `Closed`."""
