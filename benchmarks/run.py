"""The benchmarks: `python -m benchmarks.run quick | all | check`, in an environment that has the peers.

`quick` prints the quick rows, `all` writes results.json and the files from it, and `check` only checks responses.
"""

from __future__ import annotations

import argparse
import datetime
import json
import logging
import os
import platform
import statistics
import subprocess
import sys
import warnings
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from . import report, sockets, tables
from .contestants import build
from .everyday import EVERYDAY
from .measure import check, race, ratio
from .rows import FASTEST, OTHER, OTHER_REFERENCE, SMALL, Row, variants

HERE = Path(__file__).parent
PACKAGES = (
    "microfn werkzeug falcon bottle wheezy.web flask msgspec pydantic pymatchit autoroutes gunicorn bjoern".split()
)
NAMES = ("bare", "microfn", "falcon", "bottle", "wheezy.web", "flask", "werkzeug", "plain")
ROUNDS = 15
QUICK = {"rounds": 21, "seconds": 0.02}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description="Measure microfn and its peers.")
    parser.add_argument("part", choices=("quick", "all", "check"))
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="how often each contestant is timed by `all`; few for a trial"
    )
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    if options.part == "check":
        check_all()
    elif options.part == "quick":
        about_machine()
        print_quick()
    else:
        measure_all(options.rounds)


def check_all() -> None:
    """Check every answer of every contestant without timing it. Raises AssertionError if one is wrong."""
    for row in SMALL + EVERYDAY:
        for contestant in row.builders:
            row.check(contestant)
    for row in SMALL:
        for contestant, builder in variants(row).items():
            check(f"{row.name}: {contestant}", build(contestant, builder), row.requests)
    for name, (contestant, builder, requests) in OTHER.items():
        check(name, build(contestant, builder), requests)
    print(f"{len(SMALL + EVERYDAY)} rows checked: all answers are as expected.")


def print_quick() -> None:
    """Measure the quick rows, in about a minute, and print them."""
    measure_rows((row for row in SMALL + EVERYDAY if row.is_quick), **QUICK)


def measure_all(rounds: int) -> None:
    """Measure everything, and write results.json and the files from it. Missing servers are omitted."""
    results: dict[str, Any] = {
        "machine": about_machine(),
        "requests": measure_rows(SMALL, rounds=rounds),
        "everyday": measure_rows(EVERYDAY, rounds=rounds),
        "dressed": measure_variants(rounds),
        "answers": measure_other(rounds),
        "tables": tables.measure(rounds),
        "sockets": sockets.measure(-(-rounds // 3)),
        "imports": imports(rounds),
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    report.write(results)


def about_machine() -> dict[str, Any]:
    """Return the versions, the machine and the date."""
    about = {"python": platform.python_version(), "machine": platform.platform(), "date": str(datetime.date.today())}
    about.update({package: version_of(package) for package in PACKAGES})
    print(" ".join(f"{name} {value}" for name, value in about.items()))
    return about


def version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def measure_rows(rows: Iterable[Row], **options: Any) -> dict[str, Any]:
    """Measure rows, print each, and return the figures by name."""
    print(f"\n{'µs a request':26}" + "".join(f"{name:>11}" for name in NAMES) + "   ratio")
    found = {}
    for row in rows:
        found[row.name] = figures = measure_row(row, **options)
        median = figures["median"]
        line = "".join(f"{median[name]:11.2f}" if name in median else f"{'–':>11}" for name in NAMES)
        print(f"{row.name:26}{line}   {described(figures)}", flush=True)
    return found


def described(figures: dict[str, Any]) -> str:
    """Return the ratio, its reference and the goal as words."""
    value = figures.get("overhead", figures.get("ratio"))
    reference = figures.get("fastest peer", figures.get("reference"))
    kind = "overhead" if "overhead" in figures else "time"
    reached = "reached" if report.is_reached(value, figures["goal"]) else "missed"
    return f"{value:.2f} of {reference}'s {kind}, goal {figures['goal']:g} {reached}"


def measure_row(row: Row, **options: Any) -> dict[str, Any]:
    """Check every contestant of a row, time them, and return the medians with microfn's ratio to the reference."""
    for contestant in row.builders:
        row.check(contestant)
    timed = race(row.applications(), {name: row.requests_of(name) for name in row.builders}, **options)
    return figures_of(row, timed)


def figures_of(row: Row, timed: dict[str, list[float]]) -> dict[str, Any]:
    """Return the figures of a row, from the rounds of each contestant."""
    median = {name: statistics.median(rounds) for name, rounds in timed.items()}
    reference = row.reference
    if reference == FASTEST:
        peers = (name for name in median if name not in ("microfn", "bare"))
        reference = min(peers, key=lambda name: median[name])
    if not row.is_overhead:
        return {
            "median": median,
            "reference": reference,
            "ratio": ratio(timed, "microfn", reference),
            "goal": row.goal,
        }
    parts = [
        (ours - bare) / (theirs - bare)
        for ours, theirs, bare in zip(timed["microfn"], timed[reference], timed["bare"], strict=True)
    ]
    return {"median": median, "fastest peer": reference, "overhead": statistics.median(parts), "goal": row.goal}


def measure_variants(rounds: int) -> dict[str, dict[str, float]]:
    """(b) Measure the eight rows with middleware and with Response objects, relative to falcon's plain rows."""
    found = {}
    print("\nby the time of falcon's row     plain  middleware  Response")
    for row in SMALL:
        apps = {name: build(name, builder) for name, builder in variants(row).items()}
        timed = race(apps, dict.fromkeys(apps, row.requests), rounds=rounds)
        found[row.name] = {name: ratio(timed, name, "falcon") for name in apps if name != "falcon"}
        print(f"{row.name:28}" + "".join(f"{part:10.2f}" for part in found[row.name].values()), flush=True)
    return found


def measure_other(rounds: int) -> dict[str, float]:
    """(b) Measure other responses, relative to falcon's hello."""
    print("\nby the time of falcon's hello")
    apps = {name: build(contestant, builder) for name, (contestant, builder, _) in OTHER.items()}
    timed = race(apps, {name: requests for name, (_, _, requests) in OTHER.items()}, rounds=rounds)
    found = {name: ratio(timed, name, OTHER_REFERENCE) for name in apps}
    for name, part in found.items():
        print(f"{name:32}{part:8.2f}", flush=True)
    return found


def imports(times: int = 15) -> dict[str, float]:
    """(e) Return ms to import, in separate processes, interleaved, without the time of an empty one."""
    modules = ("sys", "werkzeug.wrappers", "microfn", "falcon", "bottle", "wheezy.web", "flask")
    took: dict[str, list[float]] = {name: [] for name in modules}
    # Compiled modules are kept, as in deployments; the first round, which compiles, is not the median.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    code = "import time; t = time.perf_counter(); import {}; print((time.perf_counter() - t) * 1000)"
    for _ in range(times):
        for name in modules:
            command = [sys.executable, "-W", "ignore", "-c", code.format(name)]
            run = subprocess.run(command, capture_output=True, check=True, env=environment)
            took[name].append(float(run.stdout))
    found = {name: statistics.median(rounds) for name, rounds in took.items()}
    print("\nms to import")
    for name, milliseconds in found.items():
        print(f"{name:32}{milliseconds:8.1f}", flush=True)
    return found


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(130)
