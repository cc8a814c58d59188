"""The launcher's look at a table of processes: each case at every run, however the machine times it."""

from __future__ import annotations

import os
import socket
import time
import uuid

import pytest

from microfn.agent.launcher import supervisor
from microfn.agent.launcher.processes import Seen
from microfn.agent.launcher.protocol import LaunchSpec, Request
from microfn.agent.launcher.run import Run

MIB = 1024 * 1024
CALL, OTHER = uuid.UUID(int=1).hex, uuid.UUID(int=2).hex
LEADER, CHILD, STRAY, SECOND = 4_300_001, 4_300_002, 4_300_003, 4_300_004
"""Ids of processes that cannot be there: the kernel's highest is 4,194,304."""


class Table:
    """A launcher whose machine is a dict of processes, so that nothing of it happens by chance."""

    def __init__(self, monkeypatch):
        self.processes, self.environments, self.memory = {}, {}, {}
        self.killed, self.immortal, self.told = [], set(), []
        self._sockets = socket.socketpair()
        files = [*os.pipe(), *os.pipe()]
        self._files = files
        notices = type("Told", (), {"write": lambda _, line: self.told.append(line)})()
        self.launcher = supervisor.Launcher(self._sockets[0], files[0], notices, files[2])
        monkeypatch.setattr(supervisor, "seen", lambda: dict(self.processes))
        monkeypatch.setattr(supervisor, "environ_of", lambda pid: self.environments.get(pid, []))
        monkeypatch.setattr(supervisor, "memory_of", lambda pid: self.memory.get(pid, 0))
        monkeypatch.setattr(supervisor, "kill", self._kill)

    def _kill(self, pid):
        self.killed.append(pid)
        return pid not in self.immortal

    def add(self, pid, *, parent=None, session=None, threads=1, size=MIB, call=None, exiting=False):
        parent = os.getpid() if parent is None else parent
        self.processes[pid] = Seen(parent, pid if session is None else session, threads, size, exiting)
        self.environments[pid] = [] if call is None else [b"FN_CALL_ID=" + call.encode()]

    def start(self, call=CALL, pid=LEADER):
        spec = LaunchSpec(
            call_id=call,
            end=time.monotonic() + 60,
            memory=64 * MIB,
            addresses=None,
            processes=4,
            descriptors=64,
            cwd=b"/",
            argv=[b"true"],
            env={},
        )
        run = Run(Request(spec, self._sockets[1], [], []), pid)
        self.launcher._runs[pid] = run
        self.add(pid, call=call)
        return run

    def look(self):
        self.killed.clear()
        self.launcher._look()
        return sorted(self.killed)

    def close(self):
        self.launcher._selector.close()
        for one in self._sockets:
            one.close()
        for file in self._files:
            os.close(file)


@pytest.fixture
def table(monkeypatch):
    table = Table(monkeypatch)
    yield table
    table.close()


def test_a_stray_is_killed_and_told_once(table):
    table.add(STRAY, call=CALL)
    assert table.look() == [STRAY]
    assert table.told == [f"microfn: call {CALL} left process {STRAY} behind: killed"]
    assert table.look() == [STRAY]  # it is still dying
    assert len(table.told) == 1


def test_strays_of_a_call_are_told_together(table):
    table.add(STRAY, call=CALL)
    table.add(SECOND, parent=STRAY, call=CALL)
    assert table.look() == [STRAY, SECOND]
    assert [line.partition("left")[0] for line in table.told] == [f"microfn: call {CALL} "]
    assert table.told[0].endswith("behind and 1 more: killed")


def test_a_stray_that_is_gone_or_anothers_is_not_told(table):
    table.add(STRAY, call=CALL)
    table.immortal.add(STRAY)
    assert table.look() == [STRAY]
    assert table.told == []


def test_a_stray_without_an_id_of_a_call_is_told_as_unknown(table):
    table.add(STRAY)
    table.look()
    assert table.told == [f"microfn: call unknown left process {STRAY} behind: killed"]


def test_a_stray_of_a_killed_call_is_not_told(table):
    table.launcher._killed[CALL] = time.monotonic()
    table.add(STRAY, call=CALL)
    assert table.look() == [STRAY]
    assert table.told == []


def test_a_killed_call_is_forgotten_after_a_while(table):
    table.launcher._killed[CALL] = time.monotonic() - 60
    table.add(STRAY, call=CALL)
    table.look()
    assert len(table.told) == 1


def test_a_process_of_a_group_that_dies_is_not_told(table):
    run = table.start()
    del table.launcher._runs[LEADER], table.processes[LEADER]
    table.launcher._leaving[run] = time.monotonic() + 60
    table.add(STRAY, session=LEADER, call=CALL)
    assert table.look() == [STRAY]
    assert table.told == []


def test_a_process_that_exits_is_let_alone(table):
    table.add(STRAY, call=CALL, exiting=True)
    assert table.look() == []
    assert table.told == []


@pytest.mark.parametrize(
    "process",
    [
        {"parent": LEADER, "session": LEADER},
        {"session": LEADER},
        {"parent": LEADER},
        {"call": CALL},
    ],
    ids=["its child", "in its session", "in a session of its own", "with the id of its call"],
)
def test_a_process_belongs_to_its_function(table, process):
    table.start()
    table.add(CHILD, **process)
    assert table.look() == []
    assert table.told == []
    table.launcher._runs[LEADER].is_killed = True
    assert table.look() == [LEADER, CHILD]
    assert table.told == []


def test_a_process_is_known_though_its_parent_has_ended(table):
    """A process without an environment has ended since the scan."""
    table.start()
    table.add(STRAY)
    table.immortal.add(STRAY)
    table.add(CHILD, parent=STRAY, call=CALL)
    assert table.look() == [STRAY]
    assert table.told == []


def test_a_process_belongs_to_the_function_of_its_parent(table):
    table.start()
    table.add(SECOND, call=CALL)
    table.add(CHILD, parent=SECOND)  # started with an empty environment
    assert table.look() == []


def test_a_process_of_another_call_does_not_belong_to_it(table):
    table.start()
    table.add(STRAY, call=OTHER)
    assert table.look() == [STRAY]


def test_more_threads_than_processes_allowed_end_it(table):
    run = table.start()
    table.add(CHILD, parent=LEADER, threads=3)
    assert table.look() == []
    table.add(CHILD, parent=LEADER, threads=4)
    assert table.look() == [LEADER, CHILD]
    assert run.why == "processes"


def test_memory_is_counted_exactly_before_it_ends_a_function(table):
    run = table.start()
    table.add(CHILD, parent=LEADER, size=100 * MIB)
    table.memory[CHILD] = 60 * MIB  # most of it is shared with processes of others
    assert table.look() == []
    table.memory[CHILD] = 65 * MIB
    assert table.look() == [LEADER, CHILD]
    assert run.why == "memory"


def test_looks_become_rarer_while_nothing_is_killed(table):
    table.start()
    table.launcher._rest = supervisor.FIRST_LOOK
    rests = []
    for _ in range(6):
        table.look()
        rests.append(round(table.launcher._rest, 3))
    assert rests == [0.02, 0.04, 0.08, 0.1, 0.1, 0.1]


def test_a_look_that_kills_is_followed_by_another_at_once(table):
    table.add(STRAY, call=CALL)
    table.look()
    assert table.launcher._look_at <= time.monotonic()
    table.look()
    assert table.launcher._look_at > time.monotonic()
