"""Patterns that conflict, and the messages of conflicts."""

from __future__ import annotations

import pytest

from microfn.errors import RouteConflict, RouteError
from microfn.routing.pattern import parse
from microfn.routing.tree import Tree

from .. import invariants, model
from .trees import tree_of

WAYS_OUT = {
    "same": "a route can be registered only once",
    "names": (
        "wildcards at the same position must have the same name;"
        " rename one, or use Router(overlap=True), which gives each pattern its own names"
    ),
    "place": (
        "a wildcard and literal text cannot be at the same position; Router(overlap=True) prefers the literal text"
    ),
}


# One of two is registered, the other is refused: in either order.
CLASHING = [
    ("/", "/", "same"),
    ("/users", "/users", "same"),
    ("/users/:id", "/users/:id", "same"),
    ("/src/*filepath", "/src/*filepath", "same"),
    ("/:id", "/:name", "names"),
    ("/:id", "/:id.json", "names"),
    ("/:id/edit", "/:name/show", "names"),
    ("/user_:id", "/user_:name/edit", "names"),
    ("/*one", "/*other", "names"),
    ("/src/*one", "/src/*other", "names"),
    ("/:id/*one", "/:id/*other", "names"),
    ("/users/:id", "/users/me", "place"),
    ("/users/:id", "/users/me/edit", "place"),
    ("/users/:id/edit", "/users//", "place"),
    ("/user_:name", "/user_gopher", "place"),
    ("/user_:name", "/user:name", "place"),
    ("/u:name", "/users", "place"),
    ("/users", "/:page", "place"),
    ("/*rest", "/", "place"),
    ("/*rest", "/users", "place"),
    ("/*rest", "/:page", "place"),
    ("/src/*rest", "/src/", "place"),
    ("/src/*rest", "/src/main.py", "place"),
    ("/src/*rest", "/src/:name", "place"),
    ("/src/*rest", "/src//", "place"),
    ("/src/*rest", "/src//*rest", "place"),
    ("/src/*rest", "/src:name", "place"),
    ("/:id/*rest", "/:id/edit", "place"),
    ("/:id/*rest", "/:id/", "place"),
]


PEACEFUL = [
    ("/", "/users"),
    ("/", "/:page"),
    ("/users", "/users/"),
    ("/users", "/users/:id"),
    ("/users/", "/users/:id"),
    ("/users/:id", "/users/:id/"),
    ("/users/:id", "/users/:id/edit"),
    ("/users/:id", "/users/:id/*rest"),
    ("/u", "/u:name"),
    ("/a:name", "/b:title"),
    ("/src", "/src/*rest"),
    ("/srcs", "/src/*rest"),
    ("/sr", "/src/*rest"),
    ("/s/*rest", "/t/*other"),
    ("/é", "/è"),
]


def is_one_shape(one, other):
    return model.shape(model.parse(one)) == model.shape(model.parse(other))


@pytest.mark.parametrize("swap", [False, True], ids=["as-listed", "swapped"])
@pytest.mark.parametrize(("one", "other", "clash"), CLASHING)
def test_strict_tree_refuses_patterns_that_collide(one, other, clash, swap):
    """The refused pattern leaves no trace in the tree."""
    existing, new = (other, one) if swap else (one, other)
    tree = Tree()
    handle = object()
    tree.add_route(existing, handle)
    before = invariants.dump(tree)
    with pytest.raises(RouteConflict) as caught:
        tree.add_route(new, "new")
    error = caught.value
    assert isinstance(error, RouteError)
    assert (error.new, error.existing, error.clash) == (new, existing, clash)
    assert error.handle is handle
    has_one_shape = clash == "names" and is_one_shape(one, other)
    way_out = "both match the same paths, so only one can be registered" if has_one_shape else WAYS_OUT[clash]
    assert str(error) == f"{new} conflicts with {existing}; {way_out}"
    assert invariants.dump(tree) == before
    invariants.check(tree, {existing: handle})


@pytest.mark.parametrize(("one", "other"), PEACEFUL)
def test_strict_tree_takes_patterns_without_a_common_place(one, other):
    tree_of(one, other)
    tree_of(other, one)


@pytest.mark.parametrize(("one", "other"), [pair[:2] for pair in CLASHING if not is_one_shape(*pair[:2])] + PEACEFUL)
def test_overlap_tree_takes_patterns_of_two_shapes(one, other):
    tree_of(one, other, overlap=True)
    tree_of(other, one, overlap=True)


@pytest.mark.parametrize(("one", "other"), [pair[:2] for pair in CLASHING if is_one_shape(*pair[:2])])
def test_overlap_tree_refuses_a_pattern_of_the_same_shape(one, other):
    """The refused pattern leaves no trace in the tree."""
    tree = tree_of(one, overlap=True)
    before = invariants.dump(tree)
    with pytest.raises(RouteConflict) as caught:
        tree.add_route(other, "new")
    error = caught.value
    assert (error.new, error.existing, error.clash, error.handle) == (other, one, "same", one)
    assert str(error) == f"{other} conflicts with {one}; {WAYS_OUT['same']}"
    assert invariants.dump(tree) == before


def test_conflict_names_a_pattern_that_really_collides():
    tree = tree_of("/a/b/x", "/a/b/y", "/a/c", "/b")
    with pytest.raises(RouteConflict) as caught:
        tree.add_route("/a/b/:id", "new")
    assert caught.value.existing in {"/a/b/x", "/a/b/y"}
    assert caught.value.handle == caught.value.existing


def test_check_refuses_what_add_would_refuse_and_changes_nothing():
    tree = tree_of("/users/:id")
    before = invariants.dump(tree)
    with pytest.raises(RouteConflict):
        tree.check(parse("/users/me"))
    tree.check(parse("/users/:id/edit"))
    tree.check(parse("/us"))
    assert invariants.dump(tree) == before
