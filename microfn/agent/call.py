"""One call: what is asked, how long it may take, and what became of it."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Literal, Protocol

from .deadline import Deadline

if TYPE_CHECKING:
    from .function import Function

__all__ = ["Call", "Writer"]


class Writer(Protocol):
    """What takes an answer: a file, for example."""

    def write(self, data: bytes, /) -> object:
        """Take a piece."""


class Call:
    """A call on its way through an agent, which it tells all that it has to know: there is one type, for all ways in.

    `id` names it in the answer, in the environ and in log records; `method` and `path` say what is asked. `deadline` is
    until when, `tokens` and `memory` (in MiB) are what it takes. `submitted_at`, `started_at` and `ended_at` are of
    `time.monotonic()`, None for what has not been; a call that was refused has ended, and never started. `error` is why
    it came to nothing.

    What a process answers has a `function` too: `environ` and `body` are what it is given, `log` is what it wrote to
    stderr, `status` and `headers` are those of its answer. `writer` takes the body of a call without HTTP.
    """

    __slots__ = (
        "body",
        "deadline",
        "ended_at",
        "environ",
        "error",
        "function",
        "headers",
        "id",
        "log",
        "memory",
        "method",
        "path",
        "started_at",
        "status",
        "submitted_at",
        "tokens",
        "writer",
    )

    def __init__(self, method: str, path: str, *, deadline: Deadline, tokens: int = 0, memory: int = 0) -> None:
        self.id = uuid.uuid4().hex
        self.method = method
        self.path = path
        self.deadline = deadline
        self.tokens = tokens
        self.memory = memory
        self.submitted_at: float | None = None
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.error: BaseException | None = None
        self.function: Function | None = None
        self.environ: Mapping[bytes, bytes] = {}
        self.body: IO[bytes] | None = None
        self.log = b""
        self.status: str | None = None
        self.headers: list[tuple[str, str]] = []
        self.writer: Writer = io.BytesIO()

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.method} {self.path!r}: {self.state}>"

    @property
    def state(self) -> Literal["waiting", "running", "ended"]:
        """Where it is on its way."""
        if self.ended_at is not None:
            return "ended"
        return "waiting" if self.started_at is None else "running"

    def submit(self) -> None:
        """It is an agent's from now on. Raises RuntimeError where it was before."""
        if self.submitted_at is not None:
            raise RuntimeError(f"{self!r} was submitted already")
        self.submitted_at = time.monotonic()

    def start(self) -> None:
        """It is being executed from now on."""
        self.started_at = time.monotonic()

    def end(self, error: BaseException | None = None) -> None:
        """It has ended, with this error or with an answer, and nobody needs its body any more."""
        self.ended_at = time.monotonic()
        self.error = error
        if self.body is not None:
            self.body.close()
