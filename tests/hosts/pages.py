"""The generated parts of docs/deployment: the printed files, and the differences between hosts.

    python -m tests.hosts.pages

writes them again.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from .cases import CASES
from .differences import DIFFERENCES
from .hosts import PAGES

APPLICATION = "from microfn import Router\n\napp = Router()\n"


def as_written(text: str) -> str:
    """Return a page with its generated parts."""
    text = re.sub(r"^\$ (microfn deploy .*)\n(?:.*\n)*?```$", _with_output, text, flags=re.MULTILINE)
    asked = _table(("request or value", "result"), [(case.name, f"`{case.expected}`") for case in CASES])
    differing = _table(
        ("request or value", "host", "result", "reason"),
        [(one.case, one.where, f"`{one.answer}`" if one.answer else "nothing", one.why) for one in DIFFERENCES],
    )
    text = re.sub(r"(## Requests and results\n\n)[^#]*", lambda found: f"{found[1]}{asked}\n", text)
    return re.sub(r"(## Differences\n\n)[^#]*", lambda found: f"{found[1]}{differing}", text)


def _with_output(found: re.Match[str]) -> str:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "shop.py").write_text(APPLICATION, "utf-8")
        command = [sys.executable, "-m", *shlex.split(found[1])]
        done = subprocess.run(command, cwd=directory, capture_output=True, timeout=60, check=True, encoding="utf-8")
    return f"$ {found[1]}\n{done.stdout}```"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    for page in PAGES.glob("*.md"):
        page.write_text(as_written(page.read_text("utf-8")), "utf-8")
