"""How many calls there are, and how those before them ended, by the names of their functions."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Literal

from .call import Call
from .errors import Busy, Refused, TimedOut, TooLarge

__all__ = ["STATES", "Counts"]

Outcome = Literal["completed", "refused", "timed_out", "failed"]
STATES = ("queued", "running", "completed", "refused", "timed_out", "failed")
_CLIENT_ERROR = range(400, 500)


class Counts:
    """The outcomes of calls that have ended, by the names of their functions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, dict[str, int]] = {}

    def add_name(self, name: str) -> None:
        """Count this function from now on, from zero."""
        with self._lock:
            self._names.setdefault(name, dict.fromkeys(STATES, 0))

    def add(self, call: Call) -> None:
        """Count a call that has ended."""
        self.add_name(call.name)
        outcome = _outcome(call)
        with self._lock:
            self._names[call.name][outcome] += 1

    def with_calls(self, calls: Iterable[Call]) -> dict[str, dict[str, int]]:
        """Return all counts, with these calls if they wait or run."""
        with self._lock:
            counts = {name: dict(states) for name, states in self._names.items()}
        for call in calls:
            if call.state != "ended":
                states = counts.setdefault(call.name, dict.fromkeys(STATES, 0))
                states["running" if call.state == "running" else "queued"] += 1
        return counts


def _outcome(call: Call) -> Outcome:
    error = call.error
    if error is None:
        return "completed"
    if isinstance(error, TimedOut):
        return "timed_out"
    if isinstance(error, (Busy, TooLarge, Refused)):
        return "refused"
    if getattr(error, "code", None) in _CLIENT_ERROR:  # of an HTTP exception: a handle's response, or a long body
        return "refused" if call.started_at is None else "completed"
    return "failed"
