"""`make run` and `make test` need a Python with venv; where there is none, they say what to install."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
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
        (None, "install Python 3.10 or newer, or say which: make PYTHON=/path/to/python"),
        (OLD, "is too old: install Python 3.10 or newer"),
        (WITHOUT_VENV, "cannot make environments: install its venv (Debian, Ubuntu: apt install python3-venv)"),
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


def test_make_alone_lists_the_targets(tmp_path):
    done = make(tmp_path, "help", "python")
    assert {line.split()[1] for line in done.stdout.splitlines()} >= {"run", "test", "check", "lint", "package"}
