"""How a call can end without its answer. Each error says with which status it is told to a client."""

from __future__ import annotations

__all__ = ["Busy", "CallError", "ClientLeft", "Closed", "Failed", "Refused", "Stopped", "TimedOut", "TooLarge"]


class CallError(Exception):
    """A call that came to nothing; `status` is that of the answer, `detail` what a client may know.

    `reason` is what more there is to say in a log.
    """

    status = 500

    def __init__(self, detail: str, reason: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.reason = reason


class Busy(CallError):
    """The call was not executed: by the time it could begin, half of its time would have been gone.

    `retry_after` is after how many whole seconds it is worth another try (RFC 9110, section 10.2.3).
    """

    status = 503

    def __init__(self, detail: str, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Closed(Busy):
    """The call was refused since its agent is being closed."""


class TooLarge(CallError):
    """The call needs more than there is at all, so that waiting is of no use."""

    status = 400


class Refused(CallError):
    """What was asked cannot be passed to a process."""

    status = 400


class ClientLeft(CallError):
    """The client closed its connection before the response was whole; the function has been killed."""


class Failed(CallError):
    """The function did not start, or ended without an answer that can be sent."""

    status = 502


class Stopped(Failed):
    """The function was killed since its agent was closed. The call was executed in part."""

    status = 503


class TimedOut(CallError):
    """The time of the call was up before its answer was there; the function's processes have been killed."""

    status = 504
