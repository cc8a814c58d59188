"""The list of mutants that survive is read right, and is about the code that there is."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import microfn

from .survivors import LIST, Mutant, explained, mutant_of

SOURCES = Path(inspect.getfile(microfn)).parent


@pytest.mark.parametrize(
    ("name", "diff", "mutant"),
    [
        (
            "microfn.routing.tree.xǁTreeǁadd__mutmut_25",
            "--- a\n+++ b\n@@ -1,3 +1,3 @@\n def add(self):\n-    now = 1\n+    now = 2\n     return",
            Mutant("routing.tree.Tree.add", "now = 1", "now = 2"),
        ),
        (
            "microfn.routing.index.xǁ_Shapeǁ__init____mutmut_1",
            "--- a\n+++ b\n-    f(\n-        1,\n-    )\n+    f(\n+        2,\n+    )",
            Mutant("routing.index._Shape.__init__", "f( 1, )", "f( 2, )"),
        ),
        (
            "microfn.routing.paths.x__tunnelled__mutmut_3",
            "--- a\n+++ b\n-a\n+b",
            Mutant("routing.paths._tunnelled", "a", "b"),
        ),
        (
            "microfn.routing.paths.x_location__mutmut_3",
            "--- a\n+++ b\n-a\n+b",
            Mutant("routing.paths.location", "a", "b"),
        ),
    ],
)
def test_a_mutant_is_its_function_and_what_becomes_of_a_line(name, diff, mutant):
    assert mutant_of(name, diff) == mutant
    assert explained(f"A reason,\nin words.\n\n{mutant}\n\nAnother.\n") == {mutant}


def test_a_line_may_be_listed_with_several_mutants():
    text = "Why.\n\n  a.f\n    - 1\n    + 2\n    + 3\n    - 4\n    + 5\n  a.g\n    - 1\n    + 6\n"
    assert explained(text) == {
        Mutant("a.f", "1", "2"),
        Mutant("a.f", "1", "3"),
        Mutant("a.f", "4", "5"),
        Mutant("a.g", "1", "6"),
    }


def source_of(function):
    """Return the file of a function that is named with its module, `routing.tree.Tree.add`."""
    path = SOURCES
    for part in function.split("."):
        path /= part
        if path.with_suffix(".py").is_file():
            return path.with_suffix(".py")
    raise LookupError(function)


def test_what_is_listed_is_about_lines_that_there_are():
    listed = explained(LIST.read_text("utf-8"))
    assert listed
    for mutant in listed:
        source = source_of(mutant.function).read_text("utf-8")
        assert mutant.before in " ".join(source.split()), mutant
