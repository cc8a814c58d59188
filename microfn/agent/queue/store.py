"""The store of queued calls in the tables of DBOS: put, status and purge. `child` executes the calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from dbos import DBOSClient, EnqueueOptions, WorkflowStatus

from ...fork import register_fork_reset
from .engine import QUEUE, VERSION, WORKFLOW, InUse, client_of, engine_of, failing, prepare
from .record import Entry, Outcome, QueuedCall, StoreError
from .url import path_of

__all__ = ["Store"]

_STATES = {"ENQUEUED": "queued", "DELAYED": "queued", "PENDING": "running", "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "dead"}
_COMPLETE = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
_LINKS = 100
_PAGE = 500


class Store:
    """The calls of an agent in a SQLite file or a PostgreSQL database. The first use opens it.

    Each method raises `StoreError` if the store fails.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.reset_after_fork()
        register_fork_reset(self)

    def reset_after_fork(self) -> None:
        """Forget the connections in a forked child, since they belong to the parent."""
        self._lock = threading.Lock()
        self._opened: tuple[sa.Engine, DBOSClient] | None = None

    def open(self) -> tuple[sa.Engine, DBOSClient]:
        """Return the SQLAlchemy engine and the DBOS client of this process."""
        with self._lock:
            if self._opened is None:
                with failing("opened"):
                    prepare(self.url)
                    engine = engine_of(self.url)
                    self._opened = engine, client_of(engine)
            return self._opened

    def close(self) -> None:
        """Close all connections. The next use opens new ones."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened[1].destroy()
            opened[0].dispose()

    def put(self, call: QueuedCall, delay: float | None = None) -> str | None:
        """Store a call durably, to be executed after `delay` seconds.

        Return None, or the digest of the stored call if there already is a call with this id.
        """
        engine, client = self.open()
        attributes = {name: getattr(call, name) for name in ("digest", "enqueued_at", "expires_at", "function", "keep")}
        options: EnqueueOptions = {
            "workflow_name": WORKFLOW,
            "queue_name": QUEUE,
            "workflow_id": call.key,
            "workflow_id_reuse_policy": "reject",
            "app_version": VERSION,
            "attributes": attributes | {"call": call.id, "link": call.link},
        }
        if delay is not None:
            options["delay_seconds"] = delay
        try:
            # DBOSClient.enqueue would wait for a lock without a limit.
            with failing("written"), engine.begin() as connection:
                client.enqueue_in_transaction(connection, options, call.to_json())
        except InUse:
            rows = self._rows(workflow_ids=[call.key], load_input=False, load_output=False)
            # If the other call was purged since, its id is free.
            return _attribute(rows[0], "digest") if rows else self.put(call, delay)
        return None

    def status(self, call_id: str) -> Entry | None:
        """Return a call with its state and outcome, or None if the id is unknown."""
        row = self._last_row(call_id)
        if row is None:
            return None
        self._refuse_foreign([row.workflow_id])
        rows = self._rows(workflow_ids=[row.workflow_id])
        return _entry(rows[0]) if rows else None

    def stored(self, call_id: str) -> QueuedCall | None:
        """Return the last record of a call, or None if the id is unknown."""
        row = self._last_row(call_id)
        rows = []
        if row is not None:
            self._refuse_foreign([row.workflow_id])
            rows = self._rows(workflow_ids=[row.workflow_id], load_output=False)
        return QueuedCall.from_json(rows[0].input["args"][0]) if rows and rows[0].input else None

    def entries(self, *, most: int = 100, states: Iterable[str] = ()) -> list[Entry]:
        """Return up to `most` calls in these states, or in any state. The newest is the first."""
        wanted, found = set(states), dict[str, Entry]()
        for rows in self._pages(sort_desc=True, load_input=False, load_output=False):
            for row in rows:
                call_id = _attribute(row, "call")
                if call_id and call_id not in found:
                    entry = self.status(call_id)
                    if entry is not None and (not wanted or entry.state in wanted):
                        found[call_id] = entry
                        if len(found) == most:
                            return list(found.values())
        return list(found.values())

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the numbers of queued and running calls, by function."""
        is_sqlite = path_of(self.url) is not None
        function = "json_extract(attributes, '$.function')" if is_sqlite else "attributes->>'function'"
        # The variable parts are constants. DBOSClient.list_workflows would read each row.
        query = (
            f"SELECT {function}, status, count(*) FROM {'' if is_sqlite else 'dbos.'}workflow_status "  # noqa: S608  # nosec B608
            "WHERE queue_name = :queue AND status IN ('ENQUEUED', 'DELAYED', 'PENDING') GROUP BY 1, 2"
        )
        engine, _ = self.open()
        found: dict[str, dict[str, int]] = {}
        with failing("read"), engine.connect() as connection:
            for name, status, count in connection.execute(sa.text(query), {"queue": QUEUE}):
                found.setdefault(str(name), {"queued": 0, "running": 0})[_STATES[status]] += count
        return found

    def running(self) -> dict[str, set[str]]:
        """Return the keys of the running calls, by the slot of their worker."""
        found: dict[str, set[str]] = {}
        for rows in self._pages(status="PENDING", load_input=False, load_output=False):
            for row in rows:
                found.setdefault(row.executor_id or "", set()).add(row.workflow_id)
        return found

    def attempts(self, call: QueuedCall) -> tuple[int, bool]:
        """Return the number of executions of a record, and whether its call was queued again afterwards."""
        rows = self._rows(workflow_ids=[call.key, call.again().key], load_input=False, load_output=False)
        taken = [row.recovery_attempts or 1 for row in rows if row.workflow_id == call.key]
        return (taken or [1])[0], len(rows) > 1

    def release(self, slot: str, keys: Iterable[str] | None = None) -> int:
        """Queue the records of a slot again, or only `keys`, and return how many were queued.

        The caller holds the lock of the slot, or knows that `keys` are idle. A lost execution counts as an execution.
        """
        _, client = self.open()
        taken = self.running().get(slot, set()) if keys is None else keys
        with failing("written"):
            # DBOSClient.resume_workflow would reset the number of executions.
            return sum(client._sys_db.reenqueue_for_recovery(key, [slot], QUEUE) for key in sorted(taken))  # noqa: SLF001

    def purge(self, *, older: float | None = None, now: float | None = None) -> int:
        """Delete calls that ended more than `older` seconds ago, and return how many were deleted.

        Without `older`, each call has its own `keep`. `now` is the time in seconds since 1970, for tests.
        """
        moment = time.time() if now is None else now
        ripe: set[str] = set()
        for rows in self._pages(status=list(_COMPLETE), load_input=False, load_output=False):
            ripe |= {_attribute(row, "call") for row in rows if _is_older(row, older, moment)}
        _, client = self.open()
        count = 0
        for call_id in sorted(ripe - {""}):
            links = [*self._links(call_id)]
            if all(row.status in _COMPLETE and _is_older(row, older, moment) for row in links):
                with failing("written"):
                    client.delete_workflows([row.workflow_id for row in links])
                count += 1
        return count

    def _links(self, call_id: str) -> Iterator[WorkflowStatus]:
        """Return the records of a call in order."""
        first = 0
        while True:
            keys = [call_id if not link else f"{call_id}-{link:06}" for link in range(first, first + _LINKS)]
            rows = self._rows(workflow_ids=keys, load_input=False, load_output=False)
            yield from sorted(rows, key=lambda row: row.workflow_id)
            if len(rows) < _LINKS:
                return
            first += _LINKS

    def _last_row(self, call_id: str) -> WorkflowStatus | None:
        last = None
        for row in self._links(call_id):
            # A lost worker may have queued the call again without completing the previous record.
            last = row
        return last

    def _rows(self, **options: Any) -> list[WorkflowStatus]:
        _, client = self.open()
        with failing("read"):
            return client.list_workflows(**options)

    def _pages(self, **options: Any) -> Iterator[list[WorkflowStatus]]:
        offset = 0
        while True:
            rows = self._rows(**options, queue_name=QUEUE, limit=_PAGE, offset=offset)
            yield rows
            if len(rows) < _PAGE:
                return
            offset += _PAGE

    def _refuse_foreign(self, keys: list[str]) -> None:
        """Raise `StoreError` for a row that is marked as pickled, since DBOS would unpickle it."""
        engine, _ = self.open()
        schema = "" if path_of(self.url) else "dbos."
        # The schema is a constant.
        query = f"SELECT count(*) FROM {schema}workflow_status WHERE workflow_uuid = :key AND serialization <> :ours"  # noqa: S608  # nosec B608
        with failing("read"), engine.connect() as connection:
            for key in keys:
                if connection.execute(sa.text(query), {"key": key, "ours": "portable_json"}).scalar():
                    raise StoreError(f"the record {key} is not JSON")


def _attribute(row: WorkflowStatus, name: str) -> str:
    return str((row.attributes or {}).get(name, ""))


def _is_older(row: WorkflowStatus, older: float | None, now: float) -> bool:
    keep = float((row.attributes or {}).get("keep", 0.0)) if older is None else older
    return (row.completed_at or 0) / 1000 + keep < now


def _entry(row: WorkflowStatus) -> Entry:
    """Return the state of a call from its last record."""
    call = QueuedCall.from_json(row.input["args"][0]) if row.input else None
    known: dict[str, Any] = {
        "id": _attribute(row, "call"),
        "function": _attribute(row, "function"),
        "digest": _attribute(row, "digest"),
        "enqueued_at": float((row.attributes or {}).get("enqueued_at", 0.0)),
        "expires_at": float((row.attributes or {}).get("expires_at", 0.0)),
    }
    if row.status == "SUCCESS" and isinstance(row.output, dict):
        outcome = Outcome.from_json(row.output)
        ends: dict[str, Any] = {"started_at": outcome.started_at, "ended_at": outcome.ended_at, "error": outcome.error}
        return Entry(**known, state=outcome.state, executions=outcome.executions, outcome=outcome, **ends)
    state = _STATES.get(row.status, "error")
    executions = (call.executions if call else 0) + (row.recovery_attempts or 0)
    started = call.started_at if call else None
    if started is None and row.dequeued_at is not None:
        started = row.dequeued_at / 1000
    error = call.error if call else None
    ended = None
    if row.status in _COMPLETE:
        ended = (row.completed_at or 0) / 1000
        error = f"DBOS ended the call with {row.status}."
    return Entry(**known, state=state, executions=executions, started_at=started, ended_at=ended, error=error)
