"""The index has exactly the results of the trees of all methods."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microfn.errors import RouteError
from microfn.routing.index import NO_PREFIX, NOT_UTF8, Index, Miss
from microfn.routing.paths import to_wsgi_str
from microfn.routing.pattern import parse
from microfn.routing.tree import Tree

DATA = Path(__file__).parents[1] / "data"
METHODS = ("GET", "PUT", "HEAD")


def is_utf8(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


class Both:
    """The same patterns in a tree for each method, and in one index."""

    def __init__(self, patterns: list[str], *, overlap: bool) -> None:
        self.trees = {method: Tree(overlap=overlap) for method in METHODS}
        items = []
        for number, text in enumerate(patterns):
            method = METHODS[number % len(METHODS)]
            try:
                pattern = parse(text)
                self.trees[method].add(pattern, (number,))
            except RouteError:
                continue
            items.append((method, pattern, (number,)))
        self.index = Index(items)

    def check(self, path: str) -> None:
        matches = {method: tree.match(path) for method, tree in self.trees.items()}
        having = {method for method, (value, _) in matches.items() if value is not None}
        for method in METHODS:
            value, params = matches[method]
            found, rest = self.index.find(method, to_wsgi_str(path))
            assert found == value
            if value is not None:
                assert rest == dict(params)
            elif path.startswith("/"):
                assert set(rest.methods) == having
                assert rest.may_redirect or not self.is_near(path)

    def is_near(self, path: str) -> bool:
        """Whether any tree finds the path in another case, or with another end."""
        return any(tree.find_case_insensitive_path(path, True) is not None for tree in self.trees.values())


def read(name: str):
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize("name", ["tree.jsonl.gz", "overlap.jsonl.gz"])
def test_it_answers_every_vector_as_the_trees_do(name):
    for line in read(name):
        both = Both([pattern for pattern in line["routes"] if is_utf8(pattern)], overlap=name.startswith("overlap"))
        for lookup in line["lookups"]:
            if is_utf8(lookup["path"]) and lookup["path"]:
                both.check(lookup["path"])


SEGMENTS = st.sampled_from(["", "a", "b", "A", "é", ":x", ":y", "a:x", "ab:x", "a:y", "*r", "ß"])
PATTERNS = st.lists(SEGMENTS, min_size=1, max_size=4).map(lambda segments: "/" + "/".join(segments))
PATHS = st.lists(
    st.sampled_from(["", "a", "b", "ab", "abc", "A", "é", "É", "ss", ".", "x"]), min_size=1, max_size=6
).map(lambda segments: "/" + "/".join(segments))


def with_names(pattern: str) -> str:
    """Params of one pattern have names of their own, as a Router wants it."""
    parts = enumerate(pattern.split("/"))
    return "/".join(f"{part}{place}" if ":" in part or "*" in part else part for place, part in parts)


ROUTES = st.lists(PATTERNS.map(with_names), min_size=1, max_size=12)


@settings(max_examples=300)
@given(ROUTES, st.lists(PATHS, min_size=1, max_size=12), st.booleans())
@pytest.mark.slow
def test_it_answers_random_patterns_and_paths_as_the_trees_do(patterns, paths, overlap):
    both = Both(patterns, overlap=overlap)
    for path in paths:
        both.check(path)


@pytest.mark.parametrize("start", ["", "/v"], ids=["first-segment", "second-segment"])
def test_index_prefers_the_pattern_that_the_tree_prefers(start):
    """Text, params behind text of any length, and catch-alls: the longer text wins, then the param."""
    heads = ["a", "ab", "abc", ":x", "a:x", "ab:x", "abc:x"]
    patterns = [f"{start}/{head}{tail}" for head in heads for tail in ["/y", "/:y", "/*rest"]]
    paths = [f"{start}/{head}{tail}" for head in ["", "a", "ab", "abc", "abcd"] for tail in ["/y", "/z", "/y/z", "/"]]
    for pair in itertools.combinations(patterns, 2):
        tree = Tree(overlap=True)
        for pattern in pair:
            tree.add_route(pattern, pattern)
        index = Index(("GET", parse(pattern), pattern) for pattern in pair)
        for path in paths:
            assert index.find("GET", path)[0] == tree.match(path)[0], (pair, path)


def test_a_path_that_is_no_text_is_told_from_one_without_a_match():
    index = Index([("GET", parse("/a/:x"), 1), ("GET", parse("/é"), 2)])
    assert index.find("GET", "/a/\xff") == (None, NOT_UTF8)
    assert index.find("GET", "/\u0100") == (None, NOT_UTF8)
    assert index.find("GET", "/\xc3\xa9") == (2, {})
    assert index.find("GET", "/b/c") == (None, NO_PREFIX)


def test_every_find_makes_params_of_its_own():
    index = Index([("GET", parse("/a/:x"), 1), ("PUT", parse("/a/b"), 2)])
    for path in ["/a/c", "/a/b"]:
        _, first = index.find("GET", path)
        first["x"] = "changed"
        assert index.find("GET", path) == (1, {"x": path[3:]})


def test_paths_longer_than_any_pattern_reach_a_catch_all():
    index = Index([("GET", parse("/a/*rest"), 1), ("GET", parse("/b/:x"), 2)])
    assert index.find("GET", "/a" + "/x" * 8000) == (1, {"rest": "/x" * 8000})
    assert index.find("GET", "/b" + "/x" * 8000)[0] is None


@pytest.mark.parametrize(
    ("patterns", "path", "params"),
    [(["/a/:x", "/a/:y", "/a/:z"], "/a/7", [{"x": "7"}, {"y": "7"}, {"z": "7"}]), (["/b"] * 3, "/b", [{}] * 3)],
    ids=["param", "text"],
)
def test_each_method_of_a_path_has_its_last_value(patterns, path, params):
    """A table by folded text has several for one: those of patterns that differ in case."""
    items = list(zip(["GET", "PUT", "GET"], map(parse, patterns), ["first", "other", "last"], strict=True))
    find = Index(items).find
    assert find("GET", path) == ("last", params[2])
    assert find("PUT", path) == ("other", params[1])
    assert find("POST", path) == (None, Miss(("GET", "PUT")))
    find = Index([items[0], items[2]]).find
    assert find("GET", path) == ("last", params[2])
    assert find("PUT", path) == (None, Miss(("GET",)))


def test_params_that_are_found_belong_to_who_asked():
    """A handle may change them: also those of a method that only a pattern with a wildcard has for a path."""
    find = Index([("GET", parse("/a"), 1), ("PUT", parse("/:x"), 2), ("POST", parse("/a"), 3)]).find
    for method, params in [("GET", {}), ("POST", {}), ("PUT", {"x": "a"})]:
        for _ in range(2):
            found = find(method, "/a")[1]
            assert found == params
            found["more"] = "text"
