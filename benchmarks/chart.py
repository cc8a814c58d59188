"""The two charts of results.json, for README and docs: the small rows, and the everyday rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .rows import FRAMEWORKS
from .svg import STYLE, WIDTH, LogarithmicAxis, drawn, picture, written

TOP, LINE = 92, 36

SHAPES = {
    "bare": "M0 -9V9",
    "microfn": "M-8 0a8 8 0 1 0 16 0a8 8 0 1 0 -16 0Z",
    "falcon": "M-5.5 -5.5H5.5V5.5H-5.5Z",
    "bottle": "M0 -7L7 5.5H-7Z",
    "wheezy.web": "M0 -7.5L7.5 0L0 7.5L-7.5 0Z",
    "flask": "M0 7L7 -5.5H-7Z",
}

RATIO_TOP, RATIO_LINE, GROUP_LINE = 82, 21, 30
REACHED, MISSED = SHAPES["microfn"], "M0 -8L8 6H-8Z"
REFERENCES = {"bare": "a bare function", "plain": "a plain route of microfn"}
RATIO_STYLE = (
    STYLE
    + """.one { stroke: var(--soft); stroke-dasharray: 4 3 } .goal { stroke: var(--ink); stroke-width: 2.5 }
.missed { fill: var(--bottle) } .group { font-weight: 600 } text.missed { font-weight: 600 }
"""
)


def draw(results: dict[str, Any]) -> str:
    """Draw the small rows, in µs on a logarithmic axis: a line for each row, a mark for each framework."""
    return picture(
        "Time of a small request in microseconds, on a logarithmic scale",
        TOP + LINE * len(results["requests"]) + 34,
        _small_rows(results),
    )


def _small_rows(results: dict[str, Any]) -> Iterator[str]:
    rows = results["requests"]
    bottom = TOP + LINE * len(rows)
    yield from _legend(results["machine"])
    shown = [figures["median"][name] for figures in rows.values() for name in ("bare", *FRAMEWORKS)]
    axis = LogarithmicAxis.around(shown, 152, WIDTH - 28)
    yield from axis.lines(axis.powers, TOP, bottom)
    yield written(16, bottom + 20, "µs, logarithmic", "soft")
    for number, (row, figures) in enumerate(rows.items()):
        yield from _small_row(row, figures["median"], TOP + LINE * number + LINE / 2, axis)


def _legend(machine: dict[str, Any]) -> Iterator[str]:
    yield written(16, 24, f"µs a request, in process; CPython {machine['python']}, {machine['date']}", "soft")
    for number, name in enumerate(("bare", *FRAMEWORKS)):
        x, y = 24 + number % 3 * 150, 48 + number // 3 * 22
        yield _mark(name, x, y)
        yield written(x + 14, y + 5, "bare WSGI" if name == "bare" else name)


def _small_row(row: str, median: dict[str, float], y: float, axis: LogarithmicAxis) -> Iterator[str]:
    yield written(16, y + 5, row)
    places = {name: axis.place(median[name]) for name in ("bare", *FRAMEWORKS)}
    yield f'<path class="reach" d="M{min(places.values()):.1f} {y:g}H{max(places.values()):.1f}"/>'
    for name in sorted(places, key=lambda name: name == "microfn"):  # the last is on top
        yield _mark(name, places[name], y)


def _mark(name: str, x: float, y: float) -> str:
    return drawn(name.replace(".", ""), SHAPES[name], x, y)


def draw_everyday(results: dict[str, Any]) -> str:
    """Draw the everyday rows: the ratio of microfn's time to the reference's, on a logarithmic axis."""
    rows = results["everyday"]
    groups: dict[str, list[str]] = {}
    for row, figures in rows.items():
        groups.setdefault(figures["reference"], []).append(row)
    bottom = RATIO_TOP + GROUP_LINE * len(groups) + RATIO_LINE * len(rows)
    axis = LogarithmicAxis.around([figures[key] for figures in rows.values() for key in ("ratio", "goal")], 204, 404)
    one = axis.place(1)
    parts = [
        *_ratio_legend(results["machine"]),
        *axis.lines(axis.powers, RATIO_TOP, bottom + 6),
        f'<path class="one" d="M{one:g} {RATIO_TOP}V{bottom + 6}"/>',
        written(one - 6, RATIO_TOP + 10, "← faster", "soft", "end"),
    ]
    y = RATIO_TOP
    for reference, names in groups.items():
        parts.append(written(16, y + 20, f"reference: {REFERENCES.get(reference, reference)}", "group"))
        y += GROUP_LINE
        for name in names:
            parts += _ratio_row(name, rows[name], y + RATIO_LINE / 2, axis)
            y += RATIO_LINE
    title = "Everyday requests: the ratio of microfn's time to the reference's, on a logarithmic scale"
    return picture(title, bottom + 40, parts, RATIO_STYLE)


def _ratio_legend(machine: dict[str, Any]) -> Iterator[str]:
    yield written(16, 24, f"ratio to the reference's time; CPython {machine['python']}, {machine['date']}", "soft")
    yield drawn("microfn", REACHED, 24, 48)
    yield written(38, 53, "goal reached")
    yield drawn("missed", MISSED, 164, 48)
    yield written(178, 53, "goal missed (!)")
    yield drawn("goal", "M0 -8V8", 324, 48)
    yield written(338, 53, "goal")


def _ratio_row(name: str, figures: dict[str, Any], y: float, axis: LogarithmicAxis) -> Iterator[str]:
    ratio, goal = figures["ratio"], figures["goal"]
    is_reached = round(ratio, 2) <= goal
    x = axis.place(ratio)
    yield written(16, y + 5, name, "soft")
    yield f'<path class="reach" d="M{axis.place(1):.1f} {y:g}H{x:.1f}"/>'
    yield drawn("microfn", REACHED, x, y) if is_reached else drawn("missed", MISSED, x, y)
    yield drawn("goal", "M0 -8V8", axis.place(goal), y)
    yield written(
        WIDTH - 22, y + 5, f"{ratio:.2f}{'' if is_reached else ' !'}", "soft" if is_reached else "missed", "end"
    )
