"""Foreign suites: downloaded as the sdist of the installed version, and run twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from . import differences
from .comparison import Comparison, Outcomes, compare

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build/peers"


class Suite(NamedTuple):
    """The tests of a package; `least` of them have to pass without the swap."""

    name: str
    least: int
    reasons: Mapping[str, str]
    options: tuple[str, ...] = ()


SUITES = [
    # The development server runs in processes of its own, which the swap does not reach.
    Suite("werkzeug", 900, differences.WERKZEUG, ("-m", "not dev_server")),
    Suite("flask", 450, differences.FLASK),
]


def fetch(name: str) -> Path:
    """Return the unpacked sdist of the installed version, from the index in pip's configuration."""
    wanted = f"{name}-{version(name)}"
    directory = BUILD / wanted
    stamp = BUILD / f"{wanted}.stamp"
    if not stamp.exists():
        shutil.rmtree(directory, ignore_errors=True)
        download = BUILD / "sdists" / wanted
        shutil.rmtree(download, ignore_errors=True)
        words = ["pip", "--disable-pip-version-check", "--quiet", "download", "--no-binary", ":all:", "--no-deps"]
        subprocess.run(
            [sys.executable, "-m", *words, "--dest", download, f"{name}=={version(name)}"], check=True, timeout=600
        )
        (file,) = download.glob("*.tar.gz")
        with tarfile.open(file) as archive:
            archive.extractall(BUILD, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        stamp.touch()
    return directory


def run(directory: Path, *options: str, is_swapped: bool) -> Outcomes:
    """Run the tests of a directory with its own configuration, and return their outcomes."""
    record = directory.with_name(f"{directory.name}-{'swapped' if is_swapped else 'base'}.json")
    record.unlink(missing_ok=True)
    plugins = ["-p", "tests.peers.record", *(["-p", "tests.peers.swap"] if is_swapped else [])]
    words = ["pytest", "-q", "--continue-on-collection-errors", "-p", "no:cacheprovider", *plugins, *options]
    place = ["--rootdir", directory, "-c", directory / "pyproject.toml", directory / "tests"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "FLASK_"))}
    done = subprocess.run(
        [sys.executable, "-m", *words, "--record", record, *place],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
        timeout=900,
    )
    if done.returncode not in (0, 1):  # all passed, or some failed
        raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout[-5000:]}\n{done.stderr[-5000:]}")
    return {test: (outcome, reason) for test, (outcome, reason) in json.loads(record.read_text("utf-8")).items()}


def check(directory: Path, suite: Suite) -> Comparison:
    """Compare a run of the suite with microfn's classes with one without."""
    base, swapped = (run(directory, *suite.options, is_swapped=swapped) for swapped in (False, True))
    return compare(base, swapped, suite.reasons, suite.least)
