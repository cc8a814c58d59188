"""Workers, in this process and in separate processes."""

import os
import signal
import threading
import time
from types import SimpleNamespace

import pytest
from dbos import DBOS, _serialization

from microfn.agent import Agent
from microfn.agent.queue import child
from microfn.agent.queue.child import LOST, Worker, slot_lines, work
from microfn.agent.queue.record import Outcome, StoreError
from microfn.agent.queue.slots import slots_of

from .. import hot_handles
from . import test_store

LIMIT = 60

pytestmark = pytest.mark.slow


@pytest.fixture
def working(url, monkeypatch):
    """An agent with functions, and its store."""
    monkeypatch.setattr(_serialization.DefaultSerializer, "deserialize", _serialization.DefaultSerializer.deserialize)
    agent = Agent(ram="256M", queue=url)
    for name, script in ("cat", "cat"), ("fail", "exit 1"), ("sleep", "sleep 600"):
        agent.queued(agent.cold(["sh", "-c", script], memory=8, timeout=60, name=name))
    yield agent
    agent.close(1)
    agent.queue.store.close()


@pytest.fixture
def start(working):
    """A factory of workers in this process."""
    made = []

    def start_():
        worker = Worker(working, 1)
        worker.start()
        made.append(worker)
        return worker

    yield start_
    for worker in made:
        worker.drain()


def final(store, call, seconds=LIMIT):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        entry = store.status(call.id)
        if entry.is_final:
            return entry
        time.sleep(0.05)
    pytest.fail(f"the call is {entry.state}")


def until(condition, seconds=LIMIT):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_worker_executes_what_is_queued(working, start, make_call):
    store = working.queue.store
    calls = [make_call(body=b"%d" % number) for number in range(20)]
    for call in calls:
        store.put(call)
    start()
    for call in calls:
        entry = final(store, call)
        assert (entry.state, entry.executions, entry.outcome.body) == ("success", 1, call.body)
        assert entry.enqueued_at <= entry.started_at <= entry.ended_at


def test_hot_function_is_executed_by_one_kept_process(working, start, make_call):
    working.queued(working.hot(hot_handles.count, memory=64, timeout=30, name="hot", max_processes=1))
    store, calls = working.queue.store, [make_call(function="hot") for _ in range(3)]
    start()
    for call in calls:
        store.put(call)
    said = [final(store, call).outcome.body.split() for call in calls]
    assert len({pid for pid, _ in said}) == 1
    assert sorted(number for _, number in said) == [b"1", b"2", b"3"]


def test_failing_call_is_executed_again_and_ends(working, start, make_call, monkeypatch):
    monkeypatch.setattr("microfn.agent.queue.execution._FIRST", 0.01)
    call = make_call(function="fail", retries=2)
    working.queue.store.put(call)
    start()
    entry = final(working.queue.store, call)
    assert (entry.state, entry.executions, entry.error) == ("error", 3, "The function ended with 1.")
    assert working.queue.store.stored(call.id).link == 2


def test_worker_takes_up_what_its_slot_has_left(working, start, make_call):
    store, call = working.queue.store, make_call(retries=1)
    store.put(call)
    lose(store, call, 1)
    start()
    entry = final(store, call)
    assert (entry.state, entry.executions) == ("success", 2)


def test_call_that_loses_each_worker_is_dead(working, start, make_call):
    store, call = working.queue.store, make_call(retries=1)
    store.put(call)
    lose(store, call, 2)
    start()
    entry = final(store, call)
    assert (entry.state, entry.executions) == ("dead", 2)
    assert entry.error == "The worker was lost during 2 executions."


def test_call_put_back_by_a_lost_worker_is_not_repeated(working, start, make_call):
    store, call = working.queue.store, make_call()
    store.put(call)
    lose(store, call, 1)
    store.put(call.again(executions=1, failures=1, state="error"))
    start()
    entry = final(store, call)
    assert (entry.state, entry.executions) == ("success", 2)
    until(lambda: store._rows(workflow_ids=[call.key])[0].status == "SUCCESS")


def test_call_that_was_put_back_is_not_executed_once_more(make_call):
    """The engine gives the record to a worker again, or to another one, at any time."""
    store = SimpleNamespace(attempts=lambda _: (2, True))
    worker = Worker(SimpleNamespace(queue=SimpleNamespace(functions={}, store=store)), 1)
    outcome = Outcome.from_json(worker.run(make_call(executions=3).to_json()))
    assert (outcome.state, outcome.executions) == ("again", 5)
    assert worker._running == set()


def lose(store, call, times):
    """Put a record in the state that a killed worker in slot 1 leaves."""
    test_store.lose(store, call.key, "slot-1", times)


def test_pickled_record_ends_as_an_error(working, start, make_call):
    import sqlalchemy as sa

    store, call = working.queue.store, make_call()
    store.put(call)
    engine, _ = store.open()
    prefix = "dbos." if engine.dialect.name == "postgresql" else ""
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {prefix}workflow_status SET serialization = 'py_pickle'"))
        evil = "Y2J1aWx0aW5zCnByaW50CihTJ3VucGlja2xlZCcKdFIu"
        connection.execute(sa.text(f"UPDATE {prefix}workflow_input SET inputs = '{evil}'"))
    start()

    def state():
        with engine.connect() as connection:
            return connection.execute(sa.text(f"SELECT status FROM {prefix}workflow_status")).scalar()

    until(lambda: state() == "ERROR")


def test_drained_worker_puts_back_what_does_not_end(working, start, make_call, monkeypatch):
    monkeypatch.setattr(child, "GRACE", 0.5)
    monkeypatch.setattr(child, "_PUTTING_BACK", LIMIT)
    store, call = working.queue.store, make_call(function="sleep", retries=0)
    store.put(call)
    worker = start()
    until(lambda: worker._running and working.running)
    worker.drain()
    assert not worker._running
    record = store.stored(call.id)
    assert (record.link, record.failures, record.executions) == (1, 0, 1)
    assert store.running() == {}


def test_drained_worker_waits_for_calls_and_for_their_return(monkeypatch):
    """First for their ends, for as long as they may take; then until those that were killed are put back."""
    now, said = [0.0], []
    store = SimpleNamespace(close=lambda: said.append("store"))
    agent = SimpleNamespace(queue=SimpleNamespace(functions={}, store=store))
    agent._engine = SimpleNamespace(close=lambda _: said.append(("killed", now[0] >= child.GRACE)))
    worker = Worker(agent, 1)
    worker._engine = SimpleNamespace(background_thread_stop_events=[threading.Event()])
    worker._database = SimpleNamespace(dispose=lambda: said.append("database"))
    worker._running.add("a")

    def sleep(seconds):
        now[0] += seconds
        if now[0] > child.GRACE + 1:
            worker._running.clear()

    monkeypatch.setattr(child, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    monkeypatch.setattr(child.DBOS, "destroy", lambda **_: said.append(("engine", set(worker._running))))
    worker.drain()
    assert said == [("killed", True), ("engine", set()), "database", "store"]
    assert worker._engine.background_thread_stop_events[0].is_set()


def test_stray_that_was_taken_and_not_begun_is_queued_again(working, start, make_call):
    store, call = working.queue.store, make_call()
    store.open()
    worker = start()
    for event in worker._engine.background_thread_stop_events:
        event.set()
    # Each queue is polled by a thread of its own, which another one starts.
    polling = [thread for thread in threading.enumerate() if "queue" in thread.name.lower()]
    for thread in polling:
        thread.join(LIMIT)
        assert not thread.is_alive()
    store.put(call)
    lose(store, call, 1)
    worker.look_for_strays()
    assert store.status(call.id).state == "running"
    worker.look_for_strays()
    assert store.status(call.id).state == "queued"
    worker.look_for_strays()


def test_store_that_fails_is_asked_until_it_works():
    errors = [StoreError("first"), StoreError("second")]

    def action():
        if errors:
            raise errors.pop()
        return "done"

    assert child._persistently(action) == "done"


def test_chores_are_done_when_it_is_time(monkeypatch):
    now, done = [0.0], []
    monkeypatch.setattr(child, "time", SimpleNamespace(monotonic=lambda: now[0]))
    worker = SimpleNamespace(look_for_strays=lambda: done.append(("look", now[0])))
    chores = child._Chores(worker, SimpleNamespace(purge=lambda: done.append(("purge", now[0]))))
    for now[0] in 10.0, 10.5, 20.5, 61.0, 61.5:
        chores.do()
    assert done == [("look", 10.5), ("look", 61.0), ("purge", 61.0)]


def test_chore_that_the_store_refuses_is_tried_later(monkeypatch):
    now, purged = [100.0], []

    def fail():
        raise StoreError("gone for a moment")

    monkeypatch.setattr(child, "time", SimpleNamespace(monotonic=lambda: now[0]))
    store = SimpleNamespace(purge=lambda: purged.append(now[0]))
    chores = child._Chores(SimpleNamespace(look_for_strays=fail), store)
    for now[0] in 161.0, 161.5:
        chores.do()
    assert purged == [161.5]


@pytest.fixture
def ends(monkeypatch):
    """Replace `os._exit` by an exception with the exit code, and restore the signal handlers."""
    before = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT)]

    def leave(code):
        raise SystemExit(code)

    monkeypatch.setattr(child.os, "_exit", leave)
    monkeypatch.setattr(child.logging, "shutdown", lambda: None)
    monkeypatch.setattr(child, "_LOOK", 0.05)
    made, begin, open_ = [], Worker.start, child.slots_of

    def start(self):
        begin(self)
        made.append(self._database.dispose)

    def slots(url):
        made.append((opened := open_(url)).close)
        return opened

    monkeypatch.setattr(Worker, "start", start)
    monkeypatch.setattr(child, "slots_of", slots)
    yield
    for number, handler in before:
        signal.signal(number, handler)
    DBOS.destroy()
    for close in made:
        close()


def test_work_ends_on_sigterm_and_gives_its_slot_back(working, ends, make_call, monkeypatch):
    for name in "_STRAY", "_PURGE":
        monkeypatch.setattr(child, name, 0.01)
    store, call = working.queue.store, make_call(keep=0.01)
    store.put(call)
    kept = make_call()
    store.put(kept)

    def stop():
        final(store, kept)
        until(lambda: store.status(call.id) is None)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(SystemExit) as caught:
        work(working, os.getppid())
    thread.join(LIMIT)
    assert caught.value.code == 0


def test_work_ends_with_its_parent(working, ends):
    with pytest.raises(SystemExit) as caught:
        work(working, 1 if os.getppid() != 1 else 2)
    assert caught.value.code == 0


def test_work_ends_hard_when_its_slot_is_lost(working, ends, monkeypatch):
    class Lost:
        def take(self, number):
            return True

        def check(self):
            raise StoreError("lost")

    monkeypatch.setattr(child, "slots_of", lambda url: Lost())
    with pytest.raises(SystemExit) as caught:
        work(working, os.getppid())
    assert caught.value.code == LOST


def test_work_goes_on_while_the_store_fails(working, ends, monkeypatch):
    monkeypatch.setattr(child, "_STRAY", 0.0)
    looks = []

    def look(self):
        looks.append(1)
        if len(looks) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        raise StoreError("gone for a moment")

    monkeypatch.setattr(Worker, "look_for_strays", look)
    with pytest.raises(SystemExit):
        work(working, os.getppid())
    assert len(looks) >= 2


def test_worker_without_a_store_does_not_begin(ends, monkeypatch):
    agent = Agent(queue="postgresql://nobody@127.0.0.1:1/calls")
    assert work(agent, os.getppid()) == LOST


def test_slots_are_listed_with_their_workers_and_calls(working, make_call, url):
    store, call = working.queue.store, make_call()
    store.put(call)
    lose(store, call, 1)
    slots = slots_of(url)
    slots.take(3)
    assert slot_lines(store) == ["SLOT  WORKER  RUNNING", "1     none    1", "3     yes     0"]
    slots.close()
