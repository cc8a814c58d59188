"""The figures of results.json as tables and as a chart: `python -m benchmarks.report` writes results.md and .svg."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from . import chart
from .rows import FRAMEWORKS

HERE = Path(__file__).parent
LEAST = {"gunicorn": 0.97, "bjoern": 0.9}
"""What part of a bare function's requests over sockets was to be reached."""


class Goal(NamedTuple):
    """What was to be reached, and what was measured."""

    what: str
    most: float
    measured: float
    worst: str = ""
    """Where it is furthest from the goal."""
    is_least: bool = False

    @property
    def is_reached(self) -> bool:
        """Whether it was."""
        measured = round(self.measured, 2)
        return measured >= self.most if self.is_least else measured <= self.most


def text(results: dict[str, Any]) -> str:
    """All tables, in Markdown."""
    return "\n".join(_lines(results)) + "\n"


def goals(results: dict[str, Any]) -> list[Goal]:
    """What the work on speed was measured by."""
    tables, imports = results["tables"]["100000"], results["imports"]
    overheads = {row: figures["overhead"] for row, figures in results["requests"].items()}
    dressed = {
        f"{row}, {kind}": part
        for row, parts in results["dressed"].items()
        for kind, part in parts.items()
        if kind != "plain"
    }
    asked = "HEAD|OPTIONS|a param that is not ASCII|slash redirect|case redirect".split("|")
    return [
        _worst("what a request costs beyond bare, as a part of the fastest peer's", 0.4, overheads),
        _worst("with one middleware or a Response, as a part of falcon's without", 0.6, dressed),
        _worst("other answers, as a part of falcon's hello", 1.0, {name: results["answers"][name] for name in asked}),
        _worst("a request among 100,000 routes, as a part of one among 203", 1.3, tables["a request, x 203 routes"]),
        Goal("seconds to build 100,000 routes", 2.0, tables["build"]["seconds"]),
        Goal("MB that they take", 150, tables["build"]["MB"]),
        *(
            Goal(
                f"requests over sockets on {server}, as a part of bare's",
                LEAST[server],
                parts["x bare"]["microfn"],
                "",
                True,
            )
            for server, parts in results["sockets"].items()
        ),
        Goal("ms to import, beyond werkzeug's own", 5, imports["microfn"] - imports["werkzeug.wrappers"]),
    ]


def _worst(what: str, most: float, measured: dict[str, float]) -> Goal:
    where = max(measured, key=lambda name: measured[name])
    return Goal(what, most, measured[where], where)


def _lines(results: dict[str, Any]) -> Iterator[str]:
    machine = results["machine"]
    versions = ", ".join(f"{name} {machine[name]}" for name in machine if name not in ("python", "machine", "date"))
    system = machine["machine"].partition("-")[0]
    yield f"Measured on {machine['date']} with CPython {machine['python']} ({system}): {versions}."
    yield from _section("One request, in process: µs, and as a multiple of bare")
    rows = results["requests"]
    yield from _table(
        ["", "bare", *FRAMEWORKS, "overhead"],
        (
            [row, *(_of_bare(figures["median"], name) for name in ("bare", *FRAMEWORKS)), _overhead(figures)]
            for row, figures in rows.items()
        ),
    )
    yield from _section("With a middleware, or a Response: as a part of falcon's plain row")
    kinds = list(next(iter(results["dressed"].values())))
    yield from _table(["", *kinds], ([row, *_figures(parts)] for row, parts in results["dressed"].items()))
    yield from _section("Other answers: as a part of falcon's hello")
    yield from _table(["", "part"], ([name, f"{part:.2f}"] for name, part in results["answers"].items()))
    yield from _section("Tables of many routes")
    yield from _table(["", *(f"{int(size):,} routes" for size in results["tables"])], _of_tables(results["tables"]))
    yield from _section("Requests over sockets: as a part of bare's")
    servers = results["sockets"]
    yield from _table(
        ["", *servers], ([name, *_figures(found["x bare"][name] for found in servers.values())] for name in FRAMEWORKS)
    )
    yield from _section("Import: ms")
    yield from _table(["", "ms"], ([name, f"{ms:.1f}"] for name, ms in results["imports"].items() if name != "sys"))
    yield from _section("What was to be reached")
    yield from _table(
        ["", "goal", "measured", "reached"],
        (
            [
                goal.what,
                f"{'≥' if goal.is_least else '≤'}\N{NO-BREAK SPACE}{goal.most:g}",
                _measured(goal),
                "yes" if goal.is_reached else "**no**",
            ]
            for goal in goals(results)
        ),
    )


def _section(title: str) -> Iterator[str]:
    yield from ("", f"## {title}", "")


def _table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"| --- |{' ---: |' * (len(head) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _figures(values: dict[str, float] | Iterable[float]) -> list[str]:
    return [f"{value:.2f}" for value in (values.values() if isinstance(values, dict) else values)]


def _of_bare(median: dict[str, float], name: str) -> str:
    return f"{median[name]:.2f}" if name == "bare" else f"{median[name]:.2f} ({median[name] / median['bare']:.1f})"


def _overhead(figures: dict[str, Any]) -> str:
    return f"{figures['overhead']:.2f} of {figures['fastest peer']}'s"


def _of_tables(tables: dict[str, Any]) -> Iterator[list[str]]:
    for group, figures in next(iter(tables.values())).items():
        for name in figures:
            found = [table[group].get(name) for table in tables.values()]
            yield [f"{group}: {name}", *("–" if value is None else f"{value:.3g}" for value in found)]


def _measured(goal: Goal) -> str:
    return f"{goal.measured:.2f}" + (f" ({goal.worst})" if goal.worst else "")


def write(results: dict[str, Any]) -> None:
    """Write results.md and results.svg beside results.json."""
    (HERE / "results.md").write_text(text(results), encoding="utf-8")
    (HERE / "results.svg").write_text(chart.draw(results), encoding="utf-8")


if __name__ == "__main__":
    write(json.loads((HERE / "results.json").read_text()))
