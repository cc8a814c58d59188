"""The radix tree: which pattern a path matches.

Ported from httprouter's tree.go (Copyright 2013 Julien Schmidt, LICENSE.httprouter), as the Fn project kept it.

    /users/:id         /users/7           id = "7"
                       /users/7/          no match (but another spelling of one: TSR)
                       /users/            no match: at the end of a path a param is not empty
    /u/:id/edit        /u//edit           id = "" : inside a path it may be
    /user_:name        /user_gopher       name = "gopher"
    /src/*filepath     /src/              filepath = "/" : a catch-all takes the rest, from its slash on
                       /src/a/b.py        filepath = "/a/b.py"
                       /src               no match

In strict mode (the default) a path matches one pattern or none, whatever the order of registration: a
pattern that would make it two is refused. In overlap mode (`Tree(overlap=True)`) only patterns of the same
shape are refused; of those that match a path, literal text beats a param, and a param beats a catch-all,
at the first place where they differ.

Nothing here recurses, so no path and no pattern is too long.
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
    """Patterns and what is registered for them.

    >>> tree = Tree()
    >>> tree.add_route("/users/:id", "show")
    >>> tree.get_value("/users/7")
    ('show', [('id', '7')], False)
    >>> tree.get_value("/users/7/")
    (None, [], True)
    >>> tree.find_case_insensitive_path("/USERS/Ann/", True)
    '/users/Ann'

    Reading is safe from any number of threads; nobody may add a route meanwhile.
    """

    def __init__(self, *, overlap: bool = False) -> None:
        self.overlap = overlap
        self._top = Node("", _STATIC)
        """Stands above the first slash, so that "/" is an ordinary child; where "/*" is registered it is the root."""

    def add_route(self, path: str, handle: Any) -> None:
        """Register `handle`, any object but None, for the pattern `path`.

        Raises `InvalidPattern` or `RouteConflict`; the tree is then what it was before.
        """
        self.add(parse(path), handle)

    def add(self, pattern: Pattern, handle: Any) -> None:
        """The same for a pattern that is parsed already."""
        if handle is None:
            raise TypeError("None cannot be registered: it stands for no match")
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
        """Raise what `add` would raise, and change nothing."""
        self._descend(pattern)

    def get_value(self, path: str) -> tuple[Any, Params, bool]:
        """What is registered for the pattern that `path` matches: `(handle, params, tsr)`.

        `params` holds the (name, value) pairs in the order of the path. No match is `(None, [], tsr)`: `tsr`
        (trailing slash redirect) says whether the path without its last slash, or with one more, is a match.
        """
        handle, params = self.match(path)
        if handle is not None:
            return handle, params, False
        other = toggle_trailing_slash(path)
        return None, [], other is not None and self._find(other)[0] is not None

    def match(self, path: str) -> tuple[Any, Params]:
        """The first two of `get_value`: a miss costs one search less."""
        leaf, values = self._find(path)
        if leaf is None or leaf.pattern is None:
            return None, []
        return leaf.handle, list(zip(leaf.pattern.names, values, strict=True))

    def find_case_insensitive_path(self, path: str, fix_trailing_slash: bool) -> str | None:
        """The path as it is registered, where only the case is wrong; with `fix_trailing_slash` also the last slash.

        The values of wildcards keep the request's spelling. Looked up, the answer is always a match.
        """
        spelling = self._find_folded(path)
        if spelling is None and fix_trailing_slash:
            other = toggle_trailing_slash(path)
            spelling = other and self._find_folded(other)
        return spelling

    def longest_match(self, path: str) -> tuple[int, Node]:
        """How many characters of a path the tree can follow, and the node in which it stops."""
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
        """All nodes with their depth, parents before children, the busiest children first."""
        top = self._top
        stack = [(0, node) for node in (top.edges.values() if top.kind is _STATIC and top.edges else [top])]
        while stack:
            depth, node = stack.pop()
            yield depth, node
            stack += [(depth + 1, child) for child in reversed(node.children)]

    def __str__(self) -> str:
        """A drawing: priorities, the nodes' paths, and behind each node where a pattern ends that pattern."""
        lines = []
        for depth, node in self.walk():
            line = f"{node.priority:6}  {'   ' * depth}{node.path}"
            lines.append(f"{line}  [{node.pattern.text}]" if node.pattern else line)
        return "\n".join(lines)

    # Insertion: first walk down what is there and refuse what may not stand beside it, then change the tree.

    def _descend(self, pattern: Pattern) -> tuple[list[Node], int, Sequence[str]]:
        """Return where `pattern` leaves the tree, or raise `RouteConflict`.

        That is: the nodes on its way, from the top; how much of the last node it shares, or 0 if all of it; and the
        parts that the tree lacks.
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
        """Return how much of `node` the pattern shares, which goes on with `text` and `parts`, and what is missing."""
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

    # Search: a path leads to each node at one place only (so many slashes, then so many characters), hence no node
    # is visited twice and the work is bounded by the number of nodes, however often the search turns back.

    def _find(self, path: str) -> tuple[Node | None, list[str]]:
        """The node whose pattern `path` matches, and the values of its wildcards; (None, []) where there is none."""
        node, at, size = self._top, 0, len(path)
        values: list[str] = []
        backtracks: list[tuple[Node, int, int, int]] = []
        """Wildcards to try when the search is stuck: the node, where its value begins and ends, how many precede it."""
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
        """The registered spelling of `path`, whatever the case of its text; `path` itself where it is a match."""
        if self._find(path)[0] is not None:
            return path
        node, at, size = self._top, 0, len(path)
        spelling: list[str] = []
        backtracks: list[tuple[Node, int, str, int]] = []
        """What is to be tried next: the node, where it ends, how it is spelled, how many pieces precede it."""
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
    """How many characters the two begin with in common."""
    size = min(len(text), len(other))
    if text[:size] == other[:size]:
        return size
    return next(i for i in range(size) if text[i] != other[i])


def _casefolded(text: str) -> str | tuple[str, ...]:
    """Equal for two texts exactly if they are of one length and equal character by character under case folding."""
    folded = text.casefold()
    return folded if len(folded) == len(text) else tuple(char.casefold() for char in text)
