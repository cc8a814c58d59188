"""Conflicts between patterns of one tree. Each one raises `RouteConflict`, which names both patterns."""

from __future__ import annotations

from typing import NoReturn

from ..errors import ConflictKind, RouteConflict
from .node import Node
from .pattern import Pattern

__all__ = ["check_split", "check_text", "check_wildcard", "refuse"]


def check_wildcard(pattern: Pattern, node: Node, wildcard: str) -> None:
    """Refuse a wildcard if `node` already has another child. Strict mode only."""
    if wildcard[0] == "/":
        taken, alike = node.param or node.edges.get("/"), node.catch_all
    else:
        taken, alike = next(iter(node.edges.values()), node.catch_all), node.param
    if taken is not None:
        refuse(pattern, taken, "place")
    if alike is not None and alike.path != wildcard:
        refuse(pattern, alike, "names")


def check_text(pattern: Pattern, node: Node, first: str) -> None:
    """Refuse text that begins with `first` if `node` already has a wildcard. Strict mode only."""
    if node.param is not None:
        refuse(pattern, node.param, "place")
    if node.catch_all is not None and first == "/":
        refuse(pattern, node.catch_all, "place")


def check_split(pattern: Pattern, node: Node, at: int, missing: str) -> None:
    """Refuse a wildcard inside the text of `node`, since the rest of that text follows there. Strict mode only."""
    if missing[0] == ":" or (missing[:2] == "/*" and node.path[at] == "/"):
        refuse(pattern, node, "place")


def refuse(pattern: Pattern, node: Node, clash: ConflictKind) -> NoReturn:
    """Raise RouteConflict with a pattern that ends at `node` or below it."""
    while node.pattern is None:
        node = node.children[0]
    raise RouteConflict(pattern.text, node.pattern.text, clash, node.handle)
