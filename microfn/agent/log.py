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
    """Mark the records that are written within this block with the call's id."""
    before = current_id.get()
    current_id.set(call_id)
    try:
        yield
    finally:
        current_id.set(before)


class CallIdFilter(logging.Filter):
    """Gives log records a `call_id`: that of the call in which they were written, or "-".

    Add one to each logging handler that shows `%(call_id)s`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every record, with its call's id."""
        record.call_id = current_id.get()
        return True
