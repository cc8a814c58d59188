"""Errors of calls: a status for clients, and a reason for the log."""

from __future__ import annotations

import pytest

from microfn.agent.errors import Busy, CallError, ClientLeft, Closed, Failed, Refused, Stopped, TimedOut, TooLarge


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (CallError, 500),
        (ClientLeft, 500),
        (Busy, 503),
        (Closed, 503),
        (TooLarge, 400),
        (Refused, 400),
        (Failed, 502),
        (Stopped, 503),
        (TimedOut, 504),
    ],
)
def test_error_has_the_status_for_a_client(kind, status):
    error = kind("told")
    assert isinstance(error, CallError)
    assert (error.status, error.detail, error.reason, str(error)) == (status, "told", "", "told")


def test_reason_is_not_in_the_text():
    error = Failed("told", "logged")
    assert (str(error), error.reason) == ("told", "logged")


def test_busy_has_seconds_for_retry_after():
    assert (Busy("told").retry_after, Busy("told", 7).retry_after) == (1, 7)
