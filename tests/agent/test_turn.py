"""The turn of a call ends once, and releases its tokens once."""

from __future__ import annotations

import time

from microfn.agent.call import Call
from microfn.agent.deadline import Deadline
from microfn.agent.turn import Turn

from .tokens import CountedToken


def turn_with(*tokens, left=None):
    call = Call("GET", "/", deadline=Deadline(time.monotonic(), 5))
    turn = Turn(call, None, lambda turn, error: left.append((turn, error)))
    for token in tokens:
        turn.hold(token)
    return turn


def test_turn_releases_each_token_once():
    one, other = CountedToken(), CountedToken()
    turn = turn_with(one, other)
    turn.release()
    turn.release()
    assert (one.releases, other.releases) == (1, 1)


def test_turn_ends_once_with_the_first_error():
    left, error = [], ValueError()
    turn = turn_with(left=left)
    turn.close(error)
    turn.close()
    assert left == [(turn, error)]
