"""The README and the overview show real behaviour."""

from __future__ import annotations

import re

import pytest

from microfn import RouteConflict, Router

from .documents import ROOT, blocks, run
from .wsgi import call

README = ROOT / "README.md"
OVERVIEW = ROOT / "docs/overview.md"


def test_readme_examples_do_what_is_shown(tmp_path):
    assert run(README, tmp_path) == 1 + 5


def test_readme_has_at_most_110_lines():
    assert len(README.read_text("utf-8").splitlines()) <= 110


def test_there_are_two_commands_and_both_are_targets_of_make():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (commands,) = [text for language, text in blocks(README) if language == "console" and "make" in text]
    targets = re.findall(r"^\$ make (\w+)", commands, re.MULTILINE)
    assert targets == ["run", "test"]
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def rows(heading: str) -> list[list[str]]:
    section = OVERVIEW.read_text("utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    table = next(part for part in section.split("\n\n") if part.startswith("|"))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]


def test_overview_patterns_match_as_shown():
    pattern = ""
    for first, path, shown in rows("Patterns"):
        pattern = first.strip("`") or pattern
        app = Router()
        app.get(pattern)(lambda request, params: repr(params))
        reply = call(app, path=path.strip("`"))
        if shown.startswith("`{"):
            assert reply.text == shown.split("`")[1].replace('"', "'")
        elif shown.startswith("a redirect"):
            assert reply.headers["location"] == shown.split("`")[1]
        else:
            assert str(reply.code) == shown[:3]


def test_overview_conflict_reads_as_shown():
    (shown,) = [text for language, text in blocks(OVERVIEW) if language == "text"]
    source = "\n" * 7 + "app.get('/users/:id')(handle)" + "\n" * 4 + "app.get('/users/new')(handle)"
    app = Router()
    with pytest.raises(RouteConflict) as caught:
        exec(compile(source, "app.py", "exec"), {"app": app, "handle": lambda request, params: ""})
    assert str(caught.value) == shown.rstrip("\n")
