"""The turns of a request are found by its id, even if another request uses the same thread."""

from __future__ import annotations

import time

from microfn.agent.call import Call
from microfn.agent.deadline import Deadline
from microfn.agent.turn import Turn
from microfn.agent.wsgi.calls import CALL_ID_KEY, enclosing_turns, turns


def test_turns_belong_to_the_request_with_their_id():
    turn = Turn(Call("GET", "/", deadline=Deadline(time.monotonic(), 5)), None, lambda turn, error: None)
    assert enclosing_turns({}) == ()
    token = turns.set((turn,))
    try:
        assert enclosing_turns({CALL_ID_KEY: turn.call.id}) == (turn,)
        assert enclosing_turns({CALL_ID_KEY: "another"}) == ()
    finally:
        turns.reset(token)
