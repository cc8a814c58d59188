"""A node of the radix tree."""

from __future__ import annotations

import enum
from typing import Any

from .pattern import Pattern, shared

__all__ = ["NO_EDGES", "Kind", "Node"]


class Kind(enum.IntEnum):
    """The kind of a node, numbered as in httprouter."""

    STATIC = 0
    ROOT = 1
    PARAM = 2
    CATCH_ALL = 3


# PERF: an enum's members are slow to read (CPython 3.11), and each insertion needs some.
_STATIC = Kind.STATIC


class Node:
    """A part of the path that several patterns share, with the nodes that follow."""

    __slots__ = ("bumped_at", "catch_all", "edges", "handle", "kind", "param", "path", "pattern", "priority")

    path: str
    """The text of this node: static text, ":name" or "/*name". In overlap mode ":" or "/*", since names differ."""
    kind: Kind
    priority: int
    """The number of handles at this node or below it."""
    bumped_at: int
    """The insertion that last raised the priority. Of two children with equal priority, the earlier one stays first."""
    edges: dict[str, Node]
    """The static children by their first character, which is unique."""
    param: Node | None
    catch_all: Node | None
    handle: Any
    """The object registered for the pattern that ends here, or None."""
    pattern: Pattern | None
    """The pattern that ends here, with the names of its wildcards."""

    def __init__(self, path: str, kind: Kind) -> None:
        self.path = shared(path)
        self.kind = kind
        self.priority = 0
        self.bumped_at = 0
        self.edges = NO_EDGES
        self.param = self.catch_all = None
        self.handle = self.pattern = None

    @property
    def children(self) -> list[Node]:
        """Return all children, ordered by priority, then by the time they reached it."""
        children = list(self.edges.values())
        children += [child for child in (self.param, self.catch_all) if child is not None]
        return sorted(children, key=lambda child: (-child.priority, child.bumped_at))

    @property
    def indices(self) -> str:
        """Return the first characters of the static children, in the order of the children."""
        return "".join(child.path[0] for child in self.children if child.kind is _STATIC)

    def split(self, at: int) -> None:
        """Split a static node in two: it keeps the first `at` characters, and a new child gets the rest."""
        child = Node(self.path[at:], _STATIC)
        child.priority, child.bumped_at = self.priority, self.bumped_at
        child.edges, child.param, child.catch_all = self.edges, self.param, self.catch_all
        child.handle, child.pattern = self.handle, self.pattern
        self.path = shared(self.path[:at])
        self.edges = {child.path[0]: child}
        self.param = self.catch_all = self.handle = self.pattern = None

    def __repr__(self) -> str:
        return f"<Node {self.path!r} {self.kind.name} priority={self.priority}>"


NO_EDGES: dict[str, Node] = {}
"""Shared by all nodes without static children, which are the majority."""
