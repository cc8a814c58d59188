"""(c) Tables of 203, 5,000 and 100,000 routes: building them, looking routes up, whole requests, and changes.

Each size runs in a separate process, `python -m benchmarks.tables SIZE ROUNDS`, to separate its memory.
`python -m benchmarks.tables changes` measures the time to add a route while requests are served, and writes
changes.json and changes.md beside itself.
"""

from __future__ import annotations

import datetime
import gc
import json
import platform
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from microfn import Router

from .github import ROUTES
from .measure import Request, check, race, ratio

HERE = Path(__file__).parent
SIZES = (203, 5_000, 100_000)
AT_ONCE = 100
"""The routes that are added in one block."""
Find = Callable[[str], Any]


def measure(rounds: int = 15) -> dict[str, Any]:
    """Measure all sizes; `cost` is the time of a request relative to the one with 203 routes."""
    found: dict[str, Any] = {}
    for size in SIZES:
        found[str(size)] = in_own_process(str(size), str(rounds))
        print(f"\n{size} routes", flush=True)
        for group, figures in found[str(size)].items():
            print(f"{group:32}" + "  ".join(f"{name} {figure:.2f}" for name, figure in figures.items()), flush=True)
    return found


def in_own_process(*arguments: str) -> Any:
    """Return the JSON that this module prints in a separate process."""
    command = [sys.executable, "-m", "benchmarks.tables", *arguments]
    return json.loads(subprocess.run(command, capture_output=True, check=True, cwd=HERE.parent).stdout)


def routes(size: int) -> Iterator[tuple[str, str]]:
    """Yield GitHub's routes, or generated ones: static, one param, text after it, two params. A list needs memory."""
    if size == len(ROUTES):
        yield from ROUTES
        return
    ends = ("", "/:id", "/:id/items", "/:id/sub/:name")
    for n in range(size):
        yield "GET", f"/service{n % 300}/resource{n // 300}{ends[n % 4]}"


def gettable(table: Iterable[tuple[str, str]]) -> list[str]:
    """Return the patterns of GET."""
    return [pattern for method, pattern in table if method == "GET"]


def paths_of(patterns: list[str], count: int = 60) -> list[str]:
    """Return matching paths, spread over the table."""
    step = max(1, len(patterns) // count)
    return [re.sub(r":\w+", "value7", pattern) for pattern in patterns[::step]]


def random_paths_of(patterns: list[str], count: int = 4_000) -> list[str]:
    """Return matching paths with different values, so that caches rarely help."""
    chance = random.Random(7)
    return [
        re.sub(r":\w+", lambda _: f"value{chance.randrange(1_000_000)}", chance.choice(patterns)) for _ in range(count)
    ]


def resident() -> float:
    """Return the memory of this process in MB."""
    pages = Path("/proc/self/statm").read_text("utf-8").split()[1]
    return int(pages) * 4096 / 1e6


def braces(pattern: str) -> str:
    return re.sub(r":(\w+)", r"{\1}", pattern)


def finders(patterns: list[str]) -> Iterator[tuple[str, Callable[[], Find]]]:
    """Yield the contestants for lookups among these patterns: microfn's index, and compiled routers."""

    def microfn() -> Find:
        from microfn.routing.index import Index
        from microfn.routing.pattern import parse

        find = Index(("GET", parse(pattern), pattern) for pattern in patterns).find
        return lambda path: find("GET", path)

    def pymatchit() -> Find:
        import pymatchit as module

        router = module.PyRouter()
        for pattern in patterns:
            router.insert(braces(pattern), pattern)
        return router.at

    def autoroutes() -> Find:
        import autoroutes as module

        table = module.Routes()
        for pattern in patterns:
            table.add(braces(pattern), handler=pattern)
        return table.match

    yield "microfn", microfn
    yield "pymatchit", pymatchit
    if len(patterns) <= 5_000:
        yield "autoroutes", autoroutes


def lookups(size: int) -> dict[str, float]:
    """Return ns for a lookup, after a check that each contestant finds the right route."""
    patterns = gettable(routes(size))
    found = {}
    asked = paths_of(patterns)
    for name, build in finders(patterns):
        find = build()
        for path in asked:
            if not find(path) or find(path)[0] is None:
                raise AssertionError(f"{name} does not find {path}")
        best = float("inf")
        for _ in range(30):
            began = time.perf_counter()
            for path in asked:
                find(path)
            best = min(best, time.perf_counter() - began)
        found[name] = best / len(asked) * 1e9
    return found


def handle(request: object, params: object) -> str:
    return "ok"


def app_of(table: Iterable[tuple[str, str]]) -> Router:
    """Return an application with these routes, published."""
    app = Router()
    with app.changes():
        for method, pattern in table:
            app.handle(method, pattern, handle)
    app.build()
    return app


def main(size: int, rounds: int) -> dict[str, dict[str, float]]:
    gc.collect()
    before, began, processor = resident(), time.perf_counter(), time.process_time()
    large = app_of(routes(size))
    built = {
        "seconds": time.perf_counter() - began,
        "processor seconds": time.process_time() - processor,
        "MB": resident() - before,
    }
    small = app_of(ROUTES)
    tables = {"large": gettable(routes(size)), "small": gettable(ROUTES)}
    cost = {}
    for kind, requests in asked().items():
        paths = {name: requests(patterns) for name, patterns in tables.items()}
        timed = race({"large": large, "small": small}, paths, rounds=rounds)
        cost[kind] = ratio(timed, "large", "small")
    return {"build": built, "a request, x 203 routes": cost, "a lookup, ns": lookups(size)}


def asked() -> dict[str, Callable[[list[str]], list[Request]]]:
    """Return the kinds of requests, each as a function of the patterns; paths are repeated unless they are random."""
    return {
        "hit": lambda patterns: [Request("GET", path, 200) for path in paths_of(patterns)],
        "404": lambda patterns: [Request("GET", f"{path}/no/such/thing", 404) for path in paths_of(patterns)],
        "405": lambda patterns: [Request("PATCH", path, 405) for path in paths_of(patterns)],
        "random paths": lambda patterns: [Request("GET", path, 200) for path in random_paths_of(patterns)],
    }


def seconds_of_changes(size: int, rounds: int) -> dict[str, list[float]]:
    """Return the processor's seconds for one route that is added to a table, and for several in one block."""
    app = app_of(routes(size))
    found: dict[str, list[float]] = {"one": [], "block": []}
    for number in range(rounds):
        began = time.process_time()
        app.handle("GET", f"/one/{number}/:id", handle)
        between = time.process_time()
        with app.changes():
            for n in range(AT_ONCE):
                app.handle("GET", f"/block/{number}/{n}/:id", handle)
        found["one"].append(between - began)
        found["block"].append(time.process_time() - between)
        for path in (f"/one/{number}/7", f"/block/{number}/{AT_ONCE - 1}/7"):
            check("microfn", app, [Request("GET", path, 200)])
    return found


def measure_changes(rounds: int = 7) -> dict[str, Any]:
    """Return medians in ms, by the number of routes that there are before."""
    machine = {"python": platform.python_version(), "date": datetime.date.today().isoformat()}
    found = {size: in_own_process("changes", str(size), str(rounds)) for size in SIZES}
    return {
        "machine": machine,
        "ms": {
            str(size): {name: round(statistics.median(seconds) * 1000, 1) for name, seconds in times.items()}
            for size, times in found.items()
        },
    }


def text_of_changes(results: dict[str, Any]) -> str:
    """Return the table, in Markdown."""
    machine = results["machine"]
    rows = [f"| {int(size):,} | {times['one']:,.0f} | {times['block']:,.0f} |" for size, times in results["ms"].items()]
    return "\n".join(
        [
            f"Measured on {machine['date']} with CPython {machine['python']}: ms of processor time.",
            "",
            f"| routes before | one more | {AT_ONCE} more in one block of `changes` |",
            "| ---: | ---: | ---: |",
            *rows,
            "",
        ]
    )


def write_changes() -> None:
    """Measure changes, and write changes.json and changes.md."""
    results = measure_changes()
    (HERE / "changes.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    (HERE / "changes.md").write_text(text_of_changes(results), "utf-8")
    print(text_of_changes(results))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["changes"]:
            write_changes()
        case ["changes", size, rounds]:
            print(json.dumps(seconds_of_changes(int(size), int(rounds))))
        case [size, rounds]:
            print(json.dumps(main(int(size), int(rounds))))
        case _:
            sys.exit(__doc__)
