"""A pytest plugin that writes the outcome of each test into the file `--record`, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import _pytest.monkeypatch
import pytest


class Recorder:
    """The outcomes of a run: for each test `passed`, `skipped`, `failed` or `error`, and the reason in one line."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.outcomes: dict[str, tuple[str, str]] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.outcomes[report.nodeid] = ("error", reason_of(report))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            outcome = "error" if report.failed and report.when != "call" else report.outcome
            self.outcomes[report.nodeid] = (outcome, "" if report.passed else reason_of(report))

    def pytest_sessionfinish(self) -> None:
        Path(self.path).write_text(json.dumps(self.outcomes), "utf-8")


def reason_of(report: Any) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = (crash.message if crash else report.longreprtext).strip().splitlines()
    return lines[0 if crash else -1] if lines else ""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", required=True, help="the file that the outcomes are written into")


def pytest_configure(config: pytest.Config) -> None:
    # Flask 3.1's tests read a private name of pytest's, which pytest 9.2 renamed.
    if not hasattr(_pytest.monkeypatch, "notset"):
        _pytest.monkeypatch.notset = _pytest.monkeypatch.NOTSET  # type: ignore[attr-defined]
    config.pluginmanager.register(Recorder(config.getoption("--record")), "peers-recorder")
