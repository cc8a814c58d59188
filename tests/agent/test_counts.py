"""Calls are counted by function and outcome."""

from __future__ import annotations

import time

import pytest
from werkzeug.exceptions import BadRequest, InternalServerError

from microfn.agent import Busy, Closed, Failed, Refused, TimedOut, TooLarge
from microfn.agent.call import Call
from microfn.agent.counts import STATES, Counts
from microfn.agent.deadline import Deadline


def call_of(name="f", *, has_started=True, has_ended=True, error=None):
    call = Call("GET", "/", deadline=Deadline(time.monotonic(), 60), name=name)
    if has_started:
        call.start()
    if has_ended:
        call.end(error)
    return call


OUTCOMES = [
    (None, True, "completed"),
    (BadRequest(), True, "completed"),
    (BadRequest(), False, "refused"),
    (InternalServerError(), True, "failed"),
    (TimedOut("late"), True, "timed_out"),
    (TimedOut("late"), False, "timed_out"),
    (Busy("full"), False, "refused"),
    (Closed("end"), False, "refused"),
    (TooLarge("large"), False, "refused"),
    (Refused("no"), True, "refused"),
    (Failed("broken"), True, "failed"),
    (ZeroDivisionError(), True, "failed"),
    (KeyboardInterrupt(), True, "failed"),
]


@pytest.mark.parametrize(("error", "has_started", "state"), OUTCOMES)
def test_call_that_has_ended_has_one_outcome(error, has_started, state):
    counts = Counts()
    counts.add(call_of(error=error, has_started=has_started))
    assert counts.with_calls([]) == {"f": dict.fromkeys(STATES, 0) | {state: 1}}


def test_calls_that_wait_and_run_are_counted_and_ended_ones_once():
    counts = Counts()
    counts.add_name("idle")
    waiting = call_of(has_started=False, has_ended=False)
    running = call_of(name="g", has_ended=False)
    got = counts.with_calls([waiting, running, call_of()])
    assert got == {
        "idle": dict.fromkeys(STATES, 0),
        "f": dict.fromkeys(STATES, 0) | {"queued": 1},
        "g": dict.fromkeys(STATES, 0) | {"running": 1},
    }
    got["idle"]["queued"] = 9
    assert counts.with_calls([])["idle"]["queued"] == 0
