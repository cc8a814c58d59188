"""Deadlines, and the start of a request as proxies report it."""

from __future__ import annotations

import dataclasses
import time

import pytest

from microfn.agent.deadline import ANCIENT, Deadline, began_at

CLOCK = 1_700_000_000.0


@pytest.mark.parametrize(
    ("timeout", "longest_wait", "wait"), [(2.0, 30.0, 1.0), (100.0, 30.0, 30.0), (60.0, 30.0, 30.0), (0.5, 0.1, 0.1)]
)
def test_wait_is_half_of_the_timeout_up_to_a_limit(timeout, longest_wait, wait):
    deadline = Deadline(10.0, timeout, longest_wait)
    assert deadline.latest_start == pytest.approx(10.0 + wait)
    assert deadline.end == 10.0 + timeout


def test_what_is_left_is_never_below_nothing():
    assert Deadline(time.monotonic() - 5, 2).left() == 0.0
    assert Deadline(time.monotonic() - 5, 2).is_over
    fresh = Deadline(time.monotonic(), 60)
    assert 59 < fresh.left() <= 60
    assert not fresh.is_over


def test_a_deadline_cannot_be_moved():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Deadline(1.0, 2.0).timeout = 3.0


AGES = {
    f"t={CLOCK - 2:.3f}": 2.0,
    f"{CLOCK - 2:.0f}": 2.0,
    f"{(CLOCK - 2) * 1e3:.0f}": 2.0,
    f"t={(CLOCK - 2) * 1e6:.0f}": 2.0,
    f"{CLOCK}": 0.0,
    f"{CLOCK - ANCIENT}": ANCIENT,
    f"{CLOCK - ANCIENT - 1}": 0.0,
    f"{CLOCK + 1}": 0.0,
    f"{(CLOCK + 3600) * 1e3:.0f}": 0.0,
    "0": 0.0,
    "": 0.0,
    "t=": 0.0,
    "-5": 0.0,
    "1e9": 0.0,
    "nan": 0.0,
    "inf": 0.0,
    "t=t=1": 0.0,
    " 1": 0.0,
    f"{CLOCK - 2}\n": 0.0,
    "１７００００００００": 0.0,
    "9" * 21: 0.0,
    "9" * 20: 0.0,
    "9" * 100_000: 0.0,
    "1." + "0" * 10: 0.0,
}


@pytest.mark.parametrize(("header", "age"), AGES.items(), ids=[repr(header)[:30] for header in AGES])
def test_start_of_a_request_is_read_in_any_unit(header, age):
    """A header has seconds, milliseconds or microseconds; an impossible time is ignored."""
    assert began_at(header, clock=CLOCK, now=1000.0) == pytest.approx(1000.0 - age)


def test_without_a_header_a_request_began_now():
    assert began_at(None, clock=CLOCK, now=7.0) == 7.0
