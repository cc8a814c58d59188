"""A function has ended if its group is gone."""

from __future__ import annotations

import os

import pytest

from microfn.agent.launcher import supervisor
from microfn.agent.launcher.run import Run


def test_files_are_held_until_the_group_is_gone(launched):
    read, write = os.pipe()
    os.set_blocking(read, False)
    talk = launched.start("sleep 0.3", held=[write])
    os.close(write)
    talk.hear()
    with pytest.raises(BlockingIOError):
        os.read(read, 1)
    assert talk.end() == "ended 0 -"
    os.set_blocking(read, True)
    assert os.read(read, 1) == b""
    os.close(read)


def test_exit_of_the_leader_is_told_before_the_group_is_gone(launched, monkeypatch):
    answers = [True, False, False]
    monkeypatch.setattr(Run, "is_gone", lambda _: answers.pop())
    monkeypatch.setattr(supervisor, "LAST_MOMENT", 20.0)
    talk = launched.start("kill -9 $$")
    talk.hear()
    assert (talk.hear(), talk.hear(), talk.hear()) == ("exited -9 -", "ended -9 -", "")


def test_end_is_told_when_the_group_is_gone_not_before(launched, monkeypatch):
    answers = [True, False, False]
    monkeypatch.setattr(Run, "is_gone", lambda _: answers.pop())
    monkeypatch.setattr(supervisor, "LAST_MOMENT", 20.0)
    talk = launched.start("exit 0")
    talk.hear()
    assert talk.hear() == "exited 0 -"
    assert (talk.hear(), answers) == ("ended 0 -", [])
