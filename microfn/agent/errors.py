"""Reasons for which a call ends without a response. Each has the status that a client gets."""

from __future__ import annotations

__all__ = ["Busy", "CallError", "ClientLeft", "Closed", "Failed", "Refused", "Stopped", "TimedOut", "TooLarge"]


class CallError(Exception):
    """A call that came to nothing: `status` and `detail` are for the client, `reason` is for a log."""

    status = 500

    def __init__(self, detail: str, reason: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.reason = reason


class Busy(CallError):
    """The call was not executed: half of its time was gone before it could start, or the machine had no room.

    `retry_after` is the number of seconds after which to try again (RFC 9110, section 10.2.3).
    """

    status = 503

    def __init__(self, detail: str, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Closed(Busy):
    """The call was not executed, since its agent is being closed."""


class TooLarge(CallError):
    """The call needs more than there is, so it does not wait."""

    status = 400


class Refused(CallError):
    """The request cannot be passed to a process."""

    status = 400


class ClientLeft(CallError):
    """The client closed its connection before the response was whole; the function has been killed."""


class Failed(CallError):
    """The function did not start, or ended without a response that can be sent."""

    status = 502


class Stopped(Failed):
    """The function was killed since its agent was closed. The call was executed in part."""

    status = 503


class TimedOut(CallError):
    """The time of the call was up before its response was there; the function has been killed."""

    status = 504
