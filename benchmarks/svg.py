"""Pictures as SVG: light or dark as their page, and legible on a phone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 480

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


def picture(title: str, height: float, parts: Iterable[str], style: str = STYLE) -> str:
    """Return a picture: its title for screen readers, and a card behind its parts."""
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>',
        f"<title>{escape(title)}</title>",
        f"<style>{style}</style>",
        f'<rect class="card" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>',
    ]
    return "\n".join([*head, *parts, "</svg>", ""])


def written(x: float, y: float, words: str, look: str = "", anchor: str = "start") -> str:
    """Return words at a place of the picture."""
    named = f' class="{look}"' if look else ""
    return f'<text x="{x:.1f}" y="{y:g}"{named} text-anchor="{anchor}">{escape(words)}</text>'


def drawn(look: str, path: str, x: float, y: float) -> str:
    """Return a path moved to a place of the picture."""
    return f'<path class="{look}" transform="translate({x:.1f} {y:g})" d="{path}"/>'


@dataclass(frozen=True)
class LogarithmicAxis:
    """A horizontal axis from `lowest` at the place `left` to `highest` at `right`.

    Values beyond it stand at its ends.
    """

    lowest: float
    highest: float
    left: float
    right: float

    @classmethod
    def around(cls, values: Iterable[float], left: float, right: float) -> LogarithmicAxis:
        """Return an axis from one power of ten to another that contains all values, and at least one decade.

        A value that is not above 0, as a trial of few rounds may have, stands at the lower end.
        """
        found = [math.log10(value) for value in values if value > 0]
        first, last = math.floor(min(found)), math.ceil(max(found))
        return cls(10.0**first, 10.0 ** max(last, first + 1), left, right)

    @property
    def powers(self) -> list[float]:
        """The powers of ten of the axis, with its ends."""
        return [10.0**n for n in range(round(math.log10(self.lowest)), round(math.log10(self.highest)) + 1)]

    def place(self, value: float) -> float:
        """Return the x of a value."""
        held = min(max(value, self.lowest), self.highest)
        return self.left + math.log(held / self.lowest) / math.log(self.highest / self.lowest) * (
            self.right - self.left
        )

    def lines(self, values: Iterable[float], top: float, bottom: float) -> Iterable[str]:
        """Yield a line from top to bottom at each value, with the value below it."""
        for value in values:
            x = self.place(value)
            yield f'<path class="grid" d="M{x:g} {top}V{bottom}"/>'
            yield written(x, bottom + 20, f"{value:g}", "soft", "middle")
