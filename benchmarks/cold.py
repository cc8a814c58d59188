"""The time of a process for each call, compared with starting the same program by hand.

`python -m benchmarks.cold` writes cold.json and cold.md beside itself.

Two ways through an agent, `submit` and the WSGI door, are timed beside two without one: `subprocess.run` with three
pipes, and `os.fork` with `os.execve`. All run in one process with an empty environment, and take turns in random
order. Their output is checked before they are timed. The first call of a turn does not count, since it copies the
pages that the fork has shared.
"""

from __future__ import annotations

import io
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from microfn import Router
from microfn.agent import Agent

from .contestants import Application
from .measure import Request

HERE = Path(__file__).parent
GOAL = 1.5
"""The maximum ratio of a call to `subprocess.run`."""
DOORS = ("submit", "WSGI")
BASELINES = ("subprocess.run", "fork, execve")
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}
MEMORY = 64
SCRIPT = '#!/bin/sh\nfor word in one two three; do\n    echo "$word"\ndone\n'
PYTHON = "print('hello')"

Run = Callable[[], bytes]


class Row(NamedTuple):
    """A program, its output, the calls of a turn, and the seconds of sleep before each."""

    argv: list[str]
    says: bytes
    calls: int
    pause: float = 0.0


def rows(directory: Path) -> dict[str, Row]:
    script = directory / "script"
    script.write_text(SCRIPT, "utf-8")
    script.chmod(0o755)
    return {
        "`true`": Row(["/bin/true"], b"", 10),
        "`true`, 5 ms after the last": Row(["/bin/true"], b"", 5, 0.005),
        "a script for `sh`": Row([str(script)], b"one\ntwo\nthree\n", 10),
        "`python -c`": Row([sys.executable, "-c", PYTHON], b"hello\n", 2),
    }


def contestants(argv: list[str], agent: Agent) -> dict[str, Run]:
    function = agent.cold(argv, memory=MEMORY, timeout=60, env=ENVIRONMENT)
    app = Router()
    app.mount("/function", function)
    application: Application = app
    app.build()
    environ = Request("GET", "/function", 200).environ()

    def submitted() -> bytes:
        call = agent.get_call("GET", "/", function=function)
        agent.submit(call)
        return call.writer.getvalue()  # type: ignore[attr-defined, no-any-return]

    def through_wsgi() -> bytes:
        seen: list[str] = []
        iterable = application(
            {**environ, "wsgi.input": io.BytesIO()}, lambda status, headers, exc_info=None: seen.append(status)
        )
        body = b"".join(iterable)
        iterable.close()
        assert seen == ["200 OK"], seen
        return body

    def run() -> bytes:
        return subprocess.run(argv, env=ENVIRONMENT, input=b"", capture_output=True, check=True).stdout

    return {"submit": submitted, "WSGI": through_wsgi, "subprocess.run": run, "fork, execve": lambda: forked(argv)}


def forked(argv: list[str]) -> bytes:
    """Do the minimum by hand."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(theirs, 1)
            os.execve(argv[0], argv, ENVIRONMENT)
        finally:
            os._exit(127)
    os.close(theirs)
    with open(ours, "rb") as file:
        data = file.read()
    _, status = os.waitpid(pid, 0)
    assert status == 0, status
    return data


def turn(run: Run, row: Row) -> float:
    """Return the seconds of a call."""
    run()
    seconds = 0.0
    for _ in range(row.calls):
        time.sleep(row.pause)
        began = time.perf_counter()
        run()
        seconds += time.perf_counter() - began
    return seconds / row.calls


def measure(all_rows: dict[str, Row], agent: Agent, rounds: int) -> dict[str, Any]:
    """Return ms for each contestant, and the ratio of each door to each baseline, as quartiles.

    Each round has all rows, so that other work of the machine does not hit a single row.
    """
    runs = {name: contestants(row.argv, agent) for name, row in all_rows.items()}
    for name, row in all_rows.items():
        for contestant, run in runs[name].items():
            said = run()
            assert said == row.says, f"{contestant}: {said!r}"
    times: dict[str, dict[str, list[float]]] = {name: {one: [] for one in runs[name]} for name in all_rows}
    for _ in range(rounds):
        for name, row in all_rows.items():
            for one in random.sample(list(runs[name]), len(runs[name])):
                times[name][one].append(turn(runs[name][one], row) * 1000)
    return {name: _told(found) for name, found in times.items()}


def _told(times: dict[str, list[float]]) -> dict[str, Any]:
    return {
        "ms": {name: quartiles(values) for name, values in times.items()},
        "ratios": {
            door: {
                baseline: quartiles([one / other for one, other in zip(times[door], times[baseline], strict=True)])
                for baseline in BASELINES
            }
            for door in DOORS
        },
    }


def quartiles(values: list[float]) -> list[float]:
    return [round(value, 3) for value in statistics.quantiles(values, n=4)]


def text(results: dict[str, Any]) -> str:
    """Return the figures as a Markdown table."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: dict[str, Any]) -> Iterator[str]:
    machine = results["machine"]
    yield f"Measured on {machine['date']} with CPython {machine['python']}, {machine['processors']} processors."
    yield ""
    yield f"| ms for a call | {' | '.join((*BASELINES, *DOORS))} |"
    yield f"| --- |{' ---: |' * (len(BASELINES) + len(DOORS))}"
    for name, found in results["rows"].items():
        medians = [f"{found['ms'][one][1]:.2f}" for one in (*BASELINES, *DOORS)]
        yield f"| {name} | {' | '.join(medians)} |"
    for baseline in BASELINES:
        yield ""
        yield f"| as a multiple of `{baseline}` | {' | '.join(DOORS)} | at most {GOAL:g} |"
        yield f"| --- |{' ---: |' * (len(DOORS) + 1)}"
        for name, found in results["rows"].items():
            ratios = [found["ratios"][door][baseline] for door in DOORS]
            is_reached = all(round(median, 2) <= GOAL for _, median, _ in ratios)
            yield f"| {name} | {' | '.join(map(_ratio, ratios))} | {'yes' if is_reached else '**no**'} |"


def _ratio(found: list[float]) -> str:
    low, median, high = found
    return f"{median:.2f} ({low:.2f} to {high:.2f})"


def main(rounds: int = 40) -> None:
    agent = Agent(ram="1G")
    with tempfile.TemporaryDirectory() as directory:
        measured = measure(rows(Path(directory)), agent, rounds)
    agent.close()
    machine = {"python": platform.python_version(), "processors": os.cpu_count(), "date": date.today().isoformat()}
    results = {"machine": machine, "rows": measured}
    (HERE / "cold.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    (HERE / "cold.md").write_text(text(results), encoding="utf-8")
    print(text(results))


if __name__ == "__main__":
    main()
