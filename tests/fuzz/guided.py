"""The targets under atheris, which is led by coverage: `python -m tests.fuzz.guided TARGET [libFuzzer's options]`.

Needs the extra `fuzz`.
"""

from __future__ import annotations

import sys


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["microfn"]):
        from .targets import TARGETS
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
