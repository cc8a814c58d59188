"""The targets of make, their messages without a usable Python, and the documents and the workflow that name them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
OLD = """#!/bin/sh
case "$2" in *version_info*) exit 1 ;; esac
"""
WITHOUT_VENV = """#!/bin/sh
case "$2" in *ensurepip*) echo "ModuleNotFoundError: No module named 'ensurepip'" >&2; exit 1 ;; esac
"""
FAILING = """#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin"; touch "$3/bin/python"; exit 1; fi
"""


def make(directory, target, python):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    for name in "Makefile", "setup.cfg", "setup.py":
        shutil.copy(ROOT / name, directory)
    words = ["make", target, f"PYTHON={python}"]
    return subprocess.run(
        words, cwd=directory, env=kept, capture_output=True, timeout=60, check=False, encoding="utf-8"
    )


@pytest.mark.parametrize("target", ["run", "test"])
@pytest.mark.parametrize(
    ("python", "told"),
    [
        (None, "install Python 3.10 or newer, or choose another: make PYTHON=/path/to/python"),
        (OLD, "is too old: install Python 3.10 or newer"),
        (WITHOUT_VENV, "cannot create environments: install its venv (Debian, Ubuntu: apt install python3-venv)"),
        (FAILING, "Error 1"),
    ],
)
def test_make_says_what_is_missing_and_leaves_nothing_half_done(target, python, told, tmp_path):
    if python is not None:
        (tmp_path / "python").write_text(python, "utf-8")
        (tmp_path / "python").chmod(0o755)
    done = make(tmp_path, target, tmp_path / "python")
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_alone_lists_the_targets_in_groups(tmp_path):
    done = make(tmp_path, "help", "python")
    groups = re.findall(r"^\S[^.\n]*$", done.stdout, re.MULTILINE)
    listed = re.findall(r"^  make ([a-z-]+) ", done.stdout, re.MULTILINE)
    assert groups == ["Daily", "Before a commit or a release", "Research"]
    assert sorted(listed) == sorted(TARGETS)


def test_each_target_is_phony():
    phony = MAKEFILE.split(".PHONY: ")[1].split("\n\n")[0]
    assert sorted(phony.replace("\\\n", " ").split()) == sorted(TARGETS)


def runs(workflow):
    """The commands that the steps of a workflow run."""
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    return [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]


def test_workflow_calls_make_only():
    commands = [command for path in (ROOT / ".github/workflows").iterdir() for command in runs(path)]
    assert "make check" in commands
    assert {command.removeprefix("make ") for command in commands} <= set(TARGETS)


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "docs/contributing.md", ".github/pull_request_template.md"])
def test_document_names_targets_that_exist(document):
    named = re.findall(r"\bmake ([a-z-]+)", " ".join(code_in((ROOT / document).read_text("utf-8"))))
    assert named
    assert set(named) <= set(TARGETS)


def code_in(text):
    """The code of a document, in its lines and in its blocks."""
    return re.findall(r"(?:^\$ |`)(make [^`\n#]*)", text, re.MULTILINE)


def test_contributing_has_at_most_60_lines():
    assert len((ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines()) <= 60


@pytest.mark.parametrize("form", ["bug.yml", "feature.yml"])
def test_issue_form_has_fields_with_their_own_names(form):
    """GitHub refuses a form without these keys, or with an id that occurs twice."""
    data = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE" / form).read_text("utf-8"))
    assert set(data) == {"name", "description", "labels", "body"}
    fields = [field for field in data["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in fields} <= {"input", "textarea"}
    assert len({field["id"] for field in fields}) == len(fields) > 2
    assert all(field["attributes"]["label"] for field in fields)
