"""Tokens of a host are locks on files: none stays behind, whoever is killed or forked."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time

import pytest

from microfn import fork
from microfn.agent import Busy
from microfn.agent.admission.limiter import Limiter
from microfn.agent.admission.machine_limiter import MachineLimiter


def soon(seconds=5.0):
    return time.monotonic() + seconds


def test_a_child_that_lives_on_does_not_keep_its_parents_locks(tmp_path):
    limiter = MachineLimiter(1, tmp_path)
    held = limiter.acquire(1, soon())
    pid = os.fork()
    if pid == 0:
        time.sleep(30)
        os._exit(0)
    try:
        held.release()
        limiter.acquire(1, soon()).release()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


HOLDER = """
import sys, time
from microfn.agent.admission.machine_limiter import MachineLimiter
MachineLimiter(2, sys.argv[1]).acquire(2, time.monotonic() + 5)
print("has them", flush=True)
time.sleep(30)
"""


def test_a_process_that_is_killed_gives_its_tokens_back(tmp_path):
    limiter = MachineLimiter(2, tmp_path)
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"has them\n"
        with pytest.raises(Busy, match="this host"):
            limiter.acquire(1, until=0.0)
        holder.kill()
        holder.wait(5)
        limiter.acquire(2, soon()).release()


def test_tokens_of_a_host_leave_no_descriptors_behind(tmp_path):
    limiter = MachineLimiter(3, tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        held = limiter.acquire(2, soon())
        with pytest.raises(Busy):
            limiter.acquire(2, until=0.0)
        held.release()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_cannot_be_opened_leaves_nothing_locked(tmp_path):
    limiter = MachineLimiter(2, tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    (tmp_path / "token-1").unlink()
    (tmp_path / "token-1").mkdir()
    with pytest.raises(OSError, match="token-1"):
        limiter.acquire(2, soon())
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("place", ["nowhere/at/all", "a-file"])
def test_a_directory_that_cannot_be_used_is_said_at_once(place, tmp_path):
    (tmp_path / "a-file").touch()
    with pytest.raises(OSError, match="the directory that processes share is not there"):
        MachineLimiter(1, tmp_path / place)


def test_a_link_in_the_place_of_a_token_is_refused(tmp_path):
    (tmp_path / "token-0").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="token-0"):
        MachineLimiter(1, tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_token_is_busy_if_no_more_files_can_be_opened(tmp_path):
    limiter = MachineLimiter(4, tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = os.listdir("/proc/self/fd")
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(before) + 1, hard))
    try:
        with pytest.raises(Busy):
            limiter.acquire(4, time.monotonic() + 0.05)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert os.listdir("/proc/self/fd") == before
    limiter.acquire(4, time.monotonic()).release()


def test_where_there_are_no_locks_on_files_it_is_said_at_once(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(RuntimeError, match="no flock"):
        MachineLimiter(1, tmp_path)


def test_forked_child_skips_files_that_are_closed(tmp_path):
    """What a child does, where coverage can see it."""
    limiter, counted = MachineLimiter(2, tmp_path), Limiter(2)
    held, token = limiter.acquire(2, soon()), counted.acquire(2, soon())
    os.close(next(iter(limiter._held)))
    fork._after_fork_in_child()
    held.release()
    token.release()
    assert counted.free == 2
    limiter.acquire(2, soon()).release()
