"""The time of a call: its beginning, its end, and the latest moment at which it may start."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

__all__ = ["ANCIENT", "Deadline", "began_at", "nearest_deadline"]

ANCIENT = 600.0
"""Seconds. A request that claims to have begun earlier comes from a wrong clock."""

# nginx writes seconds with a fraction, Heroku milliseconds, Apache microseconds; some write "t=" before it.
_START = re.compile(r"(?:t=)?([0-9]{1,20}(?:\.[0-9]{1,9})?)")
_UNITS = ((1e14, 1e-6), (1e11, 1e-3), (0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Deadline:
    """The time of one call: its beginning, its timeout and its longest wait, all in seconds.

    Times are of `time.monotonic()`. A call does not start if half of its time is gone, or its longest wait: its client
    would not wait for the end.

    >>> deadline = Deadline(began=100.0, timeout=10.0, longest_wait=30.0)
    >>> deadline.latest_start, deadline.end
    (105.0, 110.0)
    """

    began: float
    timeout: float
    longest_wait: float = 30.0

    @property
    def end(self) -> float:
        """The time at which the response has to be there."""
        return self.began + self.timeout

    @property
    def latest_start(self) -> float:
        """The latest time at which the call may start (the half-time rule of Fn's agent)."""
        return self.began + min(self.timeout / 2, self.longest_wait)

    def left(self) -> float:
        """Return the seconds that are left, 0.0 if there are none."""
        return max(0.0, self.end - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self.end


def nearest_deadline(*deadlines: Deadline) -> Deadline:
    """Return the deadline that ends first; the first of them if several end together.

    >>> nearest_deadline(Deadline(0.0, 60.0), Deadline(0.0, 2.0)).timeout
    2.0
    """
    return min(deadlines, key=lambda deadline: deadline.end)


def began_at(header: str | None, *, clock: float, now: float) -> float:
    """Return the time at which a request began by the header of a proxy, on the scale of `now`.

    `clock` is `time.time()` and `now` is `time.monotonic()`, of one moment. An invalid time counts as now, as one in
    the future does, or of more than `ANCIENT` seconds ago.

    >>> began_at("t=1700000000.250", clock=1700000001.0, now=50.0)
    49.25
    >>> began_at("1700000000250", clock=1700000001.0, now=50.0)
    49.25
    """
    found = _START.fullmatch(header) if header else None
    if not found:
        return now
    number = float(found[1])
    age = clock - number * next(unit for least, unit in _UNITS if number >= least)
    return now - age if 0 <= age <= ANCIENT else now
