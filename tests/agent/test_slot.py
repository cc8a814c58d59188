"""A slot gives back the tokens of its call once, and is left once."""

from __future__ import annotations

import time
from types import SimpleNamespace

from microfn.agent.call import Call
from microfn.agent.deadline import Deadline
from microfn.agent.slot import Slot


class Token:
    """A token that counts how often it is given back; `files` are those that are locked for it."""

    def __init__(self, *files):
        self.count = 0
        if files:
            self.files = list(files)

    def give_back(self):
        self.count += 1


def slot_with(*tokens, left=None):
    call = Call("GET", "/", deadline=Deadline(time.monotonic(), 5))
    slot = Slot(call, None, lambda slot, error: left.append((slot, error)))
    for token in tokens:
        slot.hold(token)
    return slot


def test_slot_gives_back_each_token_once():
    one, other = Token(), Token()
    slot = slot_with(one, other)
    slot.give_back()
    slot.give_back()
    assert (one.count, other.count) == (1, 1)


def test_slot_is_left_once_with_the_first_error():
    left, error = [], ValueError()
    slot = slot_with(left=left)
    slot.close(error)
    slot.close()
    assert left == [(slot, error)]


def test_slot_reclaims_tokens_if_its_process_has_ended():
    token, process = Token(), SimpleNamespace(has_ended=False)
    slot = slot_with(token)
    slot.reclaim()
    slot.process = process
    slot.reclaim()
    assert token.count == 0
    process.has_ended = True
    slot.reclaim()
    assert token.count == 1


def test_slot_hands_locked_files_over_to_the_process():
    of_host, own = Token(7, 8), Token()
    slot = slot_with(of_host, own)
    assert slot.files == [7, 8]
    slot.hand_over(SimpleNamespace(has_ended=False))
    assert (slot.files, of_host.count, own.count) == ([], 1, 0)
