"""Groups of calls, in an ordinary directory that stands for the kernel's.

Its files keep what is written, so these tests tell what the launcher asks for, and when. They cannot tell whether the
kernel limits or kills anything: tests/cgroups does (make cgroups).
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from microfn.agent.launcher import cgroup
from microfn.agent.launcher.cgroup import Group, Groups

from ..waiting import wait_until
from .starting import MIB


@pytest.fixture
def delegated(tmp_path, monkeypatch):
    """A directory whose directories are removed with their files, as the kernel does. A file `dying` keeps one."""
    remove = os.rmdir

    def rmdir(path, **how):
        if os.path.exists(os.path.join(path, "dying")):
            raise OSError(errno.EBUSY, "a process is in it")
        for name in os.listdir(path):
            os.unlink(os.path.join(path, name))
        remove(path, **how)

    directory = tmp_path / "app"
    (directory / "server").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", rmdir)
        yield directory


@pytest.fixture
def groups(delegated):
    made = Groups(str(delegated), str(delegated / "server"))
    yield made
    made.close()


def of_launchers(delegated):
    return [path for path in delegated.iterdir() if path.name != "server"]


def test_launcher_has_a_group_with_controllers_and_tries_it(delegated, groups):
    (own,) = of_launchers(delegated)
    assert str(own) == groups.path
    assert own.name.startswith("functions-")
    assert [path.name for path in own.iterdir()] == ["cgroup.subtree_control"]
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids"
    assert (delegated / "server/cgroup.procs").read_text() == "0"


def test_there_is_no_launcher_group_if_a_process_cannot_move(delegated):
    with pytest.raises(FileNotFoundError):
        Groups(str(delegated), str(delegated / "gone"))
    assert of_launchers(delegated) == []


def test_group_is_entered_and_left_also_after_an_error(delegated, groups):
    group = groups.make("a")
    home = delegated / "server/cgroup.procs"
    home.unlink()
    with group.entered():
        assert Path(group.path, "cgroup.procs").read_text() == "0"
        assert not home.exists()
    assert home.read_text() == "0"
    home.unlink()
    with pytest.raises(ZeroDivisionError), group.entered():
        _ = 1 / 0
    assert home.read_text() == "0"


def test_group_has_its_limits(groups):
    group = groups.make("a")
    group.limit(64 * MIB, 16)
    assert {path.name: path.read_text() for path in Path(group.path).iterdir()} == {
        "memory.max": str(64 * MIB),
        "memory.oom.group": "1",
        "memory.swap.max": "0",
        "pids.max": "16",
    }


def test_limits_that_the_kernel_lacks_are_left_out(groups):
    group = groups.make("a")
    for name in "memory.swap.max", "memory.max":
        Path(group.path, name).mkdir()
    group.limit(64 * MIB, 16)
    assert Path(group.path, "pids.max").read_text() == "16"
    for name in "memory.swap.max", "memory.max":
        Path(group.path, name).rmdir()


def test_there_is_no_second_group_of_a_name(groups):
    assert groups.make("a") is not None
    assert groups.make("a") is None


@pytest.mark.parametrize(
    ("name", "text", "is_empty", "is_out_of_memory"),
    [
        ("cgroup.events", "populated 1\nfrozen 0\n", False, False),
        ("cgroup.events", "populated 0\nfrozen 0\n", True, False),
        ("memory.events", "oom 3\noom_kill 0\noom_group_kill 1\n", True, False),
        ("memory.events", "oom 3\noom_kill 12\noom_group_kill 1\n", True, True),
        ("none", "", True, False),
    ],
)
def test_state_is_read_from_files(groups, name, text, is_empty, is_out_of_memory):
    group = groups.make("a")
    Path(group.path, name).write_text(text)
    assert (group.is_empty(), group.is_out_of_memory()) == (is_empty, is_out_of_memory)


def test_group_that_is_gone_is_killed_in_vain(delegated):
    Group(str(delegated / "gone"), str(delegated)).kill()
    assert not (delegated / "gone").exists()


def test_group_of_dying_processes_is_removed_later(groups):
    group = groups.make("a")
    dying = Path(group.path, "dying")
    dying.touch()
    groups.leave(group)
    assert groups.clean()
    dying.unlink()
    assert not groups.clean()
    assert not os.path.exists(group.path)


def test_group_that_somebody_else_removed_is_not_missed(groups):
    group = groups.make("a")
    os.rmdir(group.path)
    groups.leave(group)
    assert not groups.clean()


def test_kill_is_for_all_calls_and_close_removes_them(delegated, groups):
    groups.make("a")
    groups.kill()
    assert Path(groups.path, "cgroup.kill").read_text() == "1"
    other = Groups(str(delegated), str(delegated / "server"))
    other.make("b")
    other.close()
    assert of_launchers(delegated) == [Path(groups.path)]


def test_next_launcher_kills_and_removes_what_lost_ones_left(delegated, groups):
    for name in "functions-1", "functions-2":
        (delegated / name / "call").mkdir(parents=True)
    (delegated / "functions-2/dying").touch()
    (delegated / "other").mkdir()
    groups.make("alive")
    successor = Groups(str(delegated), str(delegated / "server"))
    assert not (delegated / "functions-1").exists()
    assert (delegated / "functions-2/cgroup.kill").read_text() == "1"
    assert (delegated / "other").exists()
    assert not Path(groups.path, "cgroup.kill").exists()
    assert successor.clean()
    (delegated / "functions-2/dying").unlink()
    assert not successor.clean()
    assert not (delegated / "functions-2").exists()
    successor.close()


def test_group_that_was_taken_for_a_stale_one_is_made_again(delegated, monkeypatch):
    """Another launcher can see a new group before it is locked: it locks the group, and removes it."""
    lock, happens = fcntl.flock, ["locks it", "removes it", "nothing"]

    def flock(file, how):
        event = happens.pop(0)
        if event == "locks it":
            raise BlockingIOError
        if event == "removes it":
            os.rmdir(os.readlink(f"/proc/self/fd/{file}"))
        lock(file, how)

    monkeypatch.setattr(cgroup.fcntl, "flock", flock)
    groups = Groups(str(delegated), str(delegated / "server"))
    assert happens == []
    assert Path(groups.path) in of_launchers(delegated)
    groups.close()


def test_call_gets_a_group_and_limits_that_are_gone_after_it(delegated, launched):
    launched.launcher._groups = groups = Groups(str(delegated), str(delegated / "server"))
    talk = launched.start("read line", memory=64 * MIB)
    talk.hear()
    group = Path(groups.path, talk.id)
    wait_until(lambda: not group.exists())
    assert talk.end() == "ended 1 -"
    groups.close()


def test_call_whose_memory_ran_out_is_told_so(delegated, launched):
    launched.launcher._groups = groups = Groups(str(delegated), str(delegated / "server"))
    talk = launched.start(f"echo oom_kill 1 > {groups.path}/$FN_CALL_ID/memory.events; kill -9 $$")
    talk.hear()
    assert talk.end() == "ended -9 memory"
    groups.close()


def test_program_that_cannot_be_started_leaves_no_group(delegated, launched):
    launched.launcher._groups = groups = Groups(str(delegated), str(delegated / "server"))
    talk = launched.start("", argv=[b"/no/such/program"])
    assert talk.hear() == "failed 2"
    assert not [path for path in Path(groups.path).iterdir() if path.is_dir()]
    groups.close()


def test_call_without_a_group_runs_as_before(delegated, launched, monkeypatch):
    monkeypatch.setattr(Groups, "make", lambda *_: None)
    launched.launcher._groups = groups = Groups(str(delegated), str(delegated / "server"))
    talk = launched.start("exit 3")
    talk.hear()
    assert talk.end() == "ended 3 -"
    groups.close()


def test_group_that_is_left_is_looked_at_again(delegated, launched):
    launched.launcher._groups = groups = Groups(str(delegated), str(delegated / "server"))
    talk = launched.start(f"touch {groups.path}/$FN_CALL_ID/dying")
    talk.hear()
    assert talk.end() == "ended 0 -"
    group = Path(groups.path, talk.id)
    assert group.exists()
    (group / "dying").unlink()
    wait_until(lambda: not group.exists())
    groups.close()
