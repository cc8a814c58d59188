"""The delegated control group of a server, in ordinary files that stand for the kernel's.

Rights of users, extended attributes and what the kernel does with `cgroup.subtree_control` are imitated. tests/cgroups
has the real ones (make cgroups).
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from microfn.agent import delegation
from microfn.agent.delegation import Delegation, find_delegation

GROUPS = "29 23 0:26 {top} /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
OTHER = "22 1 254:1 / / rw - ext4 /dev/root rw\n"


class Machine:
    """A tree of files. `attributes` are the extended attributes of all files, and `user` is the effective user id."""

    def __init__(self, root):
        self.root = root
        self.attributes = {"user.delegate": b"1"}
        self.user = 0
        self.delegated = root / "sys/fs/cgroup/app"
        self.home = self.delegated / "server"
        self.write("proc/self/cgroup", "1:name=systemd:/\n0::/app/server\n")
        self.write("proc/self/mountinfo", OTHER + GROUPS.format(top="/"))
        self.write("sys/fs/cgroup/app/cgroup.controllers", "cpu memory pids\n")
        for name in "cgroup.procs", "cgroup.subtree_control":
            self.write(f"sys/fs/cgroup/app/{name}", "")
        for name in "cgroup.procs", "cgroup.kill", "memory.max", "memory.oom.group", "pids.max":
            self.write(f"sys/fs/cgroup/app/server/{name}", "")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def attribute(self, _, name):
        if name in self.attributes:
            return self.attributes[name]
        raise OSError

    def find(self):
        return find_delegation(str(self.root))


@pytest.fixture
def machine(tmp_path, monkeypatch):
    made = Machine(tmp_path)
    monkeypatch.setattr(delegation.os, "getxattr", made.attribute)
    monkeypatch.setattr(delegation.os, "geteuid", lambda: made.user)
    return made


def test_parent_of_the_own_group_is_found_and_gets_controllers(machine):
    assert machine.find() == Delegation(str(machine.delegated), str(machine.home))
    assert (machine.delegated / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_group_is_found_below_what_a_container_sees(machine):
    machine.write("proc/self/cgroup", "0::/machine/web/app/server\n")
    machine.write("proc/self/mountinfo", GROUPS.format(top="/machine/web"))
    assert machine.find() == Delegation(str(machine.delegated), str(machine.home))


@pytest.mark.parametrize(
    ("user", "attributes", "is_found"),
    [
        (0, {}, False),
        (0, {"user.delegate": b"0"}, False),
        (0, {"trusted.delegate": b"1"}, True),
        (1000, {}, True),
    ],
)
def test_root_needs_the_mark_of_systemd(machine, user, attributes, is_found):
    machine.user, machine.attributes = user, attributes
    assert (machine.find() is not None) is is_found
    assert bool((machine.delegated / "cgroup.subtree_control").read_text()) is is_found


@pytest.mark.parametrize("name", ["", "cgroup.procs", "cgroup.subtree_control", "server/cgroup.procs"])
def test_group_that_this_user_cannot_write_to_is_none(machine, monkeypatch, name):
    closed, access = os.path.join(machine.delegated, name), os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != closed and access(path, mode))
    assert machine.find() is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("proc/self/cgroup", "4:memory:/app\n"),
        ("proc/self/cgroup", "0::/\n"),
        ("proc/self/cgroup", "0::/../elsewhere\n"),
        ("proc/self/mountinfo", OTHER),
        ("proc/self/mountinfo", GROUPS.format(top="/app/server")),
        ("sys/fs/cgroup/app/cgroup.controllers", ""),
        ("sys/fs/cgroup/app/cgroup.controllers", "memory\n"),
        ("sys/fs/cgroup/app/cgroup.controllers", "memory_hot pids\n"),
    ],
)
def test_without_all_that_is_needed_there_is_none(machine, name, text):
    machine.write(name, text)
    assert machine.find() is None
    assert (machine.delegated / "cgroup.subtree_control").read_text() == ""


@pytest.mark.parametrize("name", ["proc/self/cgroup", "proc/self/mountinfo", "sys/fs/cgroup/app/cgroup.controllers"])
def test_without_the_files_of_the_kernel_there_is_none(machine, name):
    (machine.root / name).unlink()
    assert machine.find() is None


@pytest.mark.parametrize("name", ["cgroup.kill", "memory.max", "memory.oom.group", "pids.max"])
def test_kernel_without_a_file_is_too_old(machine, name):
    (machine.home / name).unlink()
    assert machine.find() is None


def test_group_whose_controllers_cannot_be_enabled_is_none(machine):
    """The kernel refuses controllers if the group has a process."""
    (machine.delegated / "cgroup.subtree_control").unlink()
    (machine.delegated / "cgroup.subtree_control").mkdir()
    assert machine.find() is None


def test_agent_passes_the_delegated_group_to_its_launcher(tmp_path):
    """The launcher and its guard use an ordinary directory as a group."""
    (tmp_path / "server").mkdir()
    program = f"""
import os
from microfn.agent import Agent, delegation, process
process.find_delegation = lambda: delegation.Delegation({str(tmp_path)!r}, {str(tmp_path / "server")!r})
agent = Agent(ram="64M")
call = agent.get_call("GET", function=agent.cold(["true"], memory=16, timeout=20))
print(agent.submit(call).id)
agent.close()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    (own,) = tmp_path.glob("functions-*")
    assert (own / "cgroup.kill").read_text() == "1"
    limits = own / done.stdout.strip()
    assert (limits / "memory.max").read_text() == str(16 << 20)
    assert (limits / "cgroup.procs").read_text() == "0"
    assert (tmp_path / "server/cgroup.procs").read_text() == "0"
