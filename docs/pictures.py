"""The pictures of the explanations, from real trees: `python docs/pictures.py` writes explanation/pictures/*.svg.

A picture shows a tree as `microfn routes --tree` prints it, with the priority of each node at the left. Pictures have
the width of a phone, and are light or dark as the page around them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from microfn.routing.node import Kind, Node
from microfn.routing.paths import toggle_trailing_slash
from microfn.routing.tree import Tree

DIRECTORY = Path(__file__).parent / "explanation" / "pictures"

WIDTH, MARGIN, LINE, INDENT = 360, 16, 40, 24
SIZE, SMALL = 15, 13
LETTER = 0.605
"""The width of a letter in a monospaced font, relative to its size."""

STYLE = """
svg { --card: #f6f7f9; --rim: #d5dae1; --ink: #1f2328; --soft: #59636e; --line: #aab2bd; --node: #fff; --edge: #8b949e;
--wild: #eaeefb; --wild-edge: #5b6fd0; --good: #e3f5e7; --good-edge: #1a7f37; --part: #fff2d8; --part-edge: #9a6700;
--bad: #ffe9e9; --bad-edge: #c21f2b }
@media (prefers-color-scheme: dark) { svg { --card: #1a1c20; --rim: #343941; --ink: #e6e9ed; --soft: #a4adb8;
--line: #59626d; --node: #272b31; --edge: #7d8793; --wild: #232b4d; --wild-edge: #8b9cf5; --good: #14341f;
--good-edge: #4ac26b; --part: #3b2f12; --part-edge: #dfb04a; --bad: #43191d; --bad-edge: #ff7b72 } }
.card { fill: var(--card); stroke: var(--rim) }
text { fill: var(--ink); font: 15px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }
.small { font-size: 13px; fill: var(--soft) }
.words { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: var(--soft) }
.line { fill: none; stroke: var(--line); stroke-width: 1.5 }
.line.good { stroke: var(--good-edge); stroke-width: 2.5 }
.line.bad { stroke: var(--bad-edge); stroke-width: 2; stroke-dasharray: 4 3 }
.box { fill: var(--node); stroke: var(--edge); stroke-width: 1.5 }
.box.wild { fill: var(--wild); stroke: var(--wild-edge) }
.box.good { fill: var(--good); stroke: var(--good-edge); stroke-width: 2 }
.box.part { fill: var(--part); stroke: var(--part-edge); stroke-width: 2 }
.box.bad { fill: var(--bad); stroke: var(--bad-edge); stroke-width: 2; stroke-dasharray: 4 3 }
text.good { fill: var(--good-edge) } text.part { fill: var(--part-edge) } text.bad { fill: var(--bad-edge) }
"""


class Mark(NamedTuple):
    """The highlight of a node, and its note."""

    kind: str
    """"good", "part" or "bad"."""
    text: str


class Strip(NamedTuple):
    """A path above the tree, cut into the pieces of the nodes, each a text and its highlight."""

    label: str
    pieces: list[tuple[str, str]]


class Step(NamedTuple):
    """A node that a search reached, and the part of the path that it matched."""

    trail: list[Node]
    start: int
    end: int

    @property
    def node(self) -> Node:
        """The node that the search reached."""
        return self.trail[-1]


def grow(*patterns: str, overlap: bool = False) -> Tree:
    """Build a tree whose values are the patterns."""
    tree = Tree(overlap=overlap)
    for pattern in patterns:
        tree.add_route(pattern, pattern)
    return tree


def trail_to(tree: Tree, wanted: Node) -> list[Node]:
    """Return the nodes on the way to one, including itself."""
    trail: list[Node] = []
    for depth, node in tree.walk():
        trail[depth:] = [node]
        if node is wanted:
            return trail
    raise LookupError(wanted)


def leaf_of(tree: Tree, pattern: str) -> Node:
    """Return the node at the end of a pattern."""
    return next(node for _, node in tree.walk() if node.pattern is not None and node.pattern.text == pattern)


def steps_to(tree: Tree, path: str) -> list[Step]:
    """Return the steps of a path that matches."""
    found, params = tree.match(path)
    values = iter([value for _, value in params])
    steps: list[Step] = []
    at = 0
    trail = trail_to(tree, leaf_of(tree, found))
    for number, node in enumerate(trail):
        size = len(node.path if node.kind <= Kind.ROOT else next(values))
        steps.append(Step(trail[: number + 1], at, at + size))
        at += size
    return steps


def svg(title: str, height: float, parts: list[str]) -> str:
    """Return a card with the width of a phone."""
    frame = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH}" height="{height:g}" '
        f'viewBox="0 0 {WIDTH} {height:g}">'
    )
    card = f'<rect class="card" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1:g}" rx="10"/>'
    return "\n".join([frame, f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>", card, *parts, "</svg>", ""])


def text(x: float, y: float, words: str, look: str = "", anchor: str = "start") -> str:
    """Return a line of text."""
    named = f' class="{look}"' if look else ""
    placed = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:g}" y="{y:g}"{named}{placed} xml:space="preserve">{escape(words)}</text>'


def box(x: float, y: float, words: str, look: str = "") -> tuple[str, float]:
    """Return a text in a box, and its width."""
    width = round(len(words) * SIZE * LETTER + 16)
    frame = f'<rect class="{f"box {look}".strip()}" x="{x:g}" y="{y:g}" width="{width}" height="28" rx="7"/>'
    return frame + text(x + 8, y + 19, words), width


def strip_of(strip: Strip, y: float) -> list[str]:
    """Return a path, with its pieces side by side."""
    parts = [text(MARGIN, y + 10, strip.label, "words")]
    x: float = MARGIN
    for words, look in strip.pieces:
        part, width = box(x, y + 18, words, look)
        parts.append(part)
        x += width + 3
    return parts


def rows_of(tree: Tree, marks: dict[int, Mark], y: float) -> Iterator[str]:
    """Yield the nodes, one per line, each joined to its parent. `marks` are by the id of the node."""
    column = MARGIN + 30
    above: list[tuple[float, float]] = []
    lines, nodes = [], []
    for number, (depth, node) in enumerate(tree.walk()):
        mark = marks.get(id(node))
        top = y + number * LINE
        x = column + depth * INDENT
        look = mark.kind if mark else "wild" if node.kind > Kind.ROOT else ""
        part, width = box(x, top, node.path, look)
        nodes += [text(MARGIN + 14, top + 19, str(node.priority), "small", "end"), part]
        if mark is not None and mark.text:
            nodes.append(text(x + width + 8, top + 18.5, mark.text, f"words {mark.kind}"))
        elif node.pattern is not None:
            nodes.append(text(x + width + 8, top + 18.5, node.pattern.text, "small"))
        above[depth:] = [(x + 12, top + 28)]
        if depth:
            from_x, from_y = above[depth - 1]
            look = f"line {mark.kind}" if mark else "line"
            line = f'<path class="{look}" d="M{from_x:g} {from_y:g}V{top + 14:g}H{x:g}"/>'
            lines.append((look == "line good", line))
    yield from (line for _, line in sorted(lines, key=lambda pair: pair[0]))
    yield from nodes


def picture(title: str, tree: Tree, marks: dict[int, Mark], strips: tuple[Strip, ...]) -> str:
    """Return a picture of a tree below its paths."""
    y: float = MARGIN
    parts: list[str] = []
    for strip in strips:
        parts += strip_of(strip, y)
        y += 60
    parts += rows_of(tree, marks, y)
    return svg(title, y + LINE * len(list(tree.walk())) - 12 + MARGIN, parts)


PATTERNS = ("/users", "/search", "/support", "/users/:id", "/users/:id/posts", "/support/*page")


def insertions() -> Iterator[tuple[str, str]]:
    """Yield the tree after each pattern."""
    before: set[str] = set()
    for number, pattern in enumerate(PATTERNS):
        tree = grow(*PATTERNS[: number + 1])
        trail = trail_to(tree, leaf_of(tree, pattern))
        marks = {}
        for node, prefix in prefixes(tree):
            if node in trail and prefix not in before and not any(old.startswith(prefix) for old in before):
                marks[id(node)] = Mark("good", "new")
            elif prefix not in before:
                marks[id(node)] = Mark("part", "shared text")
            elif number and node not in trail and prefix.rsplit(node.path, 1)[0] not in before:
                marks[id(node)] = Mark("part", "remainder")
        title = f"The tree with {pattern} added"
        yield f"insert-{number + 1}", picture(title, tree, marks, (Strip("add", [(pattern, "good")]),))
        before = {prefix for _, prefix in prefixes(tree)}


def prefixes(tree: Tree) -> Iterator[tuple[Node, str]]:
    """Yield each node with the text on the way to it, including its own."""
    pieces: list[str] = []
    for depth, node in tree.walk():
        pieces[depth:] = [node.path]
        yield node, "".join(pieces)


def lookup(name: str, tree: Tree, path: str) -> tuple[str, str]:
    """Return the picture of a path that matches."""
    steps = steps_to(tree, path)
    pieces = [(path[step.start : step.end], "good") for step in steps]
    marks = {id(step.node): Mark("good", taken(step, path)) for step in steps}
    marks[id(steps[-1].node)] = Mark("good", ", ".join(filter(None, (taken(steps[-1], path), "match"))))
    return name, picture(f"How {path} is found", tree, marks, (Strip("lookup", pieces),))


def taken(step: Step, path: str) -> str:
    """Return the part of a path that a wildcard matches."""
    if step.node.kind <= Kind.ROOT:
        return ""
    return f"takes {path[step.start : step.end]}"


def miss(name: str, tree: Tree, path: str) -> tuple[str, str]:
    """Return the picture of a path without a match, up to the last node, and of its other spelling."""
    length, stop = tree.longest_match(path)
    other = toggle_trailing_slash(path) or ""
    steps = steps_to(tree, other)
    marks = {id(step.node): Mark("good", "") for step in steps}
    marks[id(steps[-1].node)] = Mark("good", "match without the slash")
    marks[id(stop)] = Mark("bad", f"only {stop.path[: length - steps[-1].end]} matches")
    asked = [(path[step.start : step.end], "good") for step in steps] + [(path[len(other) :], "bad")]
    found = [(other[step.start : step.end], "good") for step in steps]
    strips = (Strip("lookup: no match", asked), Strip("other spelling: a match, so TSR is True", found))
    return name, picture(f"Why {path} is no match, and {other} is one", tree, marks, strips)


def repair(name: str, tree: Tree, path: str) -> tuple[str, str]:
    """Return the picture of a path in another case."""
    spelling = tree.find_case_insensitive_path(path, fix_trailing_slash=True) or path
    steps = steps_to(tree, spelling)
    marks = {}
    for step in steps:
        ours, theirs = spelling[step.start : step.end], path[step.start : step.end]
        said = "value unchanged" if step.node.kind > Kind.ROOT else f"{theirs} is repaired" if ours != theirs else ""
        marks[id(step.node)] = Mark("good", said)
    asked = [
        (path[s.start : s.end], "good" if path[s.start : s.end] == spelling[s.start : s.end] else "part") for s in steps
    ]
    found = [(spelling[step.start : step.end], "good") for step in steps]
    strips = (Strip("lookup that ignores case", asked), Strip("registered spelling", found))
    return name, picture(f"How {path} becomes {spelling}", tree, marks, strips)


def turning_back(name: str, tree: Tree, path: str, dead_end: str) -> tuple[str, str]:
    """Return the picture of a search in overlap mode that turns back after literal text."""
    steps = steps_to(tree, path)
    marks = {id(step.node): Mark("good", taken(step, path)) for step in steps}
    stuck = trail_to(tree, leaf_of(tree, dead_end))
    for node in stuck:
        if id(node) not in marks:
            marks[id(node)] = Mark("bad", "first, no match" if node is stuck[-1] else "")
    marks[id(steps[-1].node)] = Mark("good", "match")
    pieces = [(path[step.start : step.end], "good") for step in steps]
    return name, picture(f"How {path} is found in overlap mode", tree, marks, (Strip("lookup", pieces),))


def pictures() -> dict[str, str]:
    """Return all pictures, by name."""
    tree = grow(*PATTERNS)
    overlap = grow("/users/me/settings", "/users/:id/posts", "/users/*rest", overlap=True)
    return dict(
        [
            *insertions(),
            lookup("lookup", tree, "/users/7/posts"),
            lookup("catch-all", tree, "/support/faq/pay"),
            miss("tsr", tree, "/users/7/"),
            repair("case", tree, "/USERS/Ann/Posts"),
            turning_back("overlap", overlap, "/users/me/posts", "/users/me/settings"),
        ]
    )


if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for name, drawing in pictures().items():
        (DIRECTORY / f"{name}.svg").write_text(drawing, encoding="utf-8")
