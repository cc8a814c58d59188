"""Tests mirror the modules of the package, test names are short, and the contributing page names each module."""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import NamedTuple

import pytest

from .documents import ROOT

LONGEST_NAME = 60


class Cover(NamedTuple):
    """The file that tests a module without a file of its own, and the reason."""

    file: str
    reason: str


COVERED = {
    "microfn": Cover("tests/test_pages.py", "it only imports names, which the reference has to document"),
    "microfn.__main__": Cover("tests/cli/test_cli.py", "it only calls the command line"),
    "microfn.agent": Cover("tests/test_pages.py", "it only imports names, which the reference has to document"),
    "microfn.agent.driver": Cover("tests/agent/test_cold_driver.py", "it declares protocols, which drivers have"),
    "microfn.agent.functions.function_process": Cover(
        "tests/agent/functions/test_output.py", "it declares the protocol of a process, and how one ended"
    ),
    "microfn.agent.functions.texts": Cover("tests/agent/functions/test_program.py", "it checks parts of a program"),
    "microfn.agent.launcher.__main__": Cover(
        "tests/agent/launcher/test_program.py", "it only lets the program import its folder"
    ),
    "microfn.agent.queue.agent_queue": Cover("tests/agent/queue/test_queued.py", "it makes queued functions"),
    "microfn.agent.queue.engine": Cover("tests/agent/queue/test_store.py", "the store stands on its connections"),
    "microfn.cli": Cover("tests/cli/test_cli.py", "it is the command line, of which each command is a module"),
    "microfn.http.types": Cover("tests/test_types.py", "only type checkers read it"),
    "microfn.middleware": Cover("tests/test_pages.py", "it only imports names, which the reference has to document"),
    "microfn.openapi": Cover("tests/test_pages.py", "it only imports names, which the reference has to document"),
    "microfn.paths": Cover("tests/routing/test_paths.py", "it is another name for microfn.routing.paths"),
    "microfn.routing.registry": Cover("tests/test_state.py", "it needs threads and an application that they change"),
    "microfn.tree": Cover("tests/routing/test_tree.py", "it is another name for microfn.routing.tree"),
}
"""The modules that have no test file of their own."""

SOURCES = sorted((ROOT / "microfn").rglob("*.py"))
TESTS = sorted(path for folder in ("tests", "examples") for path in (ROOT / folder).rglob("*.py"))


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_only_a_docstring(path):
    return len(ast.parse(path.read_text("utf-8")).body) == 1


MODULES = {module_of(path): path for path in SOURCES if path.name != "__init__.py" or not is_only_a_docstring(path)}


def own_file(path):
    """The test file that mirrors a module; None if there is none."""
    file = ROOT / "tests" / path.relative_to(ROOT / "microfn").with_name(f"test_{path.name}")
    return file if path.name != "__init__.py" and file.is_file() else None


def mentions(path):
    """The dotted names in a file, and those that its imports make."""
    text = path.read_text("utf-8")
    imported = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        for alias in node.names
    }
    return imported | set(re.findall(r"\bmicrofn(?:\.\w+)*", text))


@pytest.mark.parametrize("module", MODULES)
def test_module_has_its_own_file_or_a_row(module):
    assert (own_file(MODULES[module]) is not None) is not (module in COVERED)


@pytest.mark.parametrize("module", COVERED)
def test_row_names_a_module_and_a_file_that_mentions_it(module):
    assert module in MODULES
    assert module in mentions(ROOT / COVERED[module].file)
    assert COVERED[module].reason


ROOMS = (
    "agent",
    "agent/admission",
    "agent/functions",
    "agent/launcher",
    "agent/wsgi",
    "application",
    "cli",
    "http",
    "middleware",
    "openapi",
    "routing",
)


@pytest.mark.parametrize("room", ROOMS)
def test_file_of_a_room_begins_with_the_name_of_a_module(room):
    """`test_tree_vectors.py` is a second file for `tree.py`."""
    names = {path.stem for path in (ROOT / "microfn" / room).glob("*.py")} | {room.rpartition("/")[2]}
    for file in (ROOT / "tests" / room).glob("test_*.py"):
        words = file.stem.removeprefix("test_").split("_")
        assert any("_".join(words[:count]) in names for count in range(1, len(words) + 1)), file.name


def names_in(path):
    tree = ast.parse(path.read_text("utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return [function.name for function in functions if function.name.startswith("test")]


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_of_tests_are_short_and_defined_once(path):
    names = names_in(path)
    assert [name for name in names if len(name) > LONGEST_NAME] == []
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_contributing_page_names_each_module_once():
    """A path that ends with a slash stands for the `__init__.py` of a room."""
    page = (ROOT / "docs/contributing.md").read_text("utf-8")
    named = re.findall(r"^\| `(microfn/[^`]*)` \| \S.* \|$", page, re.MULTILINE)
    assert sorted(named) == sorted(path.relative_to(ROOT).as_posix().removesuffix("__init__.py") for path in SOURCES)


def test_contributing_page_names_tests_that_exist():
    page = (ROOT / "docs/contributing.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    assert named
    assert named <= {name for path in TESTS for name in names_in(path)}
