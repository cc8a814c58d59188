"""dramatiq and Celery on Redis, with the work of `benchmarks.queued`: each call starts a process that does nothing."""

from __future__ import annotations

import importlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import redis

__all__ = ["measure"]

MODULES = {
    "work.py": """
from microfn.agent import Agent
agent = Agent(ram="2G")
nothing = agent.cold(["true"], memory=8, timeout=60, name="nothing")
def call():
    agent.submit(agent.get_call("POST", "/", function=nothing, body=b"x" * 200))
""",
    "peer_dramatiq.py": """
import os, dramatiq, work
from dramatiq.brokers.redis import RedisBroker
dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))
@dramatiq.actor
def call(body):
    work.call()
enqueue = call.send
""",
    "peer_celery.py": """
import os, work
from celery import Celery
app = Celery("peer", broker=os.environ["REDIS_URL"])
app.conf.task_acks_late = True
app.conf.worker_prefetch_multiplier = 1
@app.task
def call(body):
    work.call()
enqueue = call.delay
""",
}
# Two processes with 16 threads each, as with two workers of microfn.
COMMANDS = {
    "dramatiq": [["dramatiq", "peer_dramatiq", "--processes", "2", "--threads", "16"]],
    "celery": [
        ["celery", "--app", "peer_celery", "worker", "--pool", "threads", "--concurrency", "16", "--hostname", host]
        for host in ("one@here", "two@here")
    ],
}
PUTS, LIMIT = 500, 120


def waiting(client: redis.Redis) -> int:
    """Return the number of queued and running calls of both libraries."""
    found = client.hlen("dramatiq:default.msgs") + client.llen("celery") + client.hlen("unacked")
    return int(found)  # type: ignore[arg-type]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


def measure(url: str) -> None:
    """Print the time to enqueue a call and the calls per second of two workers, for each library."""
    os.environ["REDIS_URL"] = url
    client = redis.Redis.from_url(url)
    with tempfile.TemporaryDirectory() as directory:
        for name, text in MODULES.items():
            Path(directory, name).write_text(text, "utf-8")
        sys.path.insert(0, directory)
        for name, commands in COMMANDS.items():
            client.flushall()
            enqueue = importlib.import_module(f"peer_{name}").enqueue
            enqueue("warm")
            times = []
            for _ in range(PUTS):
                began = time.perf_counter()
                enqueue("x" * 200)
                times.append((time.perf_counter() - began) * 1e6)
            print(f"{name} on Redis: storing a call takes {statistics.median(times):.0f} µs", flush=True)
            processes = [
                subprocess.Popen(
                    [sys.executable, "-m", *command],
                    cwd=directory,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
                for command in commands
            ]
            try:
                until(lambda: waiting(client) < PUTS)
                began, first = time.perf_counter(), waiting(client)
                until(lambda: not waiting(client))
                print(f"  2 workers: {first / (time.perf_counter() - began):.0f} calls/s", flush=True)
            finally:
                for process in processes:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
    client.close()
