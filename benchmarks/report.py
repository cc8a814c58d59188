"""The figures of results.json as tables, charts and a sentence: `python -m benchmarks.report` writes all of them.

They are results.md, results.svg and everyday.svg beside results.json, and the figures in README's section on speed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from . import chart
from .everyday import FRAMEWORKS as EVERYDAY_FRAMEWORKS
from .rows import FRAMEWORKS

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
MARKS = ("<!-- figures: python -m benchmarks.report -->\n", "<!-- end of figures -->\n")
"""The lines in README between which the sentence about the last run stands."""
LEAST = {"gunicorn": 0.97, "bjoern": 0.9}
"""The goals over sockets, as a part of a bare function's requests per second."""


class Goal(NamedTuple):
    """A goal, and the figure that was measured."""

    what: str
    most: float
    measured: float
    worst: str = ""
    """The row that is furthest from the goal."""
    is_least: bool = False

    @property
    def is_reached(self) -> bool:
        """True if the figure, rounded as it is shown, reaches the goal."""
        return is_reached(-self.measured, -self.most) if self.is_least else is_reached(self.measured, self.most)


def is_reached(measured: float, most: float) -> bool:
    """Return True if a figure, rounded as it is shown, is at most its goal."""
    return round(measured, 2) <= most


def text(results: dict[str, Any]) -> str:
    """Return all tables, in Markdown."""
    return "\n".join(_lines(results)) + "\n"


def goals(results: dict[str, Any]) -> list[Goal]:
    """Return the goals of the work on speed."""
    tables, imports = results["tables"]["100000"], results["imports"]
    with_middleware = {row: parts["middleware"] for row, parts in results["dressed"].items()}
    asked = "HEAD|OPTIONS|a param that is not ASCII|slash redirect|case redirect".split("|")
    cost = dict(tables["a request, x 203 routes"])
    random_paths = cost.pop("random paths")
    return [
        *_goals_of_small_rows(results["requests"]),
        _worst(
            "everyday rows: ratio to the reference, divided by the goal of the row",
            1.0,
            {row: figures["ratio"] / figures["goal"] for row, figures in results["everyday"].items()},
        ),
        _worst("small rows with a no-op middleware, by falcon's time without", 0.65, with_middleware),
        _worst("other answers, by the time of falcon's hello", 1.0, {name: results["answers"][name] for name in asked}),
        _worst("100,000 routes: a repeated path, by its time with 203", 1.1, cost),
        Goal("100,000 routes: random paths, by their time with 203", 1.6, random_paths),
        Goal("100,000 routes: seconds to build them", 1.6, tables["build"]["seconds"]),
        Goal("100,000 routes: MB of memory", 100, tables["build"]["MB"]),
        *(
            Goal(
                f"requests per second on {server}, as a part of bare's",
                LEAST[server],
                parts["x bare"]["microfn"],
                is_least=True,
            )
            for server, parts in results["sockets"].items()
        ),
        Goal("ms to import, beyond werkzeug's own", 5, imports["microfn"] - imports["werkzeug.wrappers"]),
    ]


def _goals_of_small_rows(rows: dict[str, Any]) -> Iterator[Goal]:
    """Yield a goal for the rows that share one."""
    for most in sorted({figures["goal"] for figures in rows.values()}):
        overheads = {row: figures["overhead"] for row, figures in rows.items() if figures["goal"] == most}
        named = ", ".join(overheads)
        yield _worst(f"overhead as a part of the fastest peer's: {named}", most, overheads)


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
        ["", "bare", *FRAMEWORKS, "overhead", "goal", "reached"],
        (
            [
                row,
                *(_of_bare(figures["median"], name) for name in ("bare", *FRAMEWORKS)),
                f"{figures['overhead']:.2f} of {figures['fastest peer']}'s",
                *_verdict(figures["overhead"], figures["goal"]),
            ]
            for row, figures in rows.items()
        ),
    )
    yield from _section("Everyday requests: µs")
    yield from _everyday(results["everyday"])
    yield from _section("With a middleware, or a Response: as a part of falcon's plain row")
    kinds = list(next(iter(results["dressed"].values())))
    yield from _table(["", *kinds], ([row, *_figures(parts)] for row, parts in results["dressed"].items()))
    yield from _section("Other answers: as a part of falcon's hello")
    yield from _table(["", "part"], ([name, f"{part:.2f}"] for name, part in results["answers"].items()))
    yield from _section("Tables of many routes")
    yield from _table(["", *(f"{int(size):,} routes" for size in results["tables"])], _of_tables(results["tables"]))
    yield from _section("Requests over sockets: as a part of bare's")
    servers = results["sockets"]
    if servers:
        columns = [found["x bare"] for found in servers.values()]
        rates = ([name, *_figures(column[name] for column in columns)] for name in FRAMEWORKS)
        yield from _table(["", *servers], rates)
    else:
        yield "Not measured in this run."
    yield from _section("Import: ms")
    yield from _table(["", "ms"], ([name, f"{ms:.1f}"] for name, ms in results["imports"].items() if name != "sys"))
    yield from _section("Goals")
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


def _everyday(rows: dict[str, Any]) -> Iterator[str]:
    yield _everyday_summary(rows)
    yield ""
    names = (*EVERYDAY_FRAMEWORKS, "bare")
    yield from _table(
        ["", *names, "ratio to the reference", "goal", "reached", "fastest peer"],
        (
            [
                row,
                *(_microseconds(figures["median"].get(name)) for name in names),
                f"{figures['ratio']:.2f} of {figures['reference']}",
                *_verdict(figures["ratio"], figures["goal"]),
                "{1:.2f} of {0}".format(*fastest_peer(figures)),
            ]
            for row, figures in rows.items()
        ),
    )


def fastest_peer(figures: dict[str, Any]) -> tuple[str, float]:
    """Return the fastest other framework of an everyday row, and microfn's time divided by that framework's."""
    median = figures["median"]
    peer = min((name for name in EVERYDAY_FRAMEWORKS[1:] if name in median), key=lambda name: median[name])
    if peer == figures["reference"]:  # the median of the rounds' ratios is steadier than the ratio of the medians
        return peer, figures["ratio"]
    return peer, median["microfn"] / median[peer]


def _everyday_summary(rows: dict[str, Any]) -> str:
    """Return how many rows reach their goal, and in how many the fastest other framework is faster than microfn.

    The fastest other framework counts even if the goal of the row refers to a slower one.
    """
    reached = sum(is_reached(figures["ratio"], figures["goal"]) for figures in rows.values())
    slower = sum(not is_reached(fastest_peer(figures)[1], 1.0) for figures in rows.values())
    return (
        f"Of {len(rows)} everyday rows, {reached} reached their goal. "
        f"In {slower} of {len(rows)} everyday rows, another framework was faster."
    )


def _verdict(measured: float, goal: float) -> list[str]:
    return [f"≤\N{NO-BREAK SPACE}{goal:g}", "yes" if is_reached(measured, goal) else "**no**"]


def _microseconds(median: float | None) -> str:
    return "–" if median is None else f"{median:.2f}" if median < 100 else f"{median:,.0f}"


def sentence(results: dict[str, Any]) -> str:
    """Return the paragraph of README about the last run."""
    small, everyday = results["requests"], results["everyday"]
    flask = [figures["median"]["flask"] / figures["median"]["microfn"] for figures in small.values()]
    overheads = [figures["overhead"] for figures in small.values()]
    is_small_reached = [is_reached(figures["overhead"], figures["goal"]) for figures in small.values()]
    worst = max(everyday, key=lambda row: everyday[row]["ratio"] / everyday[row]["goal"])
    large = max(results["tables"]["100000"]["a request, x 203 routes"].values())
    return (
        f"In the small rows of the last run, Flask took {min(flask):.0f} to {max(flask):.0f} times as long as microfn. "
        f"The time that microfn added to a plain WSGI function was {min(overheads):.2f} to {max(overheads):.2f} times "
        f"that of the fastest other framework.\n"
        f"{sum(is_small_reached)} of {len(small)} small rows reached their goal.\n"
        f"{_everyday_summary(everyday)}\n"
        f"The row furthest from its goal is “{worst}”: {everyday[worst]['ratio']:.2f} times "
        f"the time of {everyday[worst]['reference']}.\n"
        f"Among 100,000 routes, a request took at most {large:.2f} times as long as among 203.\n"
    )


def readme(old: str, results: dict[str, Any]) -> str:
    """Return README with the figures of these results. Raises ValueError if it lacks the marks."""
    begin, end = (re.escape(mark) for mark in MARKS)
    new, count = re.subn(f"(?<={begin}).*?(?={end})", lambda _: sentence(results), old, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"README must have the marks {MARKS[0]!r} and {MARKS[1]!r} once, got {count} times")
    return new


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


def _of_tables(tables: dict[str, Any]) -> Iterator[list[str]]:
    for group, figures in next(iter(tables.values())).items():
        for name in figures:
            found = [table[group].get(name) for table in tables.values()]
            yield [f"{group}: {name}", *("–" if value is None else f"{value:.3g}" for value in found)]


def _measured(goal: Goal) -> str:
    return f"{goal.measured:.2f}" + (f" ({goal.worst})" if goal.worst else "")


def files(results: dict[str, Any]) -> dict[Path, str]:
    """Return the text of every file that shows these results."""
    return {
        HERE / "results.md": text(results),
        HERE / "results.svg": chart.draw(results),
        HERE / "everyday.svg": chart.draw_everyday(results),
        README: readme(README.read_text(encoding="utf-8"), results),
    }


def write(results: dict[str, Any]) -> None:
    """Write the tables, the charts and README's figures."""
    for file, content in files(results).items():
        file.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write(json.loads((HERE / "results.json").read_text("utf-8")))
