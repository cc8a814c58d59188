"""A call waits, runs and ends; it is submitted once."""

from __future__ import annotations

import io
import time

import pytest

from microfn.agent.call import Call
from microfn.agent.deadline import Deadline
from microfn.agent.errors import Busy


def made():
    return Call("GET", "/x", deadline=Deadline(time.monotonic(), 5))


def test_call_waits_runs_and_ends():
    call = made()
    states = [call.state]
    call.submit()
    states.append(call.state)
    call.start()
    states.append(call.state)
    call.end()
    states.append(call.state)
    assert states == ["waiting", "waiting", "running", "ended"]
    assert call.submitted_at <= call.started_at <= call.ended_at


def test_refused_call_has_ended_and_never_started():
    call, error = made(), Busy("full")
    call.submit()
    call.body = io.BytesIO(b"x")
    call.end(error)
    assert (call.state, call.started_at, call.error) == ("ended", None, error)
    assert call.body.closed


def test_call_is_submitted_once():
    call = made()
    call.submit()
    with pytest.raises(RuntimeError, match="was submitted already"):
        call.submit()


def test_calls_have_ids_of_their_own_and_show_them():
    one, other = made(), made()
    assert one.id != other.id
    assert repr(one) == f"<Call {one.id} GET '/x': waiting>"
