"""Two runs of a suite, with and without the swap, compared with the list of known differences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Outcomes = Mapping[str, tuple[str, str]]
"""The outcome of each test, and the reason if it did not pass."""
MISSING = ("missing", "")


class Comparison(NamedTuple):
    """The tests that differ, those that fail without the swap too, and the faults: one line each."""

    differing: list[str]
    failing_anyway: list[str]
    faults: list[str]


def compare(base: Outcomes, swapped: Outcomes, reasons: Mapping[str, str], least: int) -> Comparison:
    """Compare the outcomes of two runs.

    A difference without a reason is a fault, and so is a reason for a test that does not differ. `least` is the number
    of tests that have to pass without the swap: if few pass, the comparison says little.
    """
    faults = []
    passing = sum(outcome == "passed" for outcome, _ in base.values())
    if passing < least:
        faults.append(f"only {passing} tests pass without the swap; at least {least} have to")
    differing = [
        test for test in dict.fromkeys([*base, *swapped]) if base.get(test, MISSING)[0] != swapped.get(test, MISSING)[0]
    ]
    for test in differing:
        if test not in reasons:
            outcome, reason = swapped.get(test, MISSING)
            faults.append(f"{test}: {base.get(test, MISSING)[0]}, but {outcome} with microfn's classes: {reason}")
    for test, reason in reasons.items():
        if test not in differing:
            faults.append(f"{test}: the list says that it differs, and it does not; remove its row")
        elif not reason.strip():
            faults.append(f"{test}: its row has no reason")
    return Comparison(
        differing, [test for test, (outcome, _) in base.items() if outcome in ("failed", "error")], faults
    )
