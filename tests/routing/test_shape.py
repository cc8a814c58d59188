"""The shape of a pattern: one for all patterns with the same kinds of segments."""

from __future__ import annotations

import pytest

from microfn.routing.shape import shape_of


@pytest.mark.parametrize(
    ("one", "other", "is_shared"),
    [
        ("/users/:id/posts", "/items/:item/parts", True),
        ("/v:number/*rest", "/v:x/*y", True),
        ("/v:number/*rest", "/w:x/*y", True),
        ("/a/file1/*rest", "/a/file2/*rest", True),
        ("/a/file/*rest", "/a/files/*rest", False),
        ("/a/file1/x", "/a/files/x", True),
        ("/users/:id", "/users/:id/", False),
        ("/users/:id", "/:id/users", False),
        ("/users/:id", "/users/*id", False),
        ("/a:x", "/ab:x", False),
    ],
)
def test_patterns_with_the_same_kinds_of_segments_share_a_shape(one, other, is_shared):
    assert (shape_of(one.split("/")) is shape_of(other.split("/"))) is is_shared


@pytest.mark.parametrize(
    ("pattern", "path", "key"),
    [
        ("/users/:id/posts", "/users/7/posts", "posts"),
        ("/v:number/*rest", "/v7/a/b", ("v",)),
        ("/x/a:b", "/x/a7", ("a",)),
        ("/x/a:b", "/x/a", None),
    ],
)
def test_key_of_a_path_tells_patterns_of_a_shape_apart(pattern, path, key):
    assert shape_of(pattern.split("/")).key_of(path.split("/")) == key


@pytest.mark.parametrize(
    ("pattern", "path", "is_accepted"),
    [("/:a/:b", "/x/y", True), ("/:a/:b", "/x", False), ("/*rest", "/x/y/z", True), ("/a/:b/*rest", "/x", False)],
)
def test_shape_accepts_paths_with_as_many_segments(pattern, path, is_accepted):
    assert shape_of(pattern.split("/")).accepts(len(path.split("/"))) is is_accepted
