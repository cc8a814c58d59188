"""Trees of patterns, for the tests of the tree and of its parts."""

from __future__ import annotations

from microfn.routing.tree import Tree

from .. import invariants


def tree_of(*patterns, overlap=False):
    """Build a tree in which each pattern is its own handle."""
    tree = Tree(overlap=overlap)
    for pattern in patterns:
        tree.add_route(pattern, pattern)
    invariants.check(tree, {pattern: pattern for pattern in patterns})
    return tree
