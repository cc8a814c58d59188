"""The chart of results.json, for README and docs: light or dark as its page, and legible on a phone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from .rows import FRAMEWORKS

WIDTH, LEFT, RIGHT, TOP, LINE = 480, 130, 20, 92, 36
SHORTEST, LONGEST = 0.05, 200
"""What the axis reaches, in µs."""

STYLE = """
svg { --card: #f6f7f9; --rim: #d5dae1; --ink: #1f2328; --soft: #59636e; --grid: #dde1e7; --microfn: #1a7f37;
--wheezyweb: #9a6700; --falcon: #8250df; --bottle: #bc4c00; --flask: #0969da }
@media (prefers-color-scheme: dark) { svg { --card: #1a1c20; --rim: #343941; --ink: #e6e9ed; --soft: #a4adb8;
--grid: #2d323a; --microfn: #4ac26b; --wheezyweb: #dfb04a; --falcon: #b794f6; --bottle: #f0883e; --flask: #6cb6ff } }
.card { fill: var(--card); stroke: var(--rim) }
text { fill: var(--ink); font: 14px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif }
.soft { fill: var(--soft); font-size: 13px }
.grid { stroke: var(--grid) }
.reach { stroke: var(--rim); stroke-width: 2 }
.bare { stroke: var(--ink); stroke-width: 2.5 }
.microfn { fill: var(--microfn) } .wheezyweb { fill: var(--wheezyweb) } .falcon { fill: var(--falcon) }
.bottle { fill: var(--bottle) } .flask { fill: var(--flask) }
"""

SHAPES = {
    "bare": "M0 -9V9",
    "microfn": "M-8 0a8 8 0 1 0 16 0a8 8 0 1 0 -16 0Z",
    "falcon": "M-5.5 -5.5H5.5V5.5H-5.5Z",
    "bottle": "M0 -7L7 5.5H-7Z",
    "wheezy.web": "M0 -7.5L7.5 0L0 7.5L-7.5 0Z",
    "flask": "M0 7L7 -5.5H-7Z",
}


def draw(results: dict[str, Any]) -> str:
    """What a request takes, in µs on a logarithmic scale: a line for each row, a mark for each framework."""
    rows = results["requests"]
    height = TOP + LINE * len(rows) + 34
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>',
        "<title>What a request takes, in microseconds on a logarithmic scale</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="card" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>',
        *_legend(results["machine"]),
        *_axis(TOP + LINE * len(rows)),
    ]
    for number, (row, figures) in enumerate(rows.items()):
        parts += _row(row, figures["median"], TOP + LINE * number + LINE / 2)
    return "\n".join([*parts, "</svg>", ""])


def _legend(machine: dict[str, Any]) -> Iterator[str]:
    yield written(16, 24, f"µs a request, in process; CPython {machine['python']}, {machine['date']}", "soft")
    for number, name in enumerate(("bare", *FRAMEWORKS)):
        x, y = 24 + number % 3 * 150, 48 + number // 3 * 22
        yield _mark(name, x, y)
        yield written(x + 14, y + 5, "bare WSGI" if name == "bare" else name)


def _axis(bottom: float) -> Iterator[str]:
    for microseconds in (0.1, 1, 10, 100):
        x = _place(microseconds)
        yield f'<path class="grid" d="M{x:g} {TOP}V{bottom}"/>'
        yield written(x, bottom + 20, f"{microseconds:g}", "soft", "middle")
    yield written(16, bottom + 20, "µs, logarithmic", "soft")


def _row(row: str, median: dict[str, float], y: float) -> Iterator[str]:
    yield written(16, y + 5, row)
    places = {name: _place(median[name]) for name in ("bare", *FRAMEWORKS)}
    yield f'<path class="reach" d="M{min(places.values()):.1f} {y:g}H{max(places.values()):.1f}"/>'
    for name in sorted(places, key=lambda name: name == "microfn"):  # the last is on top
        yield _mark(name, places[name], y)


def _place(microseconds: float) -> float:
    part = math.log(min(max(microseconds, SHORTEST), LONGEST) / SHORTEST) / math.log(LONGEST / SHORTEST)
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def _mark(name: str, x: float, y: float) -> str:
    look = name.replace(".", "")
    return f'<path class="{look}" transform="translate({x:.1f} {y:g})" d="{SHAPES[name]}"/>'


def written(x: float, y: float, words: str, look: str = "", anchor: str = "start") -> str:
    """Words at a place of the chart."""
    named = f' class="{look}"' if look else ""
    return f'<text x="{x:.1f}" y="{y:g}"{named} text-anchor="{anchor}">{escape(words)}</text>'
