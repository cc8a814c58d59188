"""One call: what is asked, how long it may take, and what became of it."""

from __future__ import annotations

import time
import uuid
from typing import Literal

from .deadline import Deadline

__all__ = ["Call"]


class Call:
    """A call on its way through an agent, which it tells all that it has to know: there is one type, for all ways in.

    `id` names it in the answer, in the environ and in log records; `method` and `path` say what is asked. `deadline` is
    until when, `tokens` how many it takes. `submitted_at`, `started_at` and `ended_at` are of `time.monotonic()`, None
    for what has not been; a call that was refused has ended, and never started. `error` is why it came to nothing.
    """

    __slots__ = ("deadline", "ended_at", "error", "id", "method", "path", "started_at", "submitted_at", "tokens")

    def __init__(self, method: str, path: str, *, deadline: Deadline, tokens: int = 0) -> None:
        self.id = uuid.uuid4().hex
        self.method = method
        self.path = path
        self.deadline = deadline
        self.tokens = tokens
        self.submitted_at = time.monotonic()
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.error: BaseException | None = None

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.method} {self.path!r}: {self.state}>"

    @property
    def state(self) -> Literal["waiting", "running", "ended"]:
        """Where it is on its way."""
        if self.ended_at is not None:
            return "ended"
        return "waiting" if self.started_at is None else "running"

    def start(self) -> None:
        """It is being executed from now on."""
        self.started_at = time.monotonic()

    def end(self, error: BaseException | None = None) -> None:
        """It has ended, with this error or with an answer."""
        self.ended_at = time.monotonic()
        self.error = error
