"""(c) Tables of 203, 5,000 and 100,000 routes: building them, looking routes up, and whole requests.

Each size is measured in a process of its own, `python -m benchmarks.tables SIZE ROUNDS`, so that memory is told apart.
"""

from __future__ import annotations

import gc
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .github import ROUTES
from .measure import Request, race, ratio

SIZES = (203, 5_000, 100_000)
Find = Callable[[str], Any]


def measure(rounds: int = 15) -> dict[str, Any]:
    """All sizes; `cost` is a request's with so many routes, as a part of what it is with 203."""
    found: dict[str, Any] = {}
    for size in SIZES:
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.tables", str(size), str(rounds)],
            capture_output=True,
            check=True,
            cwd=Path(__file__).parent.parent,
        )
        found[str(size)] = json.loads(run.stdout)
        print(f"\n{size} routes", flush=True)
        for group, figures in found[str(size)].items():
            print(f"{group:32}" + "  ".join(f"{name} {figure:.2f}" for name, figure in figures.items()), flush=True)
    return found


def routes(size: int) -> list[tuple[str, str]]:
    """GitHub's, or made-up ones: static, one param, text behind it, two params."""
    if size == len(ROUTES):
        return ROUTES
    ends = ("", "/:id", "/:id/items", "/:id/sub/:name")
    return [("GET", f"/service{n % 300}/resource{n // 300}{ends[n % 4]}") for n in range(size)]


def gettable(table: list[tuple[str, str]]) -> list[str]:
    """The patterns that GET has."""
    return [pattern for method, pattern in table if method == "GET"]


def paths_of(patterns: list[str], count: int = 60) -> list[str]:
    """Paths that match, spread over the table."""
    step = max(1, len(patterns) // count)
    return [re.sub(r":\w+", "value7", pattern) for pattern in patterns[::step]]


def random_paths_of(patterns: list[str], count: int = 4_000) -> list[str]:
    """Return paths that match, each with a value of its own, so that most of what they need is in no cache."""
    chance = random.Random(7)
    return [
        re.sub(r":\w+", lambda _: f"value{chance.randrange(1_000_000)}", chance.choice(patterns)) for _ in range(count)
    ]


def resident() -> float:
    """This process's memory in MB."""
    pages = Path("/proc/self/statm").read_text("utf-8").split()[1]
    return int(pages) * 4096 / 1e6


def braces(pattern: str) -> str:
    return re.sub(r":(\w+)", r"{\1}", pattern)


def finders(patterns: list[str]) -> Iterator[tuple[str, Callable[[], Find]]]:
    """Who looks up a path among these patterns: microfn's index, and compiled routers."""

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
    """ns for a lookup; that each finds the right route is checked first."""
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


def main(size: int, rounds: int) -> dict[str, dict[str, float]]:
    from microfn import Router

    def app_of(table: list[tuple[str, str]]) -> Router:
        app = Router()
        for method, pattern in table:
            app.handle(method, pattern, handle)
        app.build()
        return app

    def handle(request: object, params: object) -> str:
        return "ok"

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


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
