"""`microfn work`: its arguments, and the supervisor and worker that it starts."""

import sys

import pytest

from microfn.agent.queue import child, supervisor
from microfn.agent.queue.record import StoreError

from .queued_app import QUEUED, failing
from .shop import typed


@pytest.fixture(autouse=True)
def calls(here, monkeypatch):
    """The supervisors and workers that the command starts. They are stubs."""
    (here / "agents.py").write_text(QUEUED.format(directory=here), "utf-8")
    found = []

    class Supervisor:
        def __init__(self, store, command, processes, *, grace):
            found.append((store.url, command[-2:], processes, grace))

        def run(self):
            found.append("ran")

    monkeypatch.setattr(supervisor, "Supervisor", Supervisor)
    monkeypatch.setattr(child, "work", lambda agent, parent: found.append(("work", parent)) or 0)
    return found


def test_supervisor_is_run_with_as_many_processes(calls, here):
    assert typed("work", "agents:agent", "--processes", "4") == ""
    assert calls == [(f"sqlite:///{here}/calls.db", ["work", "agents:agent"], 4, 30), "ran"]


def test_one_process_is_the_default(calls):
    typed("work", "agents:agent")
    assert calls[0][2] == 1


def test_worker_is_run_in_its_own_process(calls):
    typed("work", "agents:agent", "--parent", "7")
    assert calls == [("work", 7)]


def test_slots_are_listed(calls):
    assert typed("work", "agents:agent", "--list") == "SLOT  WORKER  RUNNING\n"
    assert calls == []
    assert sys.modules["agents"].agent.queue.store._opened is None


def test_store_that_fails_is_told(monkeypatch):
    def fail(store):
        raise StoreError("the store cannot be read: gone")

    monkeypatch.setattr(child, "slot_lines", fail)
    assert "Error: the store cannot be read: gone" in failing("work", "agents:agent", "--list")


@pytest.mark.parametrize("count", ["0", "-1", "1001", "many"])
def test_number_of_processes_is_checked(count):
    assert "--processes" in failing("work", "agents:agent", "--processes", count)
