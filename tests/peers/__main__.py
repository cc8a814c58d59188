"""`python -m tests.peers`, which `make peers` calls: it ends with 1 if a suite has a fault."""

from __future__ import annotations

import sys
from importlib.metadata import version

from .suites import SUITES, check, fetch


def main() -> int:
    faults = 0
    for suite in SUITES:
        result = check(fetch(suite.name), suite)
        faults += len(result.faults)
        known = f"{len(result.differing)} tests differ on microfn's classes, {len(suite.reasons)} have a reason"
        lines = [
            f"{suite.name} {version(suite.name)}: {known}; {len(result.faults)} faults",
            *(f"  fails without them too: {test}" for test in result.failing_anyway),
            *(f"  fault: {fault}" for fault in result.faults),
        ]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
