"""The time of a hot function, compared with an inline handle, a cold function and a pool of processes.

`python -m benchmarks.hot` writes hot.json and hot.md beside itself.

All contestants call the same `answer`. They take turns in random order within one process, and their answers are
checked before they are timed. `ProcessPoolExecutor` is that of the standard library; its processes have no deadline,
no limit of memory and no log for each call.
"""

from __future__ import annotations

import io
import json
import os
import platform
import random
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from microfn import Router
from microfn.agent import Agent

from .hot_handles import LONG, SHORT, answer, long, short
from .measure import Request

HERE = Path(__file__).parent
CALLERS = (1, 2, 4, 8)
GOAL_MICROSECONDS = {"median": 400, "99 %": 1000}
"""The maximum cost of a hot call over an inline one."""
GOAL_WAIT = 20.0
"""Milliseconds that a short call may wait while another function's long calls run."""

Run = Callable[[], bytes]


def caller(application: Any, path: str) -> Run:
    environ = Request("GET", path, 200).environ()

    def run() -> bytes:
        seen: list[str] = []
        iterable = application(
            {**environ, "wsgi.input": io.BytesIO()}, lambda status, headers, exc_info=None: seen.append(status)
        )
        try:
            body = b"".join(iterable)
        finally:
            if hasattr(iterable, "close"):
                iterable.close()
        assert seen == ["200 OK"], (seen, body)
        return body

    return run


def milliseconds(run: Run) -> float:
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1000


def costs(runs: dict[str, Run], rounds: int) -> dict[str, dict[str, float]]:
    """Return the median and the 99th percentile of each contestant, in ms."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name in random.sample(list(runs), len(runs)):
            for _ in range(2 if name.startswith("cold") else 50):
                times[name].append(milliseconds(runs[name]))
    found = {}
    for name, values in times.items():
        cuts = statistics.quantiles(values, n=100)
        found[name] = {"median": round(cuts[49], 3), "99 %": round(cuts[98], 3)}
    return found


def rates(runs: dict[str, Run], seconds: float) -> dict[str, dict[str, int]]:
    """Return the calls per second of each contestant, with several callers at once."""
    found: dict[str, dict[str, int]] = {name: {} for name in runs}
    for callers in CALLERS:
        for name in random.sample(list(runs), len(runs)):
            found[name][str(callers)] = round(_rate(runs[name], callers, seconds))
    return found


def _rate(run: Run, callers: int, seconds: float) -> float:
    end = time.perf_counter() + seconds

    def calls() -> int:
        count = 0
        while time.perf_counter() < end:
            run()
            count += 1
        return count

    with ThreadPoolExecutor(callers) as pool:
        return sum(future.result() for future in [pool.submit(calls) for _ in range(callers)]) / seconds


def mixed(short_call: Run, long_call: Run, count: int) -> dict[str, float]:
    """Return how many ms short calls wait beyond their work while two long calls run at any time."""
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.is_set():
            long_call()

    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            pool.submit(repeat)
        time.sleep(0.5)
        waits = sorted(milliseconds(short_call) - SHORT * 1000 for _ in range(count))
        is_over.set()
    return {"median": round(statistics.median(waits), 2), "longest": round(waits[-1], 2)}


def measure(rounds: int, seconds: float, count: int) -> dict[str, Any]:
    app, agent = Router(), Agent(ram="1G")
    app.get("/inline")(answer)
    app.get("/hot")(agent.hot(answer, memory=64, timeout=30))
    app.get("/cold")(agent.cold(answer, memory=64, timeout=30))
    app.get("/short")(agent.hot(short, memory=64, timeout=30, max_processes=1))
    app.get("/long")(agent.hot(long, memory=64, timeout=30, max_processes=2))
    app.build()
    with ProcessPoolExecutor(2) as pool:
        runs: dict[str, Run] = {
            "inline": caller(app, "/inline"),
            "hot": caller(app, "/hot"),
            "ProcessPoolExecutor": lambda: pool.submit(answer).result().encode(),
            "cold": caller(app, "/cold"),
        }
        for name, run in runs.items():
            assert run() == b"hello", name
        found: dict[str, Any] = {"costs": costs(runs, rounds)}
        fast = {name: run for name, run in runs.items() if name != "cold"}
        found["rates"] = rates(fast, seconds)
    short_call, long_call = caller(app, "/short"), caller(app, "/long")
    assert (short_call(), long_call()) == (b"short", b"long")
    found["mixed"] = mixed(short_call, long_call, count)
    assert agent.close(10)
    return found


def text(results: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    machine, found = results["machine"], results["costs"]
    waits = results["mixed"]
    waited = f"waited {waits['median']:.1f} ms (median), at most {waits['longest']:.1f} ms (goal: {GOAL_WAIT:.0f} ms)."
    lines = [
        f"Measured on {machine['date']} with CPython {machine['python']}, {machine['processors']} processors.",
        "",
        "| ms for a call | median | 99 % |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {one['median']:.2f} | {one['99 %']:.2f} |" for name, one in found.items()),
        "",
        "| hot over inline, µs | measured | at most |",
        "| --- | ---: | ---: |",
        *(
            f"| {cut} | {(found['hot'][cut] - found['inline'][cut]) * 1000:.0f} | {goal} |"
            for cut, goal in GOAL_MICROSECONDS.items()
        ),
        "",
        f"| calls per second | {' | '.join(f'{number} callers' if number > 1 else '1 caller' for number in CALLERS)} |",
        f"| --- |{' ---: |' * len(CALLERS)}",
        *(
            f"| {name} | {' | '.join(str(one[str(number)]) for number in CALLERS)} |"
            for name, one in results["rates"].items()
        ),
        "",
        f"While two calls of {LONG} s ran at any time, calls of {SHORT * 1000:.0f} ms to another function {waited}",
    ]
    return "\n".join(lines) + "\n"


def main(rounds: int = 60, seconds: float = 2.0, count: int = 500) -> None:
    measured = measure(rounds, seconds, count)
    machine = {"python": platform.python_version(), "processors": os.cpu_count(), "date": date.today().isoformat()}
    results = {"machine": machine, **measured}
    (HERE / "hot.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    (HERE / "hot.md").write_text(text(results), encoding="utf-8")
    print(text(results))


if __name__ == "__main__":
    main()
