"""Nodes of the tree: the order of their children, and how they look."""

from __future__ import annotations

from .trees import tree_of


def test_a_node_shows_its_text_kind_and_priority():
    assert [repr(node) for _, node in tree_of("/u/:id").walk()] == [
        "<Node '/u/' ROOT priority=1>",
        "<Node ':id' PARAM priority=1>",
    ]


def test_equally_busy_children_keep_their_order():
    """The child that became so busy first stays first."""
    tree = tree_of("/a", "/b", "/c", "/b1", "/c1")
    assert tree._top.edges["/"].indices == "bca"
    tree.add_route("/c2", "/c2")
    assert tree._top.edges["/"].indices == "cba"
    tree.add_route("/b2", "/b2")
    assert tree._top.edges["/"].indices == "cba"
