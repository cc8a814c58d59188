"""The id of the call that a thread is executing, in log records."""

from __future__ import annotations

import logging
from contextvars import ContextVar

__all__ = ["CallIdFilter", "current_id"]

current_id: ContextVar[str] = ContextVar("microfn.call_id", default="-")


class CallIdFilter(logging.Filter):
    """Gives log records a `call_id`: that of the call during which they were written, or "-".

    Put one on each handler of logs that shows `%(call_id)s`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with its call's id."""
        record.call_id = current_id.get()
        return True
