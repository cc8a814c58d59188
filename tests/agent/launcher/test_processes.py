"""The processes of this machine, as /proc has them."""

from __future__ import annotations

import os
import subprocess

from microfn.agent.launcher.processes import environ_of, memory_of, seen


def test_ended_process_has_no_memory_and_no_environment():
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert (memory_of(gone.pid), environ_of(gone.pid)) == (0, [])


def test_seen_processes_have_parents_sessions_and_threads():
    child = subprocess.Popen(["sleep", "20"], start_new_session=True)
    found = seen()
    child.kill()
    child.wait()
    assert found[child.pid][:3] == (os.getpid(), child.pid, 1)
    assert 0 < found[os.getpid()].bytes < memory_of(os.getpid()) * 10
