"""The tree against the model, on random sets of routes and paths."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microfn.errors import InvalidPattern, RouteConflict
from microfn.routing.pattern import parse
from microfn.routing.tree import Tree

from .. import invariants, model

# Letters that are the same as others, as none, or as two; those whose cases differ in bytes; bytes that are no UTF-8.
FAMILIES = ["aA", "bB", "éÉ", "ßẞ", "kK\u212a", "iI", "\u0130", "\u023a\u2c65", "sSſ", "σςΣ", "\udc80", "\udcff"]
NEXT = {char: family[(number + 1) % len(family)] for family in FAMILIES for number, char in enumerate(family)}
LETTERS = "".join(FAMILIES)

quick = settings(max_examples=300)

# few letters, so that texts have beginnings in common
texts = st.text("aaAb", max_size=3) | st.text(LETTERS, max_size=2)
names = st.sampled_from(["x", "y", "é", "x.json"])
segments = texts | st.builds("{}:{}".format, st.just("") | texts, names)
well_formed = st.builds(
    lambda parts, rest: "".join(f"/{part}" for part in parts) + rest or "/",
    st.lists(segments, max_size=4),
    st.just("") | st.just("/") | names.map("/*{}".format),
)
patterns = st.lists(well_formed | st.text("/:*ab", max_size=6).map("/".__add__), min_size=1, max_size=9, unique=True)
values = st.text(LETTERS + ":*%.", max_size=2)
rests = st.lists(values, min_size=1, max_size=3).map(lambda parts: "".join(f"/{part}" for part in parts))
any_path = st.text(LETTERS + "//:*", max_size=8).map("/".__add__) | st.text("/aA", max_size=5)


@st.composite
def near_misses(draw, pattern):
    """A path that matches the pattern, or did so before the case of some characters was changed."""
    path = ""
    for kind, text in model.parse(pattern):
        if kind == model.TEXT:
            path += text
        else:
            path += draw(values if kind == model.PARAM else rests)
    # a bit for each character, the first eight again and again: whether the next of its family replaces it
    turns = draw(st.integers(0, 255))
    return "".join(NEXT.get(char, char) if turns >> number % 8 & 1 else char for number, char in enumerate(path))


@st.composite
def tables(draw):
    """Patterns in some order, malformed ones and ones that collide among them, and paths that end in many ways."""
    routes = draw(patterns)
    paths = draw(st.lists(any_path, max_size=3))
    for pattern in draw(st.lists(st.sampled_from(routes), min_size=1, max_size=6)):
        paths.append(draw(near_misses(pattern) if model.parse(pattern) else any_path))
    return routes, [end for path in paths for end in (path, path + "/", path.removesuffix("/"), path[:-1])]


def grow(routes, *, overlap):
    """A tree and a model of the patterns that both accept; each pattern is its own handle."""
    tree, judge = Tree(overlap=overlap), model.Model(overlap=overlap)
    for route in routes:
        if judge.add(route, route):
            tree.add_route(route, route)
        else:
            with contextlib.suppress(InvalidPattern, RouteConflict):
                tree.add_route(route, route)
    invariants.check(tree, judge.routes)
    return tree, judge


@quick
@given(routes=patterns, overlap=st.booleans())
@pytest.mark.slow
def test_tree_refuses_what_the_model_refuses(routes, overlap):
    """A refused pattern leaves no trace in the tree."""
    tree, judge = Tree(overlap=overlap), model.Model(overlap=overlap)
    for route in [*routes, *routes]:
        if model.parse(route) is None:
            expected = InvalidPattern
        elif clashes := judge.clashes(route):
            expected = RouteConflict
        else:
            tree.check(parse(route))
            tree.add_route(route, route)
            judge.add(route, route)
            invariants.check(tree, judge.routes)
            continue
        before = invariants.dump(tree)
        with pytest.raises(expected) as caught:
            tree.add_route(route, route)
        assert invariants.dump(tree) == before
        if expected is RouteConflict:
            assert caught.value.new == route
            assert clashes[caught.value.existing] == caught.value.clash
            assert caught.value.handle == caught.value.existing
            with pytest.raises(RouteConflict):
                tree.check(parse(route))
    invariants.check(tree, judge.routes)


@quick
@given(table=tables(), overlap=st.booleans(), data=st.data())
@pytest.mark.slow
def test_lookup_matches_as_the_model_in_any_order(table, data, overlap):
    """The order in which patterns are registered does not matter."""
    routes, paths = table
    tree, judge = grow(routes, overlap=overlap)
    shuffled = Tree(overlap=overlap)
    for route in data.draw(st.permutations(list(judge.routes))):
        shuffled.add_route(route, route)
    invariants.check(shuffled, judge.routes)
    for path in paths:
        expected = judge.get_value(path)
        assert tree.get_value(path) == shuffled.get_value(path) == expected
        assert tree.match(path) == expected[:2]
        if expected[0] is None:
            other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
            assert expected[2] is (path not in ("", "/") and tree.get_value(other)[0] is not None)


@quick
@given(table=tables(), overlap=st.booleans())
@pytest.mark.slow
def test_search_without_case_finds_a_spelling_if_there_is_one(table, overlap):
    routes, paths = table
    tree, judge = grow(routes, overlap=overlap)
    for path, fix_trailing_slash in itertools.product(paths, [False, True]):
        spellings = judge.spellings(path, fix_trailing_slash)
        found = tree.find_case_insensitive_path(path, fix_trailing_slash)
        assert found in (spellings or {None})
        if found is not None:
            assert tree.get_value(found)[0] is not None
