"""The id of the call that a thread is executing, in log records."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["CallIdFilter", "current_id", "of_call"]

current_id: ContextVar[str] = ContextVar("microfn.call_id", default="-")


@contextmanager
def of_call(call_id: str) -> Iterator[None]:
    """Have the records that are written within this be of that call."""
    before = current_id.get()
    current_id.set(call_id)
    try:
        yield
    finally:
        current_id.set(before)


class CallIdFilter(logging.Filter):
    """Gives log records a `call_id`: that of the call during which they were written, or "-".

    Put one on each handler of logs that shows `%(call_id)s`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with its call's id."""
        record.call_id = current_id.get()
        return True
