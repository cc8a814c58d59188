"""Groups and processes are killed only if they are ours."""

from __future__ import annotations

import os
import subprocess

from microfn.agent.launcher.kill import is_group_gone, kill, kill_group


def test_a_group_of_another_user_is_there(monkeypatch):
    def killpg(group, number):
        raise PermissionError

    monkeypatch.setattr(os, "killpg", killpg)
    assert not is_group_gone(1)
    kill_group(1)


def test_group_is_gone_when_its_last_process_is():
    leader = subprocess.Popen(["sleep", "20"], start_new_session=True)
    there = is_group_gone(leader.pid)
    kill_group(leader.pid)
    leader.wait()
    assert (there, is_group_gone(leader.pid)) == (False, True)


def test_process_that_is_gone_cannot_be_killed():
    process = subprocess.Popen(["sleep", "20"])
    assert kill(process.pid)
    process.wait()
    assert not kill(process.pid)
