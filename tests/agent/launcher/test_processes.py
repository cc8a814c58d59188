"""The processes of this machine, from /proc."""

from __future__ import annotations

import os
import subprocess

from microfn.agent.launcher.processes import Seen, descendants, environ_of, memory_of, seen


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


def test_ended_process_is_exiting_until_it_is_waited_for():
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    found = seen()
    process.wait()
    assert found[process.pid].is_exiting
    assert not found[os.getpid()].is_exiting


def test_descendants_come_after_their_parents():
    found = {pid: Seen(parent, 1, 1, 1) for pid, parent in {1: 0, 2: 1, 3: 2, 4: 3, 5: 1, 6: 2}.items()}
    order = list(descendants(2, found))
    assert sorted(order) == [3, 4, 6]
    assert order.index(3) < order.index(4)
    assert list(descendants(4, found)) == []


def test_processes_in_a_circle_of_parents_descend_from_nobody():
    found = {7: Seen(8, 7, 1, 1), 8: Seen(7, 8, 1, 1)}
    assert list(descendants(1, found)) == []
    assert list(descendants(7, found)) == [8, 7]
