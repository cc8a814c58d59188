"""`make bench-queue`: the time to store a call, the calls per second, and the time until a lost call runs again."""

from __future__ import annotations

import importlib
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path

from microfn.agent.queue.record import QueuedCall
from microfn.agent.queue.slots import slots_of
from microfn.agent.queue.store import Store
from microfn.agent.queue.supervisor import command_for

APP = """
import os
from microfn.agent import Agent
agent = Agent(ram="2G", queue=os.environ["MICROFN_QUEUE"])
for name, command in ("nothing", ["true"]), ("slow", ["sleep", "2"]):
    agent.queued(agent.cold(command, memory=8, timeout=60, name=name), retries=9)
"""
PUTS, CALLS = 500, 600
LIMIT = 120


def call_of(function: str) -> QueuedCall:
    now = time.time()
    return QueuedCall(
        id=uuid.uuid4().hex,
        function=function,
        method="POST",
        path="/",
        headers={},
        params={},
        body=b"x" * 200,
        digest="",
        enqueued_at=now,
        expires_at=now + 3600,
        retries=9,
        keep=3600,
    )


def commit_median(directory: str) -> float:
    """Return the median time of a durable commit of one row with sqlite3 alone, in µs."""
    connection = sqlite3.connect(f"{directory}/plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE plain (value)")
    times = []
    for _ in range(PUTS):
        began = time.perf_counter()
        connection.execute("INSERT INTO plain VALUES (?)", ("x" * 500,))
        times.append(time.perf_counter() - began)
    connection.close()
    return statistics.median(times) * 1e6


def put_times(store: Store) -> list[float]:
    times = []
    for _ in range(PUTS):
        call = call_of("nothing")
        began = time.perf_counter()
        store.put(call)
        times.append((time.perf_counter() - began) * 1e6)
    return sorted(times)


class Work:
    """A supervisor with workers."""

    def __init__(self, url: str, directory: str, processes: int) -> None:
        self.process = subprocess.Popen(
            [*command_for("queued_bench:agent"), "--processes", str(processes)],
            cwd=directory,
            env=os.environ | {"MICROFN_QUEUE": url},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        slots = slots_of(url)
        try:
            for number in range(1, processes + 1):
                wait(lambda number=number: not slots.take(number) or slots.give_back(number))  # type: ignore[misc]
        finally:
            slots.close()

    def child(self) -> int:
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return int(file.read().split()[0])

    def end(self) -> None:
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def wait(condition: object) -> None:
    end = time.monotonic() + LIMIT
    while not condition():  # type: ignore[operator]
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


def left(store: Store) -> int:
    return sum(count for function in store.counts().values() for count in function.values())


def rate(store: Store, directory: str, processes: int) -> float:
    """Return the calls per second between the ends of the first and the last call."""
    for _ in range(CALLS):
        store.put(call_of("nothing"))
    work = Work(store.url, directory, processes)
    try:
        wait(lambda: left(store) < CALLS)
        began, first = time.perf_counter(), left(store)
        wait(lambda: not left(store))
        return first / (time.perf_counter() - began)
    finally:
        work.end()
        store.purge(older=0)


def recovery(store: Store, directory: str) -> float:
    """Return the seconds from the kill of a worker until its call is executed again."""
    work = Work(store.url, directory, 1)
    try:
        call = call_of("slow")
        store.put(call)
        wait(store.running)
        time.sleep(0.3)
        began = time.perf_counter()
        os.kill(work.child(), signal.SIGKILL)
        wait(lambda: (entry := store.status(call.id)) is not None and entry.executions == 2)
        return time.perf_counter() - began
    finally:
        work.end()
        store.purge(older=0)


def measure(name: str, url: str, directory: str) -> None:
    store = Store(url)
    store.open()
    times = put_times(store)
    print(f"{name}: storing a call takes {statistics.median(times):.0f} µs (p99 {times[-PUTS // 100]:.0f})", flush=True)
    work = Work(url, directory, 2)
    wait(lambda: not left(store))
    work.end()
    store.purge(older=0)
    for processes in 1, 2, 4, 8:
        print(f"  {processes} workers: {rate(store, directory, processes):.0f} calls/s", flush=True)
    seconds = sorted(recovery(store, directory) for _ in range(5))
    print(f"  a lost call runs again after {seconds[2]:.1f} s (at most {seconds[-1]:.1f})", flush=True)
    store.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "queued_bench.py").write_text(APP, "utf-8")
        print(f"a durable commit of one row takes {commit_median(directory):.0f} µs on this disk", flush=True)
        wanted = sys.argv[1:] or ["sqlite", "postgresql", "redis"]
        if "sqlite" in wanted:
            measure("SQLite", f"sqlite:///{directory}/calls.db", directory)
        if "postgresql" in wanted:
            with importlib.import_module("tests.agent.queue.postgres").serving() as postgres:
                if postgres is not None:
                    measure("PostgreSQL", postgres.url, directory)
        if "redis" in wanted:
            with importlib.import_module("tests.agent.queue.redis_server").serving() as url:
                if url is not None:
                    importlib.import_module("benchmarks.queued_peers").measure(url)


if __name__ == "__main__":
    main()
