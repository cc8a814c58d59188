"""The engine opens, admits and ends calls, without a request."""

from __future__ import annotations

import time

import pytest

from microfn.agent import Busy, Closed
from microfn.agent.admission.limiter import Limiter
from microfn.agent.call import Call
from microfn.agent.counts import STATES
from microfn.agent.engine import Engine


@pytest.fixture
def engine():
    return Engine([Limiter(1)], start_header=None, longest_wait=30)


def call_of(engine, seconds=5.0, tokens=1):
    return Call("GET", "/", deadline=engine.deadline(seconds), tokens=tokens)


def test_turn_is_open_before_it_is_admitted(engine):
    """`close` waits for a call from the moment of its arrival."""
    turn = engine.open(call_of(engine))
    assert (engine.running, engine.limiters[0].free) == (1, 1)
    engine.admit(turn)
    assert engine.limiters[0].free == 0
    turn.close()
    assert (engine.running, engine.limiters[0].free) == (0, 1)


def test_call_that_comes_late_or_after_the_end_is_not_opened(engine):
    late = call_of(engine, seconds=0.02)
    time.sleep(0.02)
    with pytest.raises(Busy):
        engine.open(late)
    assert engine.close(0)
    closed = call_of(engine)
    with pytest.raises(Closed):
        engine.open(closed)
    assert (late.state, closed.state, engine.running) == ("ended", "ended", 0)


def test_forked_child_counts_its_functions_from_zero(agent):
    agent.cold(["true"], memory=32, timeout=60, name="f")
    agent.submit(agent.get_call("GET"))
    engine = agent._engine
    assert engine.counts()["f"]["completed"] == 1
    engine.reset_after_fork()
    assert engine.counts() == {"f": dict.fromkeys(STATES, 0)}
