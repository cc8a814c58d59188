"""The tree's promises, one by one: valid patterns, invalid ones, and matches."""

from __future__ import annotations

import contextlib
import itertools
import sys

import pytest

import microfn.tree
from microfn.errors import InvalidPattern, RouteConflict, RouteError
from microfn.routing.node import Kind, Node
from microfn.routing.tree import Tree

from .. import invariants
from .trees import tree_of

MISS = (None, [], False)
ANOTHER_SPELLING = (None, [], True)

REASONS = {
    "empty": "a pattern must not be empty; the root is '/'",
    "slash": "a pattern must begin with a slash",
    "last": "a catch-all must be last, since it matches the rest of the path",
}

MALFORMED = [
    ("", REASONS["empty"]),
    ("users", REASONS["slash"]),
    (" /users", REASONS["slash"]),
    (":id", REASONS["slash"]),
    ("*rest", REASONS["slash"]),
    ("*", REASONS["slash"]),
    ("/:", "a wildcard must have a name, like ':name'"),
    ("/users/:/edit", "a wildcard must have a name, like ':name'"),
    ("/user_:", "a wildcard must have a name, like ':name'"),
    ("/src/*", "a wildcard must have a name, like '*name'"),
    ("/*/", "a wildcard must have a name, like '*name'"),
    ("/:id:name", "a segment must have at most one wildcard, got ':id:name'"),
    ("/a/:id*rest/b", "a segment must have at most one wildcard, got ':id*rest'"),
    ("/*rest:id", "a segment must have at most one wildcard, got '*rest:id'"),
    ("/::", "a segment must have at most one wildcard, got '::'"),
    ("/**", "a segment must have at most one wildcard, got '**'"),
    ("/*rest/", REASONS["last"]),
    ("/*rest/edit", REASONS["last"]),
    ("/*rest/:id", REASONS["last"]),
    ("/:id/*rest/:more/*still", REASONS["last"]),
    ("/src*rest", "a catch-all must follow a slash, like '/*rest'"),
    ("/a/:id/src*rest", "a catch-all must follow a slash, like '/*rest'"),
]


@contextlib.contextmanager
def few_frames_left(spare=40):
    """Fail if code recurses by the length of its input."""
    depth = 0
    frame = sys._getframe()
    while frame is not None:
        depth += 1
        frame = frame.f_back
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + spare)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


class ReadCharacters(str):
    """A path that counts how often somebody looks into it."""

    __slots__ = ("count",)

    def __new__(cls, text):
        path = super().__new__(cls, text)
        path.count = 0
        return path

    def __getitem__(self, key):
        self.count += 1
        return super().__getitem__(key)


# Refusals


@pytest.mark.parametrize("overlap", [False, True], ids=["strict", "overlap"])
@pytest.mark.parametrize(("pattern", "reason"), MALFORMED)
def test_a_malformed_pattern_is_refused_and_leaves_no_trace(pattern, reason, overlap):
    tree = tree_of("/", "/a/:id/edit", "/b/*rest", overlap=overlap)
    before = invariants.dump(tree)
    with pytest.raises(InvalidPattern) as caught:
        tree.add_route(pattern, "new")
    error = caught.value
    assert isinstance(error, RouteError)
    assert isinstance(error, ValueError)
    assert (error.pattern, error.reason) == (pattern, reason)
    assert str(error) == f"invalid pattern {pattern!r}: {reason}"
    assert invariants.dump(tree) == before


@pytest.mark.parametrize("pattern", ["/", "/users/:id", "/us", "/a/*rest"])
def test_none_is_no_handle_and_leaves_no_trace(pattern):
    tree = tree_of("/users/me")
    before = invariants.dump(tree)
    with pytest.raises(TypeError, match=r"^value must not be None, which stands for no match$"):
        Tree().add_route(pattern, None)
    with pytest.raises((TypeError, RouteConflict)):
        tree.add_route(pattern, None)
    assert invariants.dump(tree) == before


@pytest.mark.parametrize("handle", [0, "", False, (), float("nan")], ids=repr)
def test_anything_else_is_a_handle(handle):
    tree = Tree()
    tree.add_route("/a", handle)
    assert tree.get_value("/a")[0] is handle
    assert tree.get_value("/a/") == ANOTHER_SPELLING


@pytest.mark.parametrize("pattern", [None, b"/users", 7, ["/users"]], ids=repr)
def test_a_pattern_that_is_no_str_is_a_type_error(pattern):
    tree = tree_of("/")
    before = invariants.dump(tree)
    with pytest.raises(TypeError, match=rf"^pattern must be a str, got {type(pattern).__name__}: "):
        tree.add_route(pattern, "new")
    assert invariants.dump(tree) == before


# Lookup


@pytest.mark.parametrize("path", ["", "/", "/a", "*", "//"])
def test_an_empty_tree_has_no_answer(path):
    tree = Tree()
    invariants.check(tree, {})
    assert tree.get_value(path) == MISS
    assert tree.match(path) == (None, [])
    assert tree.find_case_insensitive_path(path, True) is None


@pytest.mark.parametrize(
    ("pattern", "path", "params"),
    [
        ("/users/:id", "/users/7", [("id", "7")]),
        ("/users/:id", "/users/:id", [("id", ":id")]),
        ("/users/:id", "/users/*", [("id", "*")]),
        ("/users/:id", "/users/%2F", [("id", "%2F")]),
        ("/users/:id", "/users/ann lee", [("id", "ann lee")]),
        ("/users/:id", "/users/e\u0301", [("id", "e\u0301")]),
        ("/users/:id/", "/users//", [("id", "")]),
        ("/u/:id/e", "/u/7/e", [("id", "7")]),
        ("/u/:id/e", "/u//e", [("id", "")]),
        ("/:a/:b", "//b", [("a", ""), ("b", "b")]),
        ("/:a/:b/", "///", [("a", ""), ("b", "")]),
        ("/user_:name", "/user_gopher", [("name", "gopher")]),
        ("/user_:name/x", "/user_/x", [("name", "")]),
        ("/:name.json", "/a", [("name.json", "a")]),
        ("/:user id", "/a", [("user id", "a")]),
        ("/src/*filepath", "/src/", [("filepath", "/")]),
        ("/src/*filepath", "/src//", [("filepath", "//")]),
        ("/src/*filepath", "/src/a/b", [("filepath", "/a/b")]),
        ("/*rest", "/", [("rest", "/")]),
        ("/*rest", "//a", [("rest", "//a")]),
        ("/:a/*rest", "//", [("a", ""), ("rest", "/")]),
        ("/:a/x/*rest", "/1/x/2/", [("a", "1"), ("rest", "/2/")]),
        ("/caf\u00e9", "/caf\u00e9", []),
        ("/\udcff/:x", "/\udcff/\udc80", [("x", "\udc80")]),
        ("/\U0001f600", "/\U0001f600", []),
    ],
)
@pytest.mark.parametrize("overlap", [False, True], ids=["strict", "overlap"])
def test_a_path_matches(pattern, path, params, overlap):
    tree = tree_of(pattern, overlap=overlap)
    assert tree.get_value(path) == (pattern, params, False)
    assert tree.match(path) == (pattern, params)
    assert tree.find_case_insensitive_path(path, False) == path


@pytest.mark.parametrize(
    ("pattern", "path", "tsr"),
    [
        ("/users/:id", "/users/", False),
        ("/users/:id", "/users", False),
        ("/users/:id", "/users/7/", True),
        ("/users/:id", "/users//", False),
        ("/users/:id/", "/users/7", True),
        ("/users/:id/", "/users/", False),
        ("/users/:id", "/Users/7", False),
        ("/users/:id", "users/7", False),
        ("/u/:id/e", "/u/e", False),
        ("/user_:name", "/user_", False),
        ("/user_:name", "/user_/", False),
        ("/src/*filepath", "/src", True),
        ("/src/*filepath", "/sr", False),
        ("/src/*filepath", "/srcs", False),
        ("/*rest", "", False),
        ("/*rest", "a", False),
        ("/", "", False),
        ("/", "//", True),
        ("/a", "/", False),
        ("/a/", "/a", True),
        ("/a", "/a/", True),
        ("/a", "/a//", False),
        ("/a", "a", False),
        ("/caf\u00e9", "/cafe\u0301", False),
        ("/caf%C3%A9", "/caf\u00e9", False),
    ],
)
@pytest.mark.parametrize("overlap", [False, True], ids=["strict", "overlap"])
def test_a_path_does_not_match_and_another_spelling_may(pattern, path, tsr, overlap):
    assert tree_of(pattern, overlap=overlap).get_value(path) == (None, [], tsr)


@pytest.mark.parametrize(
    ("patterns", "path", "winner"),
    [
        (["/users/me", "/users/:id", "/users/*rest"], "/users/me", "/users/me"),
        (["/users/me", "/users/:id", "/users/*rest"], "/users/7", "/users/:id"),
        (["/users/me", "/users/:id", "/users/*rest"], "/users/me/7", "/users/*rest"),
        (["/users/me", "/users/:id", "/users/*rest"], "/users/", "/users/*rest"),
        (["/users/me", "/users/:id", "/users/*rest"], "/users/mean", "/users/:id"),
        (["/users/me", "/users/:id", "/users/*rest"], "/users/m", "/users/:id"),
        (["/:a/x", "/y/:b"], "/y/x", "/y/:b"),
        (["/:a/x/:c", "/:a/:b/z"], "/1/x/z", "/:a/x/:c"),
        (["/a:x", "/:y", "/ab:z"], "/abc", "/ab:z"),
        (["/a:x", "/:y", "/ab:z"], "/ab", "/a:x"),
        (["/a:x", "/:y", "/ab:z"], "/a", "/:y"),
        (["/u//e", "/u/:id/e"], "/u//e", "/u//e"),
        (["/u//:x", "/u/:id/e"], "/u//e", "/u//:x"),
        (["/u/:id/e", "/u/*rest"], "/u//e", "/u/:id/e"),
        (["/a:x/b", "/a/*rest", "/a/:y"], "/a/b", "/a/:y"),
        (["/a:x/b", "/a/*rest"], "/a/b", "/a:x/b"),
        (["/*rest", "/"], "/", "/"),
        (["/*rest", "/:page"], "/", "/*rest"),
        (["/*rest", "/:page", "/a/b"], "/a/", "/*rest"),
        (["/foo/bar/baz", "/foo/:x/*rest", "/:y/bar/qux"], "/foo/bar/qux", "/foo/:x/*rest"),
        (["/foo/bar/baz", "/foo/:x/zap", "/:y/bar/qux"], "/foo/bar/qux", "/:y/bar/qux"),
        (["/foo/bar/baz", "/foo/:x/zap", "/:y/bar/qux"], "/foo/bar/zip", None),
    ],
)
def test_overlap_tree_prefers_text_to_params_to_catch_alls(patterns, path, winner):
    for order in itertools.permutations(patterns):
        assert tree_of(*order, overlap=True).get_value(path)[0] == winner


def test_in_overlap_mode_each_pattern_has_names_of_its_own():
    tree = tree_of("/:a", "/:b/x", "/:c/:d", "/:e/x/*f", overlap=True)
    assert tree.get_value("/1") == ("/:a", [("a", "1")], False)
    assert tree.get_value("/1/x") == ("/:b/x", [("b", "1")], False)
    assert tree.get_value("/1/2") == ("/:c/:d", [("c", "1"), ("d", "2")], False)
    assert tree.get_value("/1/x/2") == ("/:e/x/*f", [("e", "1"), ("f", "/2")], False)


def test_values_of_abandoned_wildcards_are_forgotten():
    tree = tree_of("/a/:x/:y/z", "/:p/b/*rest", overlap=True)
    assert tree.get_value("/a/b/c/d") == ("/:p/b/*rest", [("p", "a"), ("rest", "/c/d")], False)
    assert tree.find_case_insensitive_path("/A/B/C/D", False) == "/A/b/C/D"


# The search without regard to case


@pytest.mark.parametrize(
    ("patterns", "path", "spelling"),
    [
        (["/hi"], "/HI", "/hi"),
        (["/hi"], "Xhi", None),
        (["/hi"], "/hi!", None),
        (["/hi"], "/h", None),
        (["/\u03b1", "/\u03b2"], "/\u0391", "/\u03b1"),
        (["/stra\u00dfe"], "/STRASSE", None),
        (["/stra\u00dfe"], "/STRA\u1e9eE", "/stra\u00dfe"),
        (["/kelvin"], "/\u212aELVIN", "/kelvin"),
        (["/\u212aelvin"], "/kelvin", "/\u212aelvin"),
        (["/\u0130"], "/i", None),
        (["/\u0130"], "/\u0130", "/\u0130"),
        (["/\u023a"], "/\u2c65", "/\u023a"),
        (["/\ufb01"], "/fi", None),
        (["/\u00dfs"], "/s\u00df", None),
        (["/a\u00dfss"], "/ass\u00df", None),
        (["/\u00dfs"], "/\u1e9eS", "/\u00dfs"),
        (["/\u03c3\u03c2"], "/\u03a3\u03a3", "/\u03c3\u03c2"),
        (["/Users/:id/Edit"], "/uSERS/aNN/eDIT", "/Users/aNN/Edit"),
        (["/src/*rest"], "/SRC/A/b", "/src/A/b"),
        (["/:a/B/*rest"], "//b/", "//B/"),
        (["/A/x", "/a/y"], "/a/X", "/A/x"),
        (["/A/x", "/a/y"], "/A/Y", "/a/y"),
        (["/ABC", "/abd", "/Ab:x/e"], "/aBc/E", "/Abc/e"),
    ],
)
def test_static_text_is_compared_by_folded_characters(patterns, path, spelling):
    for order in itertools.permutations(patterns):
        assert tree_of(*order).find_case_insensitive_path(path, False) == spelling


@pytest.mark.parametrize("path", ["/abc", "/ABC", "/aBc"])
def test_an_exact_match_wins_over_another_case(path):
    for order in itertools.permutations(["/abc", "/ABC", "/aBc"]):
        assert tree_of(*order).find_case_insensitive_path(path, True) == path


def test_overlap_tree_has_exact_matches_by_wildcards():
    tree = tree_of("/users", "/:page", overlap=True)
    assert tree.find_case_insensitive_path("/USERS", True) == "/USERS"


@pytest.mark.parametrize(
    ("pattern", "path", "spelling"),
    [
        ("/hi", "/HI/", "/hi"),
        ("/hi/", "/HI", "/hi/"),
        ("/hi", "/HI//", None),
        ("/", "", None),
        ("/a/", "/", None),
        ("/", "//", "/"),
        ("/src/*rest", "/SRC", "/src/"),
        ("/u/:id", "/U/Ann/", "/u/Ann"),
        ("/u/:id/", "/U/Ann", "/u/Ann/"),
        ("/u/:id", "/U/", None),
    ],
)
def test_the_last_slash_is_mended_only_where_that_is_asked_for(pattern, path, spelling):
    tree = tree_of(pattern)
    assert tree.find_case_insensitive_path(path, True) == spelling
    assert tree.find_case_insensitive_path(path, False) is None


# Structure


def test_walk_shows_parents_and_the_busiest_child_first():
    tree = tree_of("/", "/doc/", "/src/*filepath", "/search/:query", "/user_:name")
    assert [(depth, node.path, node.kind, node.indices, node.priority, node.handle) for depth, node in tree.walk()] == [
        (0, "/", Kind.ROOT, "sdu", 5, "/"),
        (1, "s", Kind.STATIC, "re", 2, None),
        (2, "rc", Kind.STATIC, "", 1, None),
        (3, "/*filepath", Kind.CATCH_ALL, "", 1, "/src/*filepath"),
        (2, "earch/", Kind.STATIC, "", 1, None),
        (3, ":query", Kind.PARAM, "", 1, "/search/:query"),
        (1, "doc/", Kind.STATIC, "", 1, "/doc/"),
        (1, "user_", Kind.STATIC, "", 1, None),
        (2, ":name", Kind.PARAM, "", 1, "/user_:name"),
    ]


def test_the_drawing_shows_priorities_paths_and_patterns():
    tree = tree_of("/", "/users/:id", "/users/:id/posts", "/src/*filepath")
    assert str(tree).split("\n") == [
        "     4  /  [/]",
        "     2     users/",
        "     2        :id  [/users/:id]",
        "     1           /posts  [/users/:id/posts]",
        "     1     src",
        "     1        /*filepath  [/src/*filepath]",
    ]


def test_drawing_of_an_overlap_tree_shows_patterns_with_names():
    tree = tree_of("/*rest", "/:page", "/:book/edit", "/", overlap=True)
    assert str(tree).split("\n") == [
        "     4  ",
        "     3     /  [/]",
        "     2        :  [/:page]",
        "     1           /edit  [/:book/edit]",
        "     1     /*  [/*rest]",
    ]


def test_an_empty_tree_is_one_node_without_text():
    tree = Tree()
    assert [(depth, node.path, node.kind, node.priority) for depth, node in tree.walk()] == [(0, "", Kind.STATIC, 0)]
    assert str(tree) == "     0  "


# Size


def big_routes():
    for section, number in itertools.product(range(100), range(25)):
        yield f"/section{section}/item{number}"
        yield f"/section{section}/item{number}/:id"
        yield f"/section{section}/item{number}/:id/edit"
        yield f"/section{section}/item{number}_files/*path"


def test_10_000_routes_are_found():
    tree = Tree()
    patterns = list(big_routes())
    assert len(patterns) == 10_000
    for pattern in patterns:
        tree.add_route(pattern, pattern)
    invariants.check(tree, {pattern: pattern for pattern in patterns})
    for pattern in patterns:
        path = pattern.replace(":id", "7").replace("*path", "a/b")
        handle, params, tsr = tree.get_value(path)
        assert (handle, tsr) == (pattern, False)
        assert params == [("id", "7")] * (":id" in pattern) + [("path", "/a/b")] * ("*" in pattern)
    assert tree.find_case_insensitive_path("/SECTION99/Item24_Files/X", False) == "/section99/item24_files/X"
    assert tree._top.priority == 10_000


@pytest.mark.parametrize("overlap", [False, True], ids=["strict", "overlap"])
def test_a_pattern_may_have_300_wildcards(overlap):
    pattern = "".join(f"/:p{number}" for number in range(299)) + "/*rest"
    tree = tree_of(pattern, overlap=overlap)
    handle, params, _ = tree.get_value("".join(f"/{number}" for number in range(299)) + "/a/b")
    assert handle == pattern
    assert params == [(f"p{number}", str(number)) for number in range(299)] + [("rest", "/a/b")]


@pytest.mark.parametrize("overlap", [False, True], ids=["strict", "overlap"])
@pytest.mark.parametrize("piece", ["/s", "/:p", "/s:p", "/"], ids=["text", "params", "both", "slashes"])
def test_nothing_recurses_by_the_length_of_a_path(piece, overlap):
    """A path of 1,500 segments, and patterns that cut it into many nodes."""
    prefixes = [piece * (length + 1) for length in range(0, 1500, 10)]
    pattern = piece * 1500 + "/End"
    path = pattern.replace(":p", "v")
    tree = Tree(overlap=overlap)
    with few_frames_left():
        for prefix in prefixes:
            tree.add_route(prefix, prefix)
        tree.add_route(pattern, pattern)
        with pytest.raises(RouteConflict):
            tree.add_route(pattern, pattern)
        handle, params, tsr = tree.get_value(path)
        missed = tree.get_value(path + "s")
        spelling = tree.find_case_insensitive_path(path[:-4] + "/eND/", True)
        not_found = tree.find_case_insensitive_path(path + "s", True)
        nodes = list(tree.walk())
        drawing = str(tree)
    assert (handle, tsr) == (pattern, False)
    assert params == [("p", "v")] * pattern.count(":")
    assert missed == MISS
    assert spelling == path
    assert not_found is None
    assert len(nodes) >= 150
    assert drawing.count("\n") == len(nodes) - 1
    assert drawing.endswith(f"[{pattern}]")
    invariants.check(tree, {pattern: pattern for pattern in (*prefixes, pattern)})


def test_a_pattern_may_have_20_000_characters():
    pattern = "/" + "a\u00e9/x" * 5000
    tree = Tree()
    with few_frames_left():
        tree.add_route(pattern, "long")
        tree.add_route(pattern[:10_000], "half")
        answers = [tree.get_value(pattern), tree.get_value(pattern[:10_000]), tree.get_value(pattern + "/")]
        spelling = tree.find_case_insensitive_path(pattern.upper(), False)
    assert answers == [("long", [], False), ("half", [], False), ANOTHER_SPELLING]
    assert spelling == pattern
    invariants.check(tree, {pattern: "long", pattern[:10_000]: "half"})


@pytest.mark.parametrize("case", [str, str.upper], ids=["as-it-is", "another-case"])
def test_backtracking_visits_no_node_twice(case):
    """Every segment is text or a param, in all combinations: 1,024 ways to the end, and none is a match."""
    tree = Tree(overlap=True)
    for segments in itertools.product(["/a", "/:x"], repeat=10):
        tree.add_route("".join(segments) + "/end", segments)
    nodes = sum(1 for _ in tree.walk())
    assert nodes < 5000
    for path in ("/a" * 10 + "/nope", "/a" * 10, "/a" * 11, "/a" * 9 + "/end"):
        read = ReadCharacters(case(path))
        assert tree.get_value(read) == MISS
        assert read.count <= 6 * nodes
        read = ReadCharacters(case(path))
        assert tree.find_case_insensitive_path(read, False) is None
        assert read.count <= 12 * nodes


def test_backtracking_among_slashes_is_bounded_too():
    """Each slash may begin a catch-all, belong to the text, or stand behind an empty param."""
    tree = Tree(overlap=True)
    for length in range(200):
        for pattern in ("/:p" * length + "/x/end", "/" * length + "/*rest", "/:p" * length + "//:q"):
            tree.add_route(pattern, pattern)
    nodes = sum(1 for _ in tree.walk())
    read = ReadCharacters("/" * 400 + "x")
    assert tree.get_value(read)[0] == "/" * 199 + "/*rest"
    assert read.count <= 6 * nodes
    read = ReadCharacters("a" + "/" * 400)
    assert tree.get_value(read) == MISS
    assert read.count <= 6 * nodes


REACHES = [
    (["/users/:id", "/users/:id/posts"], "/users/7/comments", "/users/7/"),
    (["/users/:id/posts"], "/users/7/comments/1", "/users/7/"),
    (["/users/new", "/users/news/all"], "/users/newest", "/users/new"),
    (["/abc", "/a:x/d"], "/abx", "/abx"),
    (["/a:x/d", "/abc/e"], "/abc/f", "/abc/"),
    (["/src/*rest"], "/src/a/b", "/src/a/b"),
    (["/src/*rest"], "/srx", "/sr"),
    (["/a"], "/b", "/"),
    ([], "/b", ""),
    (["/a"], "", ""),
]


@pytest.mark.parametrize(("patterns", "path", "reached"), REACHES)
def test_a_tree_tells_how_far_it_can_follow_a_path(patterns, path, reached):
    tree = Tree(overlap=True)
    for pattern in patterns:
        tree.add_route(pattern, pattern)
    at, node = tree.longest_match(path)
    assert path[:at] == reached
    assert isinstance(node, Node)


def test_tree_keeps_its_former_name():
    assert microfn.tree.Tree is Tree
    assert microfn.tree.Node is Node
