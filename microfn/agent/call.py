"""One call: its request, its time and its outcome."""

from __future__ import annotations

import io
import time
import uuid
from typing import IO, Literal, Protocol

from .call_request import CallRequest
from .deadline import Deadline
from .errors import Busy
from .functions.function import Function
from .limits import Limits

__all__ = ["Call", "Writer"]


class Writer(Protocol):
    """A writer that receives a response: a file, for example."""

    def write(self, data: bytes, /) -> object:
        """Take a piece."""


_NO_REQUEST = CallRequest("GET", "/")
_NO_LIMITS = Limits()


class Call:
    """A call on its way through an agent, with all that the agent has to know: one type for all ways in.

    `id` names it in the response, in the environ and in log records; `method` and `path` say which resource is asked
    for. `deadline` is its time; `tokens` and `limits` are its share of the agent. `submitted_at`,
    `started_at` and `ended_at` are times of `time.monotonic()`, None before; a refused call has ended and never
    started. `error` is the reason if there was no whole response.

    `attempt` is 1 for the first execution of a call.

    `client` is the descriptor of the client's connection, if the server hands it out: the client may leave.

    `name` is the name of its function, by which it is counted. If a process answers the call, it has a `function`, a
    `request` and a `body`, `log` is its stderr, `status` and `headers` are those of the response. `writer` takes the
    body of the response to a call without HTTP.
    """

    __slots__ = (
        "attempt",
        "body",
        "client",
        "deadline",
        "ended_at",
        "error",
        "function",
        "headers",
        "id",
        "limits",
        "log",
        "method",
        "name",
        "path",
        "request",
        "started_at",
        "status",
        "submitted_at",
        "tokens",
        "writer",
    )

    def __init__(self, method: str, path: str, *, deadline: Deadline, tokens: int = 0, name: str = "-") -> None:
        self.id = uuid.uuid4().hex
        self.method = method
        self.path = path
        self.deadline = deadline
        self.tokens = tokens
        self.name = name
        self.limits = _NO_LIMITS
        self.attempt = 1
        self.submitted_at: float | None = None
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.error: BaseException | None = None
        self.function: Function | None = None
        self.request = _NO_REQUEST
        self.body: IO[bytes] | None = None
        self.client: int | None = None
        self.log = b""
        self.status: str | None = None
        self.headers: list[tuple[str, str]] = []
        self.writer: Writer = io.BytesIO()

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.method} {self.path!r}: {self.state}>"

    @property
    def memory(self) -> int:
        """The MiB that it takes of the agent's memory; 0 if it runs in its request's thread."""
        return self.limits.memory

    @property
    def state(self) -> Literal["waiting", "running", "ended"]:
        """The state of the call."""
        if self.ended_at is not None:
            return "ended"
        return "waiting" if self.started_at is None else "running"

    def submit(self) -> None:
        """Note that an agent has it from now on. Raises RuntimeError if one had it before."""
        if self.submitted_at is not None:
            raise RuntimeError(f"{self!r} was submitted already")
        self.submitted_at = time.monotonic()

    def check_start(self) -> None:
        """Raise `Busy` if it may no longer start: half of its time is gone, or its longest wait (`Deadline`)."""
        late = time.monotonic() - self.deadline.latest_start
        if late > 0:
            raise Busy("The server cannot keep up.", int(late) + 1)

    def start(self) -> None:
        """Note that it is being executed from now on. Raises `Busy` as `check_start` does."""
        self.check_start()
        self.started_at = time.monotonic()

    def end(self, error: BaseException | None = None) -> None:
        """Note that it has ended, with this error or with a response."""
        self.ended_at = time.monotonic()
        self.error = error
        if self.body is not None:
            self.body.close()  # nothing else closes it if the call was refused
