"""Tokens of a host are file locks: none stays behind if a process is killed or forked."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from microfn.agent import Busy
from microfn.agent.admission.limiter import Limiter
from microfn.agent.admission.machine_limiter import MachineLimiter

from ..waiting import wait_until


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
        holder.wait(60)
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
    with pytest.raises(OSError, match=r"No such file|must be a directory"):
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
    highest = max(map(int, before))
    # The limit is for the number of a descriptor, so no lower number may be free.
    fillers = [os.dup(0)]
    while fillers[-1] < highest:
        fillers.append(os.dup(0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (fillers[-1] + 2, hard))
    try:
        with pytest.raises(Busy):
            limiter.acquire(4, time.monotonic() + 0.05)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for filler in fillers:
            os.close(filler)
    assert os.listdir("/proc/self/fd") == before
    limiter.acquire(4, time.monotonic()).release()


def test_where_there_are_no_locks_on_files_it_is_said_at_once(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(RuntimeError, match="no flock"):
        MachineLimiter(1, tmp_path)


def test_forked_child_skips_files_that_are_closed(tmp_path, after_fork_in_child):
    """The test calls the child's fork hook in this process, so that coverage sees it."""
    limiter, counted = MachineLimiter(2, tmp_path), Limiter(2)
    held, token = limiter.acquire(2, soon()), counted.acquire(2, soon())
    os.close(next(iter(limiter._held)))
    after_fork_in_child()
    held.release()
    token.release()
    assert counted.free == 2
    limiter.acquire(2, soon()).release()


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_directory_in_which_others_may_write_is_refused(tmp_path, mode):
    """If others could write there, they could lock all files or replace them."""
    tmp_path.chmod(mode)
    with pytest.raises(PermissionError, match=f"writable by its owner alone .* got mode {mode:o}"):
        MachineLimiter(1, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_directory_of_another_user_is_refused(tmp_path, monkeypatch):
    owner = tmp_path.stat().st_uid
    status = SimpleNamespace(st_mode=stat.S_IFDIR | 0o700, st_uid=owner + 7)
    monkeypatch.setattr(os, "stat", lambda path: status)
    with pytest.raises(PermissionError, match="must belong to this user or to root"):
        MachineLimiter(1, tmp_path)


def test_only_the_first_of_a_process_looks_again(tmp_path, monkeypatch):
    """Fifty waiting calls cost as much as one, although each of them once looked for itself."""
    limiter = MachineLimiter(1, tmp_path)
    held, looks = limiter.acquire(1, soon()), []
    attempt = limiter._try
    monkeypatch.setattr(limiter, "_try", lambda count: looks.append(count) or attempt(count))

    def wait():
        with pytest.raises(Busy):
            limiter.acquire(1, until)

    until = time.monotonic() + 0.5
    threads = [threading.Thread(target=wait) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    held.release()
    assert 0 < len(looks) < 100


def test_calls_of_a_process_have_their_tokens_in_order(tmp_path):
    limiter, order = MachineLimiter(2, tmp_path), []
    held = limiter.acquire(1, soon())

    def take(count):
        token = limiter.acquire(count, soon())
        order.append(count)
        token.release()

    threads = [threading.Thread(target=take, args=(count,)) for count in (2, 1)]
    for number, thread in enumerate(threads):
        thread.start()
        wait_until(lambda number=number: limiter._line.free == 0 and limiter._line.waiting == number)
    held.release()
    for thread in threads:
        thread.join(60)
    assert order == [2, 1]
