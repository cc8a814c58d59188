"""The process of a worker, which holds a slot and executes calls. `microfn work` starts it."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from . import engine
from .execution import Again, execute
from .record import Outcome, QueuedCall, StoreError
from .slots import Slots, name_of, number_of, slots_of, take_first

if TYPE_CHECKING:
    from .store import Store

__all__ = ["GRACE", "LOST", "Worker", "slot_lines", "work"]

GRACE = 30
"""Seconds that running calls have after SIGTERM. Then their functions are killed, and the calls are queued again."""
_PUTTING_BACK = 5.0
LOST = 4
"""The exit code of a worker that has no slot or has lost it."""
_THREADS = 16
_POLLING = 0.1
_LOOK = 0.5
_STRAY = 10.0
_LISTED = 64
_PURGE = 60.0
logger = logging.getLogger("microfn.agent")
Result = TypeVar("Result")


def _refuse(self: object, text: str) -> Any:  # noqa: ARG001 - the engine's
    raise ValueError("a record must be JSON, got a pickled record")


class Worker:
    """Executes the calls of one agent while this process holds a slot."""

    def __init__(self, agent: Any, slot: int) -> None:
        self._agent = agent
        self._functions = agent.queue.functions
        self._store = agent.queue.store
        self._slot = slot
        self._running: set[str] = set()
        self._strays: set[str] = set()

    def start(self) -> None:
        """Recover the calls of the slot's last holder, and start to execute calls."""
        from dbos import _serialization  # noqa: PLC0415 - each row names its serializer, and DBOS would unpickle it

        _serialization.DefaultSerializer.deserialize = _refuse  # type: ignore[assignment,method-assign]
        _, client = self._store.open()  # with tables that are up to date
        self._database = engine.engine_of(self._store.url, waits=30.0, size=8)
        config: DBOSConfig = {
            "name": engine.APPLICATION,
            "system_database_url": self._store.url,
            "system_database_engine": self._database,
            "serializer": DBOSPortableJSONSerializer(),
            "application_version": engine.VERSION,
            "executor_id": name_of(self._slot),
            "log_level": "WARNING",
            "run_migrations": False,
        }
        self._engine = DBOS(config=config)

        @DBOS.workflow(name=engine.WORKFLOW, max_recovery_attempts=None)
        def run(stored: dict[str, Any]) -> dict[str, Any]:
            return self.run(stored)

        DBOS.listen_queues([engine.QUEUE])
        # DBOS polls a queue at once if it is registered before the launch, and within a second otherwise.
        client.register_queue(
            engine.QUEUE,
            worker_concurrency=_THREADS,
            polling_interval_sec=_POLLING,
            on_conflict="always_update",
        )
        DBOS.launch()

    def run(self, stored: dict[str, Any]) -> dict[str, Any]:
        """Execute a record, and return the JSON of its outcome."""
        call = QueuedCall.from_json(stored)
        self._running.add(call.key)
        try:
            return self._outcome(call).to_json()
        finally:
            self._running.discard(call.key)

    def _outcome(self, call: QueuedCall) -> Outcome:
        taken, is_back = _persistently(lambda: self._store.attempts(call))
        executions = call.executions + taken
        if is_back:  # the previous worker queued the call again, and was lost before it stored this outcome
            return Outcome("again", executions)
        result = execute(
            self._agent,
            self._functions,
            call,
            executions=executions,
            losses=call.losses + taken - 1,
        )
        if isinstance(result, Again):
            _persistently(lambda: self._store.put(result.call, result.delay))
            return Outcome("again", executions)
        return result

    def look_for_strays(self) -> None:
        """Queue calls again that DBOS assigned to this worker and, after an error, never started."""
        taken = self._store.running().get(name_of(self._slot), set())
        idle = taken - self._running
        if idle & self._strays:
            logger.warning(
                "calls that were assigned but never started are queued again: %s", sorted(idle & self._strays)
            )
            self._store.release(name_of(self._slot), idle & self._strays)
        self._strays = idle

    def drain(self) -> None:
        """Take no more calls, wait for running calls, and queue those again that don't end within `GRACE`."""
        for event in self._engine.background_thread_stop_events:
            event.set()
        until = time.monotonic() + GRACE
        while self._running and time.monotonic() < until:
            time.sleep(0.05)
        self._agent._engine.close(0.0)  # noqa: SLF001 - Agent.close() would close the store too early
        until = time.monotonic() + _PUTTING_BACK
        while self._running and time.monotonic() < until:
            time.sleep(0.05)
        # Wait until outcomes are stored, since a call without an outcome would be executed again.
        DBOS.destroy(workflow_completion_timeout_sec=5)
        self._database.dispose()
        self._store.close()


def work(agent: Any, parent: int) -> int:
    """Execute calls in the first free slot, and return the exit code.

    The worker ends on SIGTERM, on SIGINT, if its parent is gone, or if it loses its slot.
    """
    store = agent.queue.store
    stop = threading.Event()
    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, lambda *_: stop.set())
    try:
        slots = slots_of(store.url)
        worker = Worker(agent, take_first(slots))
        worker.start()
    except StoreError as error:
        logger.error("the worker cannot start: %s", error)  # noqa: TRY400 - the message names the cause
        return LOST
    chores = _Chores(worker, store)
    while not stop.wait(_LOOK) and os.getppid() == parent:
        if not _is_held(slots):
            # Another worker may hold the slot by now, and execute its calls.
            os._exit(LOST)
        chores.do()
    worker.drain()
    # Threads of DBOS, and of calls that could not be queued again, would keep the process alive.
    logging.shutdown()
    os._exit(0)


class _Chores:
    """The periodic tasks of a worker."""

    def __init__(self, worker: Worker, store: Store) -> None:
        self._worker = worker
        self._store = store
        self._looked = self._purged = time.monotonic()

    def do(self) -> None:
        """Look for strays and purge, if either is due."""
        now = time.monotonic()
        with suppress(StoreError):  # `failing` has logged it, and calls retry by themselves
            if now - self._looked > _STRAY:
                self._looked = now
                self._worker.look_for_strays()
            if now - self._purged > _PURGE:
                self._purged = now
                self._store.purge()


def _is_held(slots: Slots) -> bool:
    try:
        slots.check()
    except StoreError as error:
        logger.error("%s", error)  # noqa: TRY400 - the message names the cause
        return False
    return True


def _persistently(action: Callable[[], Result]) -> Result:
    """Retry this until the store works."""
    pause = 0.1
    while True:
        try:
            return action()
        except StoreError:  # noqa: PERF203 - each attempt has its own errors
            time.sleep(pause)
            pause = min(5.0, 2 * pause)


def slot_lines(store: Store) -> list[str]:
    """Return a header, and a line for each slot that has calls or a worker."""
    slots, running = slots_of(store.url), store.running()
    counts = {number_of(name): len(keys) for name, keys in running.items()}
    lines = ["SLOT  WORKER  RUNNING"]
    for number in range(1, max([number for number in counts if number] + [_LISTED]) + 1):
        is_free = slots.take(number)
        if is_free:
            slots.give_back(number)
        if not is_free or number in counts:
            lines.append(f"{number:<4}  {'none' if is_free else 'yes':<6}  {counts.get(number, 0)}")
    slots.close()
    return lines
