"""The comparison of two runs finds a difference without a reason, and a reason that nothing needs."""

from __future__ import annotations

import pytest

from .comparison import compare

PASSED, FAILED, SKIPPED, ERROR = ("passed", ""), ("failed", "assert 1 == 2"), ("skipped", "no"), ("error", "no fixture")
BASE = {"a": PASSED, "b": PASSED, "c": FAILED}


def faults(base, swapped, reasons=(), least=1):
    return compare(base, swapped, dict(reasons), least).faults


def test_comparison_of_equal_runs_has_no_faults():
    result = compare(BASE, BASE, {}, 2)
    assert result.faults == result.differing == []
    assert result.failing_anyway == ["c"]


@pytest.mark.parametrize("outcome", [FAILED, SKIPPED, ERROR])
def test_comparison_finds_a_planted_difference(outcome):
    (fault,) = faults(BASE, {**BASE, "b": outcome})
    assert fault == f"b: passed, but {outcome[0]} with microfn's classes: {outcome[1]}"


def test_comparison_finds_a_test_that_passes_by_the_swap():
    (fault,) = faults(BASE, {**BASE, "c": PASSED})
    assert fault.startswith("c: failed, but passed with microfn's classes")


def test_comparison_finds_tests_that_only_one_run_has():
    assert len(faults(BASE, {"a": PASSED, "c": FAILED, "d": PASSED})) == 2


def test_comparison_accepts_a_difference_with_a_reason():
    assert faults(BASE, {**BASE, "b": FAILED}, {"b": "By design."}) == []


@pytest.mark.parametrize("test", ["b", "c", "gone"])
def test_comparison_finds_an_unneeded_row(test):
    (fault,) = faults(BASE, BASE, {test: "By design."})
    assert fault == f"{test}: the list says that it differs, and it does not; remove its row"


def test_comparison_wants_a_reason_in_each_row():
    assert faults(BASE, {**BASE, "b": FAILED}, {"b": " "}) == ["b: its row has no reason"]


def test_comparison_wants_a_base_run_that_passes():
    assert faults({}, {}) == ["only 0 tests pass without the swap; at least 1 have to"]
    assert faults({"tests/conftest.py": ERROR}, {"tests/conftest.py": ERROR}) != []
