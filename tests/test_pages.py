"""Pictures and lists in docs/ are current. `make docs` checks if the pages can be built."""

from __future__ import annotations

import configparser
import inspect
import json
import re
import runpy
from xml.etree import ElementTree

import pytest

import microfn
from benchmarks import chart, cold, hot, overload, report, tables
from benchmarks.everyday import EVERYDAY
from benchmarks.rows import SMALL
from microfn import agent, middleware, openapi
from microfn.cli import main

from .documents import ROOT

DOCS = ROOT / "docs"
PICTURES = runpy.run_path(str(DOCS / "pictures.py"))["pictures"]()
OVERLOAD = json.loads((ROOT / "benchmarks/overload.json").read_text("utf-8"))
CHANGES = json.loads((ROOT / "benchmarks/changes.json").read_text("utf-8"))
COLD = json.loads((ROOT / "benchmarks/cold.json").read_text("utf-8"))
HOT = json.loads((ROOT / "benchmarks/hot.json").read_text("utf-8"))
RESULTS = json.loads((ROOT / "benchmarks/results.json").read_text("utf-8"))
REFERENCE = "".join(path.read_text("utf-8") for path in sorted((DOCS / "reference").glob("*.md")))
DESCRIBED = set(
    re.findall(
        r"^ *\.\. (?:auto)?(?:class|data|exception|function|method|attribute):: ([\w.]+)", REFERENCE, re.MULTILINE
    )
)


def test_extras_are_listed():
    """The page on extras names each one."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    page = (DOCS / "reference/extras.md").read_text("utf-8")
    extras = set(setup["options.extras_require"])
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) < extras
    assert extras <= set(re.findall(r"`(\w+)`", page))


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_is_drawn(name):
    committed = (DOCS / f"explanation/pictures/{name}.svg").read_text(encoding="utf-8")
    assert committed == PICTURES[name], "run python docs/pictures.py"


def test_there_is_no_picture_that_nobody_draws_or_shows():
    assert {path.stem for path in (DOCS / "explanation/pictures").iterdir()} == set(PICTURES)
    shown = "".join(path.read_text("utf-8") for path in (DOCS / "explanation").glob("*.md"))
    assert set(re.findall(r"!\[[^]]+\]\(pictures/([\w-]+)\.svg\)", shown)) == set(PICTURES)


@pytest.mark.parametrize(
    "drawing",
    [*PICTURES.values(), chart.draw(RESULTS), chart.draw_everyday(RESULTS), overload.draw(OVERLOAD)],
    ids=[*PICTURES, "chart", "everyday", "overload"],
)
def test_a_picture_has_a_title_and_keeps_within_its_card(drawing):
    root = ElementTree.fromstring(drawing)
    assert root[0].tag.endswith("title")
    assert root[0].text
    width, size = float(root.attrib["width"]), 8  # of a letter of 13px, which is the smallest
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        if "text-anchor" not in text.attrib or text.attrib["text-anchor"] == "start":
            assert float(text.attrib["x"]) + size * 0.9 * len(text.text or "") < width, text.text


@pytest.mark.parametrize("file", report.files(RESULTS), ids=lambda file: file.name)
def test_figures_are_of_last_run(file):
    """The tables, the charts and README's figures come from results.json."""
    assert file.read_text(encoding="utf-8") == report.files(RESULTS)[file], "run python -m benchmarks.report"


def test_results_have_every_row():
    """The last run measured the rows that there are, with their goals."""
    measured = {**RESULTS["requests"], **RESULTS["everyday"]}
    assert {name: row["goal"] for name, row in measured.items()} == {row.name: row.goal for row in SMALL + EVERYDAY}


def test_chart_has_every_everyday_row():
    """Each row is a line of the chart, and a missed goal differs by more than its colour."""
    drawing = chart.draw_everyday(RESULTS)
    for name, figures in RESULTS["everyday"].items():
        assert f">{name}</text>" in drawing
        is_reached = report.is_reached(figures["ratio"], figures["goal"])
        assert f">{figures['ratio']:.2f}{'' if is_reached else ' !'}</text>" in drawing


def test_the_chart_of_the_overload_is_that_of_its_last_run():
    assert (ROOT / "benchmarks/overload.svg").read_text(encoding="utf-8") == overload.draw(OVERLOAD)


def test_the_figures_of_cold_calls_are_those_of_the_last_run():
    assert (ROOT / "benchmarks/cold.md").read_text(encoding="utf-8") == cold.text(COLD)
    assert (ROOT / "benchmarks/hot.md").read_text(encoding="utf-8") == hot.text(HOT)


def test_figures_of_changes_are_of_last_run():
    assert (ROOT / "benchmarks/changes.md").read_text(encoding="utf-8") == tables.text_of_changes(CHANGES)
    assert list(CHANGES["ms"]) == [str(size) for size in tables.SIZES]


def test_all_ways_to_run_a_program_that_are_timed_say_the_same(tmp_path):
    rows = cold.rows(tmp_path)
    assert set(rows) == set(COLD["rows"])
    own = agent.Agent(ram="256M")
    for row in rows.values():
        assert {name: run() for name, run in cold.contestants(row.argv, own).items()} == dict.fromkeys(
            (*cold.BASELINES, *cold.DOORS), row.says
        )
    assert own.close(5)


def test_a_goal_is_reached_by_what_is_shown():
    assert report.Goal("", 0.4, 0.404).is_reached
    assert not report.Goal("", 0.4, 0.406).is_reached
    assert report.Goal("", 0.9, 0.896, is_least=True).is_reached
    assert not report.Goal("", 0.9, 0.89, is_least=True).is_reached


@pytest.mark.parametrize("name", microfn.__all__)
def test_the_reference_has_all_that_is_public(name):
    assert name in DESCRIBED


@pytest.mark.parametrize("name", [*middleware.__all__, *agent.__all__, *openapi.__all__])
def test_the_reference_has_every_middleware_and_all_of_the_agent(name):
    assert name in DESCRIBED


def methods_and_properties(cls):
    return [name for name, value in inspect.getmembers(cls) if callable(value) or isinstance(value, property)]


@pytest.mark.parametrize("name", methods_and_properties(microfn.Router))
def test_the_reference_has_every_method_of_a_router(name):
    is_for_dispatch = name == "_ensure_snapshot"
    assert name[0] == "_" or is_for_dispatch or f"Router.{name}" in DESCRIBED


@pytest.mark.parametrize("name", main.list_commands(None))
def test_the_reference_has_every_command(name):
    assert f"## `microfn {name}`" in REFERENCE
    shown = REFERENCE.split(f"$ microfn {name} --help\n")[1].split("```")[0]
    assert "\\b" not in shown, "the docstring is raw, so click does not see that its examples are lines"
