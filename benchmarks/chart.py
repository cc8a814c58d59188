"""The chart of results.json, for README and docs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .rows import FRAMEWORKS


def draw(results: dict[str, Any], file: Path) -> None:
    """What a request costs beyond a bare WSGI function, as a multiple of that function's own time."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    rows = results["requests"]
    figure, axes = pyplot.subplots(figsize=(9, 4.5), layout="constrained")
    width = 0.8 / len(FRAMEWORKS)
    for number, name in enumerate(FRAMEWORKS):
        places = [place + number * width for place in range(len(rows))]
        axes.bar(places, [row["median"][name] for row in rows.values()], width, label=name)
    axes.set_yscale("log")
    axes.set_ylim(1, 1000)
    axes.set_ylabel("µs a request (log)")
    axes.set_xticks([place + 0.4 - width / 2 for place in range(len(rows))], list(rows), rotation=20, ha="right")
    axes.legend(ncols=len(FRAMEWORKS), frameon=False)
    machine = results["machine"]
    axes.set_title(f"One request in process, CPython {machine['python']}, {machine['date']}", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file)
