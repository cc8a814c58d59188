"""The gate that the head of each response passes before it leaves, by HTTP or not."""

from __future__ import annotations

from ...http.headers import validate_headers
from ..driver import Head
from ..engine import AdmittedExecution
from ..errors import Failed

__all__ = ["read_valid_head"]


def read_valid_head(execution: AdmittedExecution) -> Head:
    """Return the head of a response. Raises `Failed` if no server could send it, and the errors of `read_head`."""
    head = execution.read_head()
    try:
        validate_headers(head.status, head.headers)
    except (ValueError, TypeError) as error:
        raise Failed("The function sent a response that cannot be passed on.", str(error)) from error
    return head
