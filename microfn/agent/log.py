"""The call that a thread is executing, and its id in log records."""

from __future__ import annotations

import logging
from contextvars import ContextVar

from .slot import Slot

__all__ = ["CallIdFilter", "current"]

current: ContextVar[Slot | None] = ContextVar("microfn.call", default=None)


class CallIdFilter(logging.Filter):
    """Gives log records a `call_id`: that of the call during which they were written, or "-".

    Put one on each handler of logs that shows `%(call_id)s`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with its call's id."""
        found = current.get()
        record.call_id = found.call.id if found else "-"
        return True
