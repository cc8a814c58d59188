"""The memory of a process, which is free when the process has ended."""

from __future__ import annotations

from types import SimpleNamespace

from microfn.agent.slot import Slot

from .tokens import CountedToken


def test_slot_reclaims_its_memory_if_its_process_has_ended():
    token, process = CountedToken(), SimpleNamespace(has_ended=False)
    slot = Slot(token)
    slot.reclaim()
    slot.hand_over(process)
    slot.reclaim()
    assert token.releases == 0
    process.has_ended = True
    slot.reclaim()
    slot.release()
    assert token.releases == 1


def test_slot_hands_locked_files_over_to_the_process():
    of_machine, own = CountedToken(7, 8), CountedToken()
    slot = Slot(of_machine, own)
    assert slot.files == [7, 8]
    slot.hand_over(SimpleNamespace(has_ended=False))
    assert (slot.files, of_machine.releases, own.releases) == ([], 1, 0)
