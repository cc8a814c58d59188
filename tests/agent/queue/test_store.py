"""The store, on SQLite and on PostgreSQL."""

import base64
import os
import sqlite3
import stat
import threading
import time
from contextlib import closing, suppress

import pytest
import sqlalchemy as sa

from microfn.agent.queue.engine import prepare
from microfn.agent.queue.record import StoreError
from microfn.agent.queue.store import Store
from microfn.agent.queue.url import path_of


def columns(store):
    """Return all texts in a store, with their tables and columns."""
    opened, _ = store.open()
    schema = None if path_of(store.url) else "dbos"
    with opened.connect() as connection:
        for table in sa.inspect(opened).get_table_names(schema=schema):
            name = f'"{schema}"."{table}"' if schema else f'"{table}"'
            for row in connection.execute(sa.text(f"SELECT * FROM {name}")).mappings():
                yield from ((table, key, value) for key, value in row.items() if value is not None)


def finish(store, key, status="SUCCESS", ago=100.0):
    """End a record as a worker does, with an end time that is `ago` seconds in the past."""
    opened, _ = store.open()
    table = "workflow_status" if path_of(store.url) else "dbos.workflow_status"
    with opened.begin() as connection:
        connection.execute(
            sa.text(f"UPDATE {table} SET status = :status, completed_at = :at WHERE workflow_uuid = :key"),
            {"status": status, "at": int((time.time() - ago) * 1000), "key": key},
        )


def lose(store, key, slot, times=2):
    """Put a record in the state that a worker leaves if it is killed during the second execution."""
    opened, _ = store.open()
    table = "workflow_status" if path_of(store.url) else "dbos.workflow_status"
    with opened.begin() as connection:
        connection.execute(
            sa.text(
                f"UPDATE {table} SET status = 'PENDING', executor_id = :slot, recovery_attempts = :times, "
                "owner_xid = 'lost' WHERE workflow_uuid = :key"
            ),
            {"slot": slot, "times": times, "key": key},
        )


def test_call_that_was_put_is_queued(store, make_call):
    call = make_call()
    assert store.put(call) is None
    entry = store.status(call.id)
    assert (entry.id, entry.function, entry.state, entry.executions) == (call.id, "cat", "queued", 0)
    assert (entry.enqueued_at, entry.expires_at) == (call.enqueued_at, call.expires_at)
    assert entry.started_at is entry.ended_at is entry.error is entry.outcome is None
    assert store.stored(call.id) == call


def test_call_that_was_never_put_is_unknown(store):
    assert store.status("0" * 32) is None
    assert store.stored("0" * 32) is None


def test_second_put_returns_the_digest_of_the_first(store, make_call):
    call = make_call(digest="first")
    store.put(call)
    assert store.put(make_call(id=call.id, digest="second", body=b"other")) == "first"
    assert store.stored(call.id).body == b"asked"


def test_two_puts_of_one_id_at_once_store_one_call(store, make_call):
    call, found = make_call(), []
    store.open()
    threads = [threading.Thread(target=lambda: found.append(store.put(call))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found, key=str) == [None, *["digest"] * 7] or sorted(found, key=str) == ["digest"] * 7 + [None]
    assert len(store.entries()) == 1


def test_put_of_a_call_purged_meanwhile_stores_it(store, make_call, monkeypatch):
    call = make_call()
    store.put(call)
    rows = store._rows

    def purged(**options):
        monkeypatch.setattr(store, "_rows", rows)
        finish(store, call.key)
        assert store.purge(older=0) == 1
        return rows(**options)

    monkeypatch.setattr(store, "_rows", purged)
    assert store.put(call) is None
    assert store.status(call.id).state == "queued"


def test_store_holds_nothing_pickled(store, make_call):
    store.put(make_call(body=b"\x80\x04\x95", headers={"X": "\udcff"}))
    store.put(make_call().again(), delay=5)
    found = list(columns(store))
    kinds = {value for _, key, value in found if key == "serialization"}
    assert kinds == {"portable_json"}
    for table, key, value in found:
        if isinstance(value, str):
            data = value.encode()
            with suppress(ValueError):
                data = base64.b64decode(value, validate=True)
            assert not data.startswith(b"\x80"), (table, key)
    stored = [value for table, key, value in found if key == "inputs"]
    assert len(stored) == 2
    assert all(value.startswith('{"namedArgs":{},"positionalArgs":[{"') for value in stored)


def test_record_marked_as_pickled_is_not_loaded(store, make_call):
    call = make_call()
    store.put(call)
    opened, _ = store.open()
    table = "workflow_status" if path_of(store.url) else "dbos.workflow_status"
    with opened.begin() as connection:
        connection.execute(sa.text(f"UPDATE {table} SET serialization = 'py_pickle'"))
    with pytest.raises(StoreError, match="is not JSON"):
        store.status(call.id)
    with pytest.raises(StoreError, match="is not JSON"):
        store.stored(call.id)


def test_call_put_back_is_told_by_its_last_record(store, make_call):
    call = make_call()
    store.put(call)
    finish(store, call.key)
    again = call.again(executions=1, failures=1, error="It failed.", started_at=5.0)
    store.put(again, delay=60)
    entry = store.status(call.id)
    assert (entry.state, entry.executions, entry.error, entry.started_at) == ("queued", 1, "It failed.", 5.0)
    assert store.stored(call.id) == again
    assert len(store.entries()) == 1


def test_call_put_back_over_a_hundred_times_is_found(store, make_call):
    call = make_call()
    for _ in range(101):
        store.put(call)
        call = call.again()
    store.put(call)
    assert store.stored(call.id).link == 101


def test_counts_and_entries_tell_functions_apart(store, make_call):
    for name in "a", "b", "b":
        store.put(make_call(function=name))
    assert store.counts() == {"a": {"queued": 1, "running": 0}, "b": {"queued": 2, "running": 0}}
    assert [entry.function for entry in store.entries(most=2)] == ["b", "b"]
    assert store.entries(states=["dead"]) == []
    assert len(store.entries(states=["queued"])) == 3


@pytest.mark.parametrize(
    ("status", "state"), [("CANCELLED", "error"), ("MAX_RECOVERY_ATTEMPTS_EXCEEDED", "dead"), ("ERROR", "error")]
)
def test_call_that_the_engine_ended_is_final(store, make_call, status, state):
    call = make_call()
    store.put(call)
    finish(store, call.key, status)
    entry = store.status(call.id)
    assert (entry.state, entry.is_final, entry.error) == (state, True, f"DBOS ended the call with {status}.")
    assert entry.ended_at is not None


def test_purge_deletes_what_is_older_than_it_is_kept(store, make_call):
    old, fresh, waiting = make_call(keep=50.0), make_call(keep=500.0), make_call(keep=1.0)
    for call in old, fresh, waiting:
        store.put(call)
    for call in old, fresh:
        finish(store, call.key, ago=100)
    assert store.purge() == 1
    assert [store.status(call.id) is None for call in (old, fresh, waiting)] == [True, False, False]
    assert store.purge(older=99.0) == 1
    assert store.purge(older=0.0) == 0
    assert store.status(waiting.id).state == "queued"


def test_purge_leaves_a_call_that_was_put_back(store, make_call):
    call = make_call(keep=1.0)
    store.put(call)
    finish(store, call.key)
    store.put(call.again())
    assert store.purge() == 0
    finish(store, call.again().key)
    assert store.purge() == 1
    assert store.status(call.id) is None


def test_purge_goes_through_all_pages(store, make_call, monkeypatch):
    monkeypatch.setattr("microfn.agent.queue.store._PAGE", 2)
    calls = [make_call() for _ in range(5)]
    for call in calls:
        store.put(call)
        finish(store, call.key)
    assert len(store.entries(most=9)) == 5
    assert store.purge(older=0) == 5


def test_attempts_are_those_of_one_record(store, make_call):
    call = make_call()
    assert store.attempts(call) == (1, False)
    store.put(call)
    assert store.attempts(call) == (1, False)
    store.put(call.again())
    assert store.attempts(call) == (1, True)


def test_records_of_a_lost_worker_are_queued_again(store, make_call):
    calls = [make_call() for _ in range(3)]
    for call in calls:
        store.put(call)
    lose(store, calls[0].key, "slot-1")
    lose(store, calls[1].key, "slot-1")
    lose(store, calls[2].key, "slot-2")
    assert store.status(calls[0].id).state == "running"
    assert store.running() == {"slot-1": {calls[0].key, calls[1].key}, "slot-2": {calls[2].key}}
    assert store.release("slot-1", {calls[0].key, calls[2].key}) == 1
    assert store.release("slot-1") == 1
    assert store.release("slot-1") == 0
    assert store.running() == {"slot-2": {calls[2].key}}
    assert [store.status(call.id).state for call in calls] == ["queued", "queued", "running"]
    assert store.status(calls[0].id).executions == 2


def test_file_is_its_owners_alone_and_has_a_log(sqlite_url, make_call):
    before = os.umask(0)
    try:
        store = Store(sqlite_url)
        store.put(make_call())
        path = path_of(sqlite_url)
        for suffix in "", "-wal", "-shm":
            assert stat.S_IMODE(os.stat(path + suffix).st_mode) == 0o600
        store.close()
    finally:
        os.umask(before)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_file_that_others_could_read_is_closed_to_them(sqlite_url, make_call):
    path = path_of(sqlite_url)
    os.close(os.open(path, os.O_CREAT, 0o644))
    store = Store(sqlite_url)
    store.put(make_call())
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    store.close()


def test_old_sqlite_tells_the_time_that_the_engine_asks_for(sqlite_url):
    """unixepoch('subsec') needs SQLite 3.42. Older versions return NULL."""
    store = Store(sqlite_url)
    with store.open()[0].connect() as connection:
        found = connection.exec_driver_sql("SELECT unixepoch('subsec')").scalar()
    assert abs(found - time.time()) < 60
    store.close()


def test_commits_of_sqlite_are_durable(sqlite_url):
    store = Store(sqlite_url)
    with store.open()[0].connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    store.close()


@pytest.mark.slow
def test_locked_file_fails_within_seconds(sqlite_url, make_call):
    store = Store(sqlite_url)
    store.put(make_call())
    other = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(StoreError, match="database is locked"):
        store.put(make_call())
    fresh = Store(sqlite_url)
    with pytest.raises(StoreError, match="database is locked"):
        fresh.put(make_call())
    assert time.monotonic() - began < 60
    other.execute("ROLLBACK")
    assert fresh.put(make_call()) is None
    other.close()
    store.close()
    fresh.close()


@pytest.mark.parametrize(
    ("setting", "error"), [("max_page_count={most}", "database or disk is full"), ("query_only=1", "readonly database")]
)
def test_file_that_is_full_or_read_only_stores_nothing(sqlite_url, make_call, setting, error):
    store = Store(sqlite_url)
    first = make_call()
    store.put(first)
    with closing(sqlite3.connect(path_of(sqlite_url))) as plain:
        pages = plain.execute("PRAGMA page_count").fetchone()[0]
    store.close()

    @sa.event.listens_for(sa.pool.Pool, "connect")
    def limit(connection, _):
        connection.execute(f"PRAGMA {setting.format(most=pages + 2)}")

    try:
        big = make_call(body=b"x" * 1_000_000)
        with pytest.raises(StoreError, match=error):
            store.put(big)
    finally:
        sa.event.remove(sa.pool.Pool, "connect", limit)
        store.close()
    assert store.status(big.id) is None
    assert store.status(first.id).state == "queued"
    store.close()


def test_place_that_cannot_be_written_is_an_error(tmp_path, make_call):
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(f"sqlite:///{tmp_path}/missing/calls.db").put(make_call())
    (tmp_path / "directory").mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(f"sqlite:///{tmp_path}/directory").put(make_call())
    (tmp_path / "text").write_text("no database" * 1000)
    with pytest.raises(StoreError, match="not a database"):
        Store(f"sqlite:///{tmp_path}/text").put(make_call())


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused_as_it_is(tmp_path, make_call, make):
    path = tmp_path / "calls.db"
    make(path)
    path.chmod(0o755)
    with pytest.raises(StoreError, match="must be a regular file"):
        Store(f"sqlite:///{path}").put(make_call())
    assert path.stat().st_mode & 0o777 == 0o755


def test_path_of_a_file_is_not_decoded(tmp_path, make_call):
    store, call = Store(f"sqlite:///{tmp_path}/a%41 é.db"), make_call()
    store.put(call)
    assert store.status(call.id).state == "queued"
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {"a%41 é.db"}
    store.close()


def test_store_without_a_log_is_refused(sqlite_url, make_call, monkeypatch):
    class Connection(sqlite3.Connection):
        def execute(self, query, *arguments):
            return super().execute("SELECT 'delete'" if "journal_mode" in query else query, *arguments)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: connect(*args, **options, factory=Connection))
    with pytest.raises(StoreError, match="write-ahead log, got journal 'delete'"):
        Store(sqlite_url).put(make_call())


def test_store_is_prepared_again_without_harm(url, make_call):
    for _ in range(2):
        prepare(url)
    store = Store(url)
    store.put(make_call())
    prepare(url)
    assert len(store.entries()) == 1
    store.close()


def test_database_that_is_gone_is_an_error(make_call):
    with pytest.raises(StoreError, match="cannot be opened"):
        Store("postgresql://nobody@127.0.0.1:1/calls").put(make_call())


@pytest.mark.slow
def test_database_may_come_back(postgres, postgres_url, make_call):
    store = Store(postgres_url)
    store.put(make_call())
    postgres.kill()
    try:
        with pytest.raises(StoreError):
            store.put(make_call())
        with pytest.raises(StoreError):
            store.status("0" * 32)
    finally:
        postgres.start()
    assert store.put(make_call()) is None
    assert len(store.entries()) == 2
    store.close()


def test_child_that_was_forked_opens_its_own(store, make_call):
    store.put(make_call())
    opened = store.open()
    store.reset_after_fork()
    assert store.open() is not opened
    opened[0].dispose()


def test_closed_store_opens_again(store, make_call):
    store.close()
    store.put(make_call())
    store.close()
    assert len(store.entries()) == 1
