"""The tree against recorded results. tests/data/README.md describes the fields."""

from __future__ import annotations

import functools
import gzip
import itertools
import json
import os

import pytest

from microfn.errors import InvalidPattern, RouteConflict
from microfn.routing.tree import Tree

from .. import invariants, model

DATA = os.path.join(os.path.dirname(os.path.dirname(__file__)), "data")

MALFORMED = (
    "no / before catch-all",
    "wildcards must be named",
    "only one wildcard per path segment",
    "catch-all routes are only allowed at the end",
    "runtime error: index out of range",
)
CLASHES = {
    "a handle is already registered": {"same"},
    "wildcard route": {"place"},
    "catch-all conflicts with existing handle": {"place"},
    "path segment": {"names", "place"},
}


def read(name):
    with gzip.open(os.path.join(DATA, name), "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


STRICT = read("tree.jsonl.gz")
OVERLAP = read("overlap.jsonl.gz")
FAMILIES = list(dict.fromkeys(line["family"] for line in STRICT))

in_every_family = pytest.mark.parametrize("family", FAMILIES)


def lines_of(family):
    return [line for line in STRICT if line["family"] == family]


@functools.cache
def grown(name):
    """Build the tree of one line. The value of a pattern is its index in `routes`."""
    line = next(line for line in itertools.chain(STRICT, OVERLAP) if line["id"] == name)
    tree = Tree(overlap=line["family"] == "overlap")
    for handle, (route, refused) in enumerate(zip(line["routes"], line["refused"], strict=True)):
        if refused is None:
            tree.add_route(route, handle)
    return tree


def add_and_check(line, tree):
    """Add the line's patterns one by one; yield (pattern, message of its refusal, error) for the refused ones."""
    registered = {}
    for handle, (route, refused) in enumerate(zip(line["routes"], line["refused"], strict=True)):
        if refused is None:
            tree.add_route(route, handle)
            registered[route] = handle
        else:
            before = invariants.dump(tree)
            with pytest.raises((InvalidPattern, RouteConflict)) as caught:
                tree.add_route(route, handle)
            assert invariants.dump(tree) == before, f"{route!r} left a trace"
            assert caught.value.__cause__ is None
            yield route, refused, caught.value
        invariants.check(tree, registered)


def test_the_recordings_are_complete():
    assert (len(STRICT), len(OVERLAP)) == (650, 300)
    assert sum(len(line["lookups"]) for line in STRICT) == 19_865
    assert sum(len(line["fold"]) for line in STRICT) == 24_210
    assert sum("tree" in line for line in STRICT) == 509
    assert sum(len(line["lookups"]) for line in OVERLAP) == 19_164


@in_every_family
@pytest.mark.slow
def test_the_same_patterns_are_refused_and_leave_no_trace(family):
    for line in lines_of(family):
        for route, message, error in add_and_check(line, Tree()):
            if model.parse(route) is None:
                assert isinstance(error, InvalidPattern), (line["id"], route, message)
                assert error.pattern == route
                continue
            assert not message.startswith(MALFORMED)
            assert isinstance(error, RouteConflict), (line["id"], route, message)
            clashes = next(clashes for start, clashes in CLASHES.items() if message.startswith(start))
            assert error.clash in clashes, (line["id"], route, message)
            assert error.new == route
            assert line["routes"].index(error.existing) == error.handle
            assert model.clash(model.parse(route), model.parse(error.existing)) == error.clash


@in_every_family
def test_every_lookup_has_the_recorded_answer(family):
    wrong = []
    for line in lines_of(family):
        for lookup in line["lookups"]:
            answer = grown(line["id"]).get_value(lookup["path"])
            if answer != (lookup["route"], [tuple(pair) for pair in lookup["params"] or ()], lookup["tsr"]):
                wrong.append((line["id"], lookup, answer))
    assert not wrong


@in_every_family
def test_search_without_case_finds_the_recorded_spelling(family):
    wrong = []
    for line in lines_of(family):
        tree = grown(line["id"])
        for search in line["fold"]:
            answer = tree.find_case_insensitive_path(search["path"], search["fix_trailing_slash"])
            if answer not in (search["spellings"] or [None]):
                wrong.append((line["id"], search, answer))
            if answer is not None and tree.get_value(answer)[0] is None:
                wrong.append((line["id"], search, answer, "is no match"))
    assert not wrong


def in_one_form(nodes):
    """The nodes without those that have no text, below the first, and without "/" in the indices."""
    form = []
    skipped = 0
    for depth, path, kind, indices, priority, route in nodes:
        if depth and not path:
            skipped += 1
            continue
        form.append((depth - skipped, path, int(kind), indices.replace("/", ""), priority, route))
        skipped = 0
    return form


@in_every_family
def test_every_tree_has_the_recorded_nodes(family):
    for line in lines_of(family):
        if "tree" in line:
            nodes = [
                (depth, node.path, node.kind, node.indices, node.priority, node.handle)
                for depth, node in grown(line["id"]).walk()
            ]
            assert in_one_form(nodes) == in_one_form(line["tree"]), line["id"]


@pytest.mark.slow
def test_in_overlap_mode_only_patterns_of_one_shape_are_refused():
    for line in OVERLAP:
        for route, earlier, error in add_and_check(line, Tree(overlap=True)):
            assert isinstance(error, RouteConflict), (line["id"], route)
            assert (error.new, error.existing) == (route, line["routes"][earlier])
            assert (error.clash, error.handle) == ("same", earlier)


@pytest.mark.slow
def test_in_overlap_mode_every_lookup_has_the_recorded_answer():
    wrong = []
    for line in OVERLAP:
        for lookup in line["lookups"]:
            answer = grown(line["id"]).get_value(lookup["path"])
            if answer != (lookup["route"], [tuple(pair) for pair in lookup["params"] or ()], lookup["tsr"]):
                wrong.append((line["id"], lookup, answer))
    assert not wrong


@pytest.mark.parametrize("line", [*STRICT[::10], *OVERLAP[::10]], ids=lambda line: line["id"])
def test_model_has_the_recorded_results_too(line):
    judge = model.Model(overlap=line["family"] == "overlap")
    for handle, (route, refused) in enumerate(zip(line["routes"], line["refused"], strict=True)):
        assert judge.add(route, handle) is (refused is None), route
    for lookup in line["lookups"]:
        expected = (lookup["route"], [tuple(pair) for pair in lookup["params"] or ()], lookup["tsr"])
        assert judge.get_value(lookup["path"]) == expected
    for search in line.get("fold", ()):
        assert judge.spellings(search["path"], search["fix_trailing_slash"]) == set(search["spellings"])
