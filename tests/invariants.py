"""The invariants of every tree, derived again from its patterns."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from microfn.routing.node import Kind, Node

_WILDCARD = re.compile("([:*])([^/]*)")


class Place(NamedTuple):
    """A node, and its position in the walk."""

    node: Node
    above: Node | None
    prefix: str
    """The text from the top to the node's end."""
    children: list[Node]


def check(tree, registered=None):
    """Assert that the tree matches its patterns, and `registered`, a mapping from patterns to handles, if given."""
    places = _places(tree)
    _check_top(tree, places)
    _check_priorities(places)
    handles = {}
    for node, above, prefix, children in places:
        assert (node.handle is None) is (node.pattern is None), node
        if node.pattern is not None:
            _check_pattern(node.pattern, prefix, tree.overlap)
            handles[node.pattern.text] = node.handle
        if above is not None:
            _check_text(node, above, tree.overlap)
        if children:
            _check_children(node, children, tree.overlap)
        else:
            assert (node.edges, node.param, node.catch_all) == ({}, None, None), f"{node} has more than the walk shows"
            assert node.pattern or above is None, f"{node} leads nowhere"
    assert registered is None or handles == registered


def dump(tree):
    """All there is in the tree, to be compared: its nodes, and all that they hold."""
    return [
        (
            *(id(node), id(above), prefix, node.path, node.kind, node.priority, node.bumped_at),
            *(tuple(node.edges), id(node.param), id(node.catch_all), id(node.handle), node.pattern),
        )
        for node, above, prefix, _ in _places(tree)
    ]


def _places(tree):
    """Return the nodes of the walk, and first the top, which the walk omits if it has no effect."""
    top = tree._top
    nodes = list(tree.walk())
    if nodes[0][1] is not top:
        nodes = [(0, top), *((depth + 1, node) for depth, node in nodes)]
    found = []
    line = []
    for depth, node in nodes:
        assert depth <= len(line), f"{node} is too deep"
        del line[depth:]
        if line:
            above, prefix = line[-1].node, line[-1].prefix + node.path
            line[-1].children.append(node)
        else:
            above, prefix = None, node.path
        place = Place(node, above, prefix, [])
        line.append(place)
        found.append(place)
    return found


def _check_top(tree, places):
    """Above the first slash is a node without text. The root is the node of the first slash."""
    top = tree._top
    assert [place.node for place in places if place.above is None] == [top]
    assert (top.path, top.param, top.handle) == ("", None, None)
    assert set(top.edges) <= {"/"}
    root = top if top.catch_all is not None else top.edges.get("/")
    assert [place.node for place in places if place.node.kind is Kind.ROOT] == ([root] if root is not None else [])


def _check_priorities(places):
    below = {place.node: place.node.handle is not None for place in places}
    assert len(below) == len(places), "a node stands at two places"
    for node, above, _, _ in reversed(places):
        assert node.priority == below[node], f"{node} has {below[node]} handles at or below it"
        if above is not None:
            below[above] += below[node]


def _check_pattern(pattern, prefix, overlap):
    shape, names = _without_names(pattern.text)
    assert prefix == (shape if overlap else pattern.text)
    assert pattern.names == names


@functools.lru_cache(10_000)
def _without_names(text):
    return _WILDCARD.sub(r"\1", text), tuple(name for _, name in _WILDCARD.findall(text))


def _check_text(node, above, overlap):
    """Each kind of node has its own kind of text, and its own places."""
    if node.kind is Kind.PARAM:
        assert above.param is node
        assert above.path, "nothing but a slash begins a pattern"
        assert above.kind in (Kind.STATIC, Kind.ROOT), f"{node} stands in the segment of {above}"
        assert node.path == ":" if overlap else re.fullmatch(":[^/:*]+", node.path), node
    elif node.kind is Kind.CATCH_ALL:
        assert above.catch_all is node
        assert node.path == "/*" if overlap else re.fullmatch(r"/\*[^/:*]+", node.path), node
    else:
        assert node.path, "a static node without text is superfluous"
        assert ":" not in node.path
        assert "*" not in node.path
        assert above.edges[node.path[0]] is node
        assert above.kind is not Kind.PARAM or node.path[0] == "/", f"{node} stands in the segment of {above}"


def _check_children(node, children, overlap):
    wildcards = [child for child in (node.param, node.catch_all) if child is not None]
    static = list(node.edges.values())
    assert {*children} == {*static, *wildcards}
    assert len(children) == len(static) + len(wildcards)
    assert list(node.edges) == [child.path[0] for child in static]
    assert node.kind is not Kind.CATCH_ALL, f"{node} takes the rest, and has something below it"

    priorities = [child.priority for child in children]
    assert priorities == sorted(priorities, reverse=True)
    if node.path:
        assert node.indices == "".join(child.path[0] for child in children if child not in wildcards)
        is_mergeable = node.kind is not Kind.PARAM and node.handle is None and not wildcards
        assert len(static) > 1 or not is_mergeable, f"{node} and its only child are one"
    if not overlap:
        assert node.param is None or len(children) == 1, f"{node.param} is not alone"
        assert node.catch_all is None or "/" not in node.edges, f"{node.catch_all} is not alone"
