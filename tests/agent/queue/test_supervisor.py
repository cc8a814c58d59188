"""The supervisor, with stubs of workers and with real workers."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from microfn.agent.queue import supervisor
from microfn.agent.queue.record import StoreError
from microfn.agent.queue.slots import slots_of
from microfn.agent.queue.supervisor import Supervisor, command_for

LIMIT = 60
STUB = """
import json, os, signal, sys, time
signal.signal(signal.SIGTERM, {handler})
with open({notes!r}, "a") as file:
    file.write(json.dumps([os.getpid(), *sys.argv[1:]]) + "\\n")
if {dies!r}:
    sys.exit(4)
time.sleep(600)
"""


class Store:
    """A store that reports the running calls of a test."""

    def __init__(self, url):
        self.url, self.found, self.is_closed = url, {}, False
        self.released = []
        self.failures = 0

    def release(self, slot):
        self.released.append(slot)
        return len(self.found.pop(slot))

    def running(self):
        if isinstance(self.found, Exception):
            self.failures += 1
            raise self.found
        return dict(self.found)

    def close(self):
        self.is_closed = True


@pytest.fixture
def make(tmp_path, sqlite_url, monkeypatch):
    """A factory of supervisors that run in a thread. Their workers log to a file."""
    made = []
    monkeypatch.setattr(supervisor.signal, "signal", lambda *_: None)
    monkeypatch.setattr(supervisor, "_RESCUE", 0.05)
    monkeypatch.setattr(supervisor, "_LOOK", 0.02)

    def make_(processes=1, dies=False, handler="lambda *_: sys.exit(0)", grace=10.0):
        notes = tmp_path / "notes"
        notes.touch()
        program = STUB.format(notes=str(notes), dies=dies, handler=handler)
        one = Supervisor(Store(sqlite_url), [sys.executable, "-c", program], processes, grace=grace)
        thread = threading.Thread(target=one.run)
        thread.start()
        made.append((one, thread))
        return one, thread, lambda: [json.loads(line) for line in notes.read_text().splitlines()]

    yield make_
    for one, thread in made:
        one._end(0, None)
        thread.join(LIMIT)


def until(condition, seconds=LIMIT):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_as_many_workers_are_started_as_were_told(make):
    _, _, notes = make(processes=3)
    until(lambda: len(notes()) == 3)
    assert {tuple(note[1:]) for note in notes()} == {("--parent", str(os.getpid()))}


def test_killed_worker_is_replaced(make, monkeypatch):
    monkeypatch.setattr(supervisor, "_SETTLED", 0.0)
    _, _, notes = make()
    until(lambda: len(notes()) == 1)
    os.kill(notes()[0][0], signal.SIGKILL)
    until(lambda: len(notes()) == 2)


@pytest.mark.slow
def test_worker_that_cannot_begin_is_tried_less_and_less(make, monkeypatch):
    monkeypatch.setattr(supervisor, "_SETTLED", 600.0)
    one, _, notes = make(dies=True)
    until(lambda: len(notes()) >= 3)
    assert one._places[0].pause >= 1.0
    place = supervisor._Place()
    for _ in range(9):
        place.note_end(place.started)
    assert place.pause == 5.0


def test_calls_of_a_lost_slot_are_queued_again(make):
    one, _, _ = make()
    one._store.found = {"slot-7": {"a"}, "local": {"b"}, "": {"c"}}
    until(lambda: one._store.released)
    assert set(one._store.released) == {"slot-7"}
    until(lambda: one._slots is not None and one._slots.take(7))
    one._slots.give_back(7)


def test_held_slot_is_left_alone(make, sqlite_url):
    slots = slots_of(sqlite_url)
    slots.take(7)
    one, _, _ = make()
    one._store.found = {"slot-7": {"a"}, "slot-8": {"b"}}
    until(lambda: "slot-8" in one._store.released)
    assert "slot-7" not in one._store.released
    slots.close()


def test_supervisor_goes_on_while_the_store_fails(make):
    one, _, _ = make()
    one._store.found = StoreError("gone")
    until(lambda: one._store.failures >= 2)
    one._store.found = {"slot-7": {"a"}}
    until(lambda: one._store.released)


def test_supervisor_waits_for_a_database(make, monkeypatch):
    tried = []

    def fail(url):
        tried.append(url)
        raise StoreError("gone")

    monkeypatch.setattr(supervisor, "slots_of", fail)
    one, _, notes = make()
    until(lambda: len(tried) >= 2 and notes())
    assert one._store.url == tried[0]


@pytest.mark.slow
def test_end_waits_for_workers_and_kills_those_that_stay(make, monkeypatch):
    monkeypatch.setattr(supervisor, "_AFTER_GRACE", 0.0)
    one, thread, notes = make(handler="signal.SIG_IGN", grace=1.0)
    until(lambda: len(notes()) == 1)
    began = time.monotonic()
    one._end(signal.SIGTERM, None)
    thread.join(LIMIT)
    assert time.monotonic() - began >= 0.9
    with pytest.raises(ProcessLookupError):
        os.kill(notes()[0][0], 0)
    assert one._store.is_closed


class Clock:
    """Time that passes in sleeps alone; at its end the supervisor is told to end."""

    def __init__(self, end):
        self.now, self.end, self.supervisor = 0.0, end, None

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        if self.now >= self.end:
            self.supervisor._end(signal.SIGTERM, None)


class Ending:
    """The process of a worker that ends at a time of its own."""

    pid, returncode = 4_300_001, 4

    def __init__(self, clock, end):
        self._clock, self._end = clock, end
        self.is_terminated = False

    def poll(self):
        return self.returncode if self._clock.now >= self._end else None

    def terminate(self):
        self.is_terminated = True

    def wait(self, seconds):
        assert seconds > 0


def test_places_and_lost_slots_are_looked_after_in_time(sqlite_url, monkeypatch):
    clock, started, looks = Clock(end=12.0), [], []
    ends = [0.25, 0.875, 8.0, 99.0]

    def start(self):
        started.append((clock.now, Ending(clock, ends[len(started)])))
        return started[-1][1]

    monkeypatch.setattr(supervisor, "time", clock)
    monkeypatch.setattr(supervisor, "_LOOK", 0.125)
    monkeypatch.setattr(supervisor.signal, "signal", lambda *_: None)
    monkeypatch.setattr(Supervisor, "_start", start)
    monkeypatch.setattr(Supervisor, "_look_for_lost", lambda _: looks.append(clock.now))
    clock.supervisor = one = Supervisor(Store(sqlite_url), [], 1, grace=1.0)
    one.run()
    # The second worker ends as soon as the first one, so its place stays empty twice as long.
    assert [at for at, _ in started] == [0.0, 0.75, 1.875, 8.0]
    assert looks == [0.0, 0.25, *(number + 0.875 for number in range(8)), 8.0, 9.0, 10.0, 11.0]
    assert [process.is_terminated for _, process in started] == [False, False, False, True]
    assert one._store.is_closed


def test_command_is_that_of_this_interpreter():
    assert command_for("app:agent") == [sys.executable, "-m", "microfn", "work", "app:agent"]


APP = """
import os
from microfn.agent import Agent
agent = Agent(ram="256M", queue=os.environ["URL"])
for name, script in ("cat", "cat"), ("slow", "sleep 1; cat"):
    agent.queued(agent.cold(["sh", "-c", script], memory=8, timeout=30, name=name), retries=9)
"""


@pytest.fixture
def run(tmp_path, url):
    """A factory of real supervisors."""
    (tmp_path / "app.py").write_text(APP)
    made = []

    def run_(processes=1, *, prefix=()):
        process = subprocess.Popen(
            [*prefix, *command_for("app:agent"), "--processes", str(processes)],
            cwd=tmp_path,
            env=os.environ | {"URL": url},
            start_new_session=True,
        )
        made.append(process)
        return process

    yield run_
    for process in made:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(LIMIT)


def children(process):
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    return []


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["worker", "supervisor", "both"])
def test_calls_of_killed_processes_end_once(run, store, make_call, victim):
    process = run()
    calls = [make_call(function="slow", retries=9) for _ in range(4)]
    for call in calls:
        store.put(call)
    until(lambda: sum(map(len, store.running().values())) == 4)
    [child] = children(process)
    if victim == "both":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        os.kill(process.pid if victim == "supervisor" else child, signal.SIGKILL)
    if victim != "worker":
        process.wait(LIMIT)
        process = run(2)
        until(lambda: len(children(process)) == 2)
    until(lambda: all(store.status(call.id).is_final for call in calls))
    ends = [store.status(call.id) for call in calls]
    assert {entry.state for entry in ends} == {"success"}
    assert {entry.outcome.body for entry in ends} == {b"asked"}
    # Workers whose supervisor was killed end their calls.
    assert {entry.executions for entry in ends} == ({1} if victim == "supervisor" else {2})
    process.terminate()
    assert process.wait(LIMIT) == 0


def host(name):
    """Return a command that runs another with a host name and process ids of its own; all of it ends with the first."""
    return [
        "unshare",
        "--uts",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "sh",
        "-c",
        f'hostname {name}; "$@"',
        "-",
    ]


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a process another host name")
def test_calls_of_a_lost_host_are_executed_by_another(run, store, make_call):
    lost = run(2, prefix=host("host-a"))
    calls = [make_call(function="slow", retries=9) for _ in range(4)]
    for call in calls:
        store.put(call)
    until(lambda: sum(map(len, store.running().values())) == 4)
    lost.kill()
    lost.wait(LIMIT)
    other = run(2, prefix=host("host-b"))
    until(lambda: all(store.status(call.id).is_final for call in calls))
    ends = [store.status(call.id) for call in calls]
    assert {(entry.state, entry.outcome.body, entry.executions) for entry in ends} == {("success", b"asked", 2)}
    os.killpg(other.pid, signal.SIGTERM)
    other.wait(LIMIT)


@pytest.mark.slow
def test_calls_that_wait_are_executed_by_the_next_deployment(run, store, make_call, tmp_path):
    kept, removed = make_call(), make_call(function="slow", retries=0)
    for call in kept, removed:
        store.put(call)
    (tmp_path / "app.py").write_text(APP.replace('("cat", "cat"), ("slow", "sleep 1; cat")', '("cat", "echo new"),'))
    process = run()
    until(lambda: all(store.status(call.id).is_final for call in (kept, removed)))
    assert store.status(kept.id).outcome.body == b"new\n"
    entry = store.status(removed.id)
    assert (entry.state, entry.error) == ("error", "The agent has no queued function 'slow'.")
    process.terminate()
    assert process.wait(LIMIT) == 0


@pytest.mark.slow
def test_two_supervisors_share_the_work_and_the_lost_slots(run, store, make_call, url):
    first, second = run(1), run(1)
    slots = slots_of(url)
    until(lambda: not any(slots.take(number) and not slots.give_back(number) for number in (1, 2)))
    calls = [make_call(function="slow", retries=9) for _ in range(40)]
    for call in calls:
        store.put(call)
    until(lambda: len(store.running()) == 2)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(LIMIT)
    until(lambda: all(store.status(call.id).is_final for call in calls))
    assert {store.status(call.id).state for call in calls} == {"success"}
    slots.close()
    second.terminate()
    assert second.wait(LIMIT) == 0
