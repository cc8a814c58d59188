"""How long a call may take, and until when it may begin."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

__all__ = ["ANCIENT", "Deadline", "began_at", "nearest_deadline"]

ANCIENT = 600.0
"""Seconds. What claims to have begun longer ago comes from a clock that is wrong, and is not believed."""

# nginx writes seconds with a fraction, Heroku milliseconds, Apache microseconds; some write "t=" before it.
_START = re.compile(r"(?:t=)?([0-9]{1,20}(?:\.[0-9]{1,9})?)")
_UNITS = ((1e14, 1e-6), (1e11, 1e-3), (0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Deadline:
    """The time of one call: when it began, how long it may take, and how long it may wait, all in seconds.

    Times are of `time.monotonic()`. What has waited longer than half of its time, or than `longest_wait`, is not worth
    to be begun: its client will not wait for the end.

    >>> deadline = Deadline(began=100.0, timeout=10.0, longest_wait=30.0)
    >>> deadline.latest_start, deadline.end
    (105.0, 110.0)
    """

    began: float
    timeout: float
    longest_wait: float = 30.0

    @property
    def end(self) -> float:
        """When the answer has to be there."""
        return self.began + self.timeout

    @property
    def latest_start(self) -> float:
        """Until when the call may begin (the half-time rule of Fn's agent)."""
        return self.began + min(self.timeout / 2, self.longest_wait)

    def left(self) -> float:
        """The seconds that are left; 0.0 when there are none."""
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
    """When a request began, by the header with which a proxy says so, on the scale of `now`.

    `clock` is `time.time()` and `now` is `time.monotonic()`, of one moment. What is no time, or one that cannot be,
    counts for nothing: a request that comes from the future, or from more than `ANCIENT` seconds ago, began now.

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
