"""The radix tree, which finds the pattern that a path matches.

Ported from httprouter's tree.go (Copyright 2013 Julien Schmidt, LICENSE.httprouter), as maintained by the Fn project.

    /users/:id         /users/7           id = "7"
                       /users/7/          no match (but another spelling matches: TSR)
                       /users/            no match: a param at the end is not empty
    /u/:id/edit        /u//edit           id = "" : a param inside a path can be empty
    /user_:name        /user_gopher       name = "gopher"
    /src/*filepath     /src/              filepath = "/" : a catch-all matches the rest, including its slash
                       /src/a/b.py        filepath = "/a/b.py"
                       /src               no match

In strict mode (the default), a path matches at most one pattern, and the order of registration does not matter. A
pattern that breaks this rule is refused. In overlap mode (`Tree(overlap=True)`), only patterns of the same shape are
refused. If several patterns match a path, the first difference decides: literal text beats a param, and a param
beats a catch-all.

No function here is recursive, so paths and patterns can have any length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .conflicts import check_split, check_text, check_wildcard, refuse
from .node import NO_EDGES, Kind, Node
from .paths import toggle_trailing_slash
from .pattern import Pattern, parse

__all__ = ["Tree"]

Params = list[tuple[str, str]]


_STATIC, _ROOT, _PARAM, _CATCH_ALL = Kind


class Tree:
    """A radix tree of patterns and their values.

    >>> tree = Tree()
    >>> tree.add_route("/users/:id", "show")
    >>> tree.get_value("/users/7")
    ('show', [('id', '7')], False)
    >>> tree.get_value("/users/7/")
    (None, [], True)
    >>> tree.find_case_insensitive_path("/USERS/Ann/", True)
    '/users/Ann'

    Any number of threads can read the tree, but not while another thread adds a route.
    """

    def __init__(self, *, overlap: bool = False) -> None:
        self.overlap = overlap
        self._top = Node("", _STATIC)
        """The node above the first slash, so that "/" is an ordinary child. With "/*" it is the root."""

    def add_route(self, path: str, handle: Any) -> None:
        """Register `handle`, any object except None, for the pattern `path`.

        Raises `InvalidPattern` or `RouteConflict`. The tree is then unchanged.
        """
        self.add(parse(path), handle)

    def add(self, pattern: Pattern, handle: Any) -> None:
        """Register `handle` for a parsed pattern."""
        if handle is None:
            raise TypeError("value must not be None, which stands for no match")
        nodes, split, missing = self._descend(pattern)
        if split:
            nodes[-1].split(split)
        for part in filter(None, missing):  # text between wildcards may be empty
            nodes.append(self._grow(nodes[-1], part))
        nodes[-1].handle, nodes[-1].pattern = handle, pattern
        number = self._top.priority + 1
        for node in nodes:
            node.priority += 1
            node.bumped_at = number

    def check(self, pattern: Pattern) -> None:
        """Raise the error that `add` would raise. Change nothing."""
        self._descend(pattern)

    def get_value(self, path: str) -> tuple[Any, Params, bool]:
        """Return `(handle, params, tsr)` of the pattern that `path` matches.

        `params` has the (name, value) pairs in path order. Without a match, the result is `(None, [], tsr)`. `tsr`
        (trailing slash redirect) is True if the path matches without its last slash, or with one more.
        """
        handle, params = self.match(path)
        if handle is not None:
            return handle, params, False
        other = toggle_trailing_slash(path)
        return None, [], other is not None and self._find(other)[0] is not None

    def match(self, path: str) -> tuple[Any, Params]:
        """Return the first two items of `get_value`. PERF: a miss needs one search less."""
        leaf, values = self._find(path)
        if leaf is None or leaf.pattern is None:
            return None, []
        return leaf.handle, list(zip(leaf.pattern.names, values, strict=True))

    def find_case_insensitive_path(self, path: str, fix_trailing_slash: bool) -> str | None:
        """Return the registered spelling of a path in another case; with `fix_trailing_slash` also the last slash.

        The values of wildcards keep the spelling of the request. The result always matches.
        """
        spelling = self._find_folded(path)
        if spelling is None and fix_trailing_slash:
            other = toggle_trailing_slash(path)
            spelling = other and self._find_folded(other)
        return spelling

    def longest_match(self, path: str) -> tuple[int, Node]:
        """Return the number of characters of a path that the tree can follow, and the node of the last one."""
        best, stack = (0, self._top), [(self._top, 0)]
        while stack:
            node, at = stack.pop()
            if at > best[0]:
                best = at, node
            if at == len(path):
                return best
            child = node.edges.get(path[at])
            if child is not None:
                shared = _shared_length(child.path, path[at:])
                if shared == len(child.path):
                    stack.append((child, at + shared))
                elif at + shared > best[0]:
                    best = at + shared, child
            if node.param is not None:
                end = path.find("/", at)
                stack.append((node.param, end if end >= 0 else len(path)))
            if node.catch_all is not None and path[at] == "/":
                stack.append((node.catch_all, len(path)))
        return best

    def walk(self) -> Iterator[tuple[int, Node]]:
        """Yield all nodes with their depth: parents before children, children by priority."""
        top = self._top
        stack = [(0, node) for node in (top.edges.values() if top.kind is _STATIC and top.edges else [top])]
        while stack:
            depth, node = stack.pop()
            yield depth, node
            stack += [(depth + 1, child) for child in reversed(node.children)]

    def __str__(self) -> str:
        """Draw the tree: priorities, the text of each node, and the pattern that ends there."""
        lines = []
        for depth, node in self.walk():
            line = f"{node.priority:6}  {'   ' * depth}{node.path}"
            lines.append(f"{line}  [{node.pattern.text}]" if node.pattern else line)
        return "\n".join(lines)

    # Insertion: walk down the existing nodes and check for conflicts, then change the tree.

    def _descend(self, pattern: Pattern) -> tuple[list[Node], int, Sequence[str]]:
        """Return the place at which `pattern` leaves the tree, or raise `RouteConflict`.

        The result has the nodes on the way, from the top, the length that the pattern shares with the last node, or 0
        if it shares all of it, and the missing parts.
        """
        node, is_strict = self._top, not self.overlap
        path_nodes, parts = [node], pattern.parts
        for number, part in enumerate(parts):
            if number % 2:  # a wildcard
                if is_strict:
                    check_wildcard(pattern, node, part)
                child = node.catch_all if part[0] == "/" else node.param
                if child is None:
                    return path_nodes, 0, parts[number:]
                path_nodes.append(child)
                node = child
                continue
            at, size = 0, len(part)
            while at < size:
                child = node.edges.get(part[at])
                if child is None:
                    if is_strict:
                        check_text(pattern, node, part[at])
                    return path_nodes, 0, (part[at:], *parts[number + 1 :])
                path_nodes.append(child)
                node = child
                if not part.startswith(node.path, at):
                    return path_nodes, *self._leave(pattern, node, part[at:], parts[number + 1 :])
                at += len(node.path)
        if node.pattern is not None:
            refuse(pattern, node, "same")
        return path_nodes, 0, ()

    def _leave(self, pattern: Pattern, node: Node, text: str, parts: Sequence[str]) -> tuple[int, Sequence[str]]:
        """Return the length that a pattern with `text` and `parts` left shares with `node`, and the missing parts."""
        length = _shared_length(node.path, text)
        missing = [part for part in (text[length:], *parts) if part]
        if missing and not self.overlap:
            check_split(pattern, node, length, missing[0])
        return length, missing

    def _grow(self, node: Node, part: str) -> Node:
        """Create the child of `node` for a part of a pattern: text, a param or a catch-all."""
        if part[0] == ":":
            child = node.param = Node(":" if self.overlap else part, _PARAM)
        elif part[:2] == "/*":
            child = node.catch_all = Node("/*" if self.overlap else part, _CATCH_ALL)
            if node is self._top:
                node.kind = _ROOT
                for former_root in node.edges.values():
                    former_root.kind = _STATIC
        else:
            is_root = node is self._top and node.kind is _STATIC
            child = Node(part, _ROOT if is_root else _STATIC)
            if node.edges is NO_EDGES:
                node.edges = {}
            node.edges[part[0]] = child
        return child

    # Search: a path reaches each node at only one position (a number of slashes, then of characters). So no node is
    # visited twice, and the number of nodes limits the work, even if the search turns back often.

    def _find(self, path: str) -> tuple[Node | None, list[str]]:
        """Return the node whose pattern `path` matches, and the values of wildcards; (None, []) without a match."""
        node, at, size = self._top, 0, len(path)
        values: list[str] = []
        backtracks: list[tuple[Node, int, int, int]] = []
        """Wildcards to try later: the node, the start and end of its value, and the number of values before it."""
        while True:
            if at == size:
                if node.handle is not None:
                    return node, values
            else:
                char = path[at]
                if char == "/" and node.catch_all is not None:
                    backtracks.append((node.catch_all, at, size, len(values)))
                if node.param is not None:
                    end = path.find("/", at)
                    backtracks.append((node.param, at, size if end < 0 else end, len(values)))
                child = node.edges.get(char)
                if child is not None and path.startswith(child.path, at):
                    node = child
                    at += len(child.path)
                    continue
            if not backtracks:
                return None, []
            node, start, at, known = backtracks.pop()
            del values[known:]
            values.append(path[start:at])

    def _find_folded(self, path: str) -> str | None:
        """Return the registered spelling of `path`, ignoring case. Return `path` itself if it matches."""
        if self._find(path)[0] is not None:
            return path
        node, at, size = self._top, 0, len(path)
        spelling: list[str] = []
        backtracks: list[tuple[Node, int, str, int]] = []
        """Alternatives to try later: the node, its end, its spelling, and the number of pieces before it."""
        while True:
            if at == size:
                if node.handle is not None:
                    return "".join(spelling)
            else:
                known = len(spelling)
                if path[at] == "/" and node.catch_all is not None:
                    backtracks.append((node.catch_all, size, path[at:], known))
                if node.param is not None:
                    end = path.find("/", at)
                    end = size if end < 0 else end
                    backtracks.append((node.param, end, path[at:end], known))
                first = path[at].casefold()
                for char, child in node.edges.items():
                    end = at + len(child.path)
                    if (
                        char.casefold() == first
                        and end <= size
                        and _casefolded(path[at:end]) == _casefolded(child.path)
                    ):
                        backtracks.append((child, end, child.path, known))
            if not backtracks:
                return None
            node, at, piece, known = backtracks.pop()
            del spelling[known:]
            spelling.append(piece)


def _shared_length(text: str, other: str) -> int:
    """Return the length of the common prefix."""
    size = min(len(text), len(other))
    if text[:size] == other[:size]:
        return size
    return next(i for i in range(size) if text[i] != other[i])


def _casefolded(text: str) -> str | tuple[str, ...]:
    """Return a key that is equal for two texts of one length whose characters are equal under case folding."""
    folded = text.casefold()
    return folded if len(folded) == len(text) else tuple(char.casefold() for char in text)
