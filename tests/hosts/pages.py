"""What the pages of docs/deployment show: the files that are printed, and how the hosts differ.

    python -m tests.hosts.pages

writes them anew.
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
    """A page with all that is made."""
    text = re.sub(r"^\$ (microfn deploy .*)\n(?:.*\n)*?```$", _with_output, text, flags=re.MULTILINE)
    asked = _table(("asked", "answer"), [(case.name, f"`{case.expected}`") for case in CASES])
    differing = _table(
        ("asked", "host", "answer instead", "why"),
        [(one.case, one.where, f"`{one.answer}`" if one.answer else "nothing", one.why) for one in DIFFERENCES],
    )
    text = re.sub(r"(## What is asked\n\n)[^#]*", lambda found: f"{found[1]}{asked}\n", text)
    return re.sub(r"(## Where they differ\n\n)[^#]*", lambda found: f"{found[1]}{differing}", text)


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
