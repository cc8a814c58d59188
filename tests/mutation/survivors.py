"""The fate of mutants after mutmut ran: a test kills each, or survivors.txt has the reason why none can.

    python -m tests.mutation.survivors pattern tree

survivors.txt has paragraphs: a reason in words, and the mutants that it explains. A mutant is the function, its line
after a minus, and the mutated line after a plus. There are no line numbers, so code can move.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

LIST = Path(__file__).parent / "survivors.txt"


class Mutant(NamedTuple):
    """A function, with a changed line and its replacement."""

    function: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"  {self.function}\n    - {self.before}\n    + {self.after}"


def explained(text: str) -> set[Mutant]:
    """The mutants that are listed."""
    found = set()
    function = before = ""
    for line in text.splitlines():
        sign, _, rest = line.strip().partition(" ")
        if line.startswith("    ") and sign == "-":
            before = rest
        elif line.startswith("    ") and sign == "+":
            found.add(Mutant(function, before, rest))
        elif line.startswith("  "):
            function = line.strip()
    return found


def mutant_of(name: str, diff: str) -> Mutant:
    """The mutant that mutmut calls `microfn.routing.tree.xǁTreeǁadd__mutmut_1`, and shows as a diff."""
    module, _, mangled = name.removeprefix("microfn.").rpartition(".")
    function = mangled.rpartition("__mutmut_")[0].removeprefix("x").removeprefix("_").strip("ǁ").replace("ǁ", ".")
    lines = diff.splitlines()[2:]
    before, after = (" ".join(" ".join(line[1:] for line in lines if line.startswith(sign)).split()) for sign in "-+")
    return Mutant(f"{module}.{function}", before, after)


def results(module: str) -> Iterator[tuple[str, str]]:
    """Return the mutants of one module, by mutmut's names, with mutmut's results."""
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.stats import status_by_exit_code

    data = SourceFileMutationData(path=Path("microfn", *module.split(".")).with_suffix(".py"))
    data.load()
    for name, exit_code in data.exit_code_by_key.items():
        # 255 is an exception out of pytest: that is a test's name that pytest does not know, and no mutant's end.
        yield name, "not run" if exit_code in (None, 255) else status_by_exit_code[exit_code]


def survivors(module: str, names: Iterable[str]) -> set[Mutant]:
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    return {
        mutant_of(name, get_diff_for_mutant(name, path=Path("microfn", *module.split(".")).with_suffix(".py")))
        for name in names
    }


def main(modules: list[str]) -> str | None:
    """Print a line for each module. Return the problem, if any."""
    listed = {
        mutant
        for mutant in explained(LIST.read_text("utf-8"))
        if mutant.function.startswith(tuple(f"{one}." for one in modules))
    }
    alive: set[Mutant] = set()
    lost: list[str] = []
    sys.stdout.write("module                mutants  killed  timed out  survived\n")
    for module in modules:
        status_by_name = dict(results(module))
        count = Counter(status_by_name.values())
        survived = [name for name, status in status_by_name.items() if status == "survived"]
        alive |= survivors(module, survived)
        lost += [
            f"  {name}: {status}"
            for name, status in status_by_name.items()
            if status not in {"killed", "timeout", "survived"}
        ]
        numbers = count.total(), count["killed"], count["timeout"], count["survived"]
        sys.stdout.write("{:20}  {:7}  {:6}  {:9}  {:8}\n".format(module, *numbers))
    complaints = {
        "These survive, and nothing says why:": map(str, sorted(alive - listed)),
        "These are explained, and do not survive:": map(str, sorted(listed - alive)),
        "These have no result:": lost,
    }
    told = [(title, *found) for title, found in complaints.items()]
    return "\n".join("\n".join(lines) for lines in told if len(lines) > 1) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
