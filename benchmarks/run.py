"""The benchmarks: `python -m benchmarks.run [quick | all]`, in an environment that has the peers (`make bench`).

Prints as it goes; `all` writes results.json, and what is made of it, beside this file.
"""

from __future__ import annotations

import datetime
import json
import logging
import os
import platform
import statistics
import subprocess
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from . import report, rows, sockets, tables
from .contestants import Application
from .measure import race, ratio

HERE = Path(__file__).parent
PACKAGES = "microfn werkzeug falcon bottle wheezy.web flask pymatchit autoroutes gunicorn bjoern".split()


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    results: dict[str, Any] = {"machine": machine(), "requests": requests()}
    if sys.argv[1:] == ["quick"]:
        return
    results["dressed"] = dressed()
    results["answers"] = answers()
    results["tables"] = tables.measure()
    results["sockets"] = sockets.measure()
    results["imports"] = imports()
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    report.write(results)


def machine() -> dict[str, Any]:
    """What was measured, on what and when."""
    about = {"python": platform.python_version(), "machine": platform.platform(), "date": str(datetime.date.today())}
    about.update({package: version_of(package) for package in PACKAGES})
    print(" ".join(f"{name} {value}" for name, value in about.items()))
    return about


def version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def requests() -> dict[str, Any]:
    """(a) The eight rows of whole requests, in µs; `overhead` is microfn's as a part of the fastest peer's."""
    names = ("bare", *rows.FRAMEWORKS)
    print(f"\n{'µs a request (x bare)':22}" + "".join(f"{name:>18}" for name in names) + "   overhead")
    built: dict[tuple[str, str], Application] = {}
    found = {}
    for row, (kind, asked) in rows.ROWS.items():
        apps = {"bare": rows.BARE[row]()}
        for name in rows.FRAMEWORKS:
            apps[name] = built.get((kind, name)) or built.setdefault((kind, name), rows.BUILDERS[kind][name]())
        timed = race(apps, dict.fromkeys(apps, asked) | {"bare": rows.for_bare(asked)})
        found[row] = summary(timed)
        median = found[row]["median"]
        line = "".join(f"{median[name]:9.2f} ({median[name] / median['bare']:5.1f})" for name in apps)
        fastest, part = found[row]["fastest peer"], found[row]["overhead"]
        print(f"{row:22}{line}   {part:.2f} of {fastest}'s", flush=True)
    return found


def summary(timed: dict[str, list[float]]) -> dict[str, Any]:
    median = {name: statistics.median(rounds) for name, rounds in timed.items()}
    fastest = min((name for name in median if name not in ("bare", "microfn")), key=lambda name: median[name])
    parts = [
        (ours - bare) / (theirs - bare)
        for ours, theirs, bare in zip(timed["microfn"], timed[fastest], timed["bare"], strict=True)
    ]
    return {"median": median, "fastest peer": fastest, "overhead": statistics.median(parts)}


def dressed() -> dict[str, dict[str, float]]:
    """(b) The eight rows with middleware and with Response objects, as a part of what falcon takes for them plainly."""
    found = {}
    print("\nas a part of falcon's row     plain  middleware  Response")
    for row, (kind, asked) in rows.ROWS.items():
        apps = {"falcon": rows.BUILDERS[kind]["falcon"](), **rows.dressed(kind)}
        timed = race(apps, dict.fromkeys(apps, asked))
        found[row] = {name: ratio(timed, name, "falcon") for name in apps if name != "falcon"}
        print(f"{row:26}" + "".join(f"{part:10.2f}" for part in found[row].values()), flush=True)
    return found


def answers() -> dict[str, float]:
    """(b) Answers of other kinds, as a part of what falcon's hello costs."""
    print("\nas a part of falcon's hello")
    apps, asked = rows.other_answers()
    timed = race(apps, asked)
    found = {name: ratio(timed, name, "falcon, hello") for name in apps}
    for name, part in found.items():
        print(f"{name:32}{part:8.2f}", flush=True)
    return found


def imports(times: int = 15) -> dict[str, float]:
    """(e) ms to import, in processes of their own, interleaved, less an empty one's."""
    modules = ("sys", "werkzeug.wrappers", "microfn", "falcon", "bottle", "wheezy.web", "flask")
    took: dict[str, list[float]] = {name: [] for name in modules}
    # Compiled modules are kept, as they are wherever people deploy; the first round, which compiles, is not the median.
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
    main()
