"""Measure the English of this repository, as `make lint` does: `python -m tests.prose [PATH ...]`.

Code prose is docstrings and comments. Documentation is Markdown. Code, doctests and quoted names don't count.

Without a path, the check reads each area of `AREAS`. With paths, it reads exactly these files and folders. The exit
status is 1 if a limit is exceeded.

The limits come from the docstrings and comments of starlette, h11, werkzeug, flask and structlog. Per 1,000 words,
these have "what" 0 to 1.7 times, "where" 0.3 to 2.8, "who" 0, and "if" 8 to 17. Ours had 23, 12, 3.6 and 0.8. Readers
had to resolve sentences such as "What is told of who asks" before they could understand them. Rates show this
habit, since each word alone is fine. A rate needs a long text, so the check applies limits to areas, not files.

- `what`, `who`: a free relative clause hides the subject. Name the subject instead.
- `where`: use "if" for conditions, and "where" for places.
- `if`: a text without conditions usually hides them in other words.
- Openings: a sentence that begins with one of `OPENINGS` has no subject that a reader knows yet.
- Length: the guide asks for 20 words at most. `LONGEST` leaves room for lists, and `MEAN` holds the average.

vale and proselint were considered. Both report single words and phrases, neither computes rates or a mean, and vale
is a binary that pip does not build. `ruff` checks the mood of first lines (D401).
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent

AREAS = {
    "package": ("microfn/**/*.py",),
    "project": (
        "examples/**/*.py",
        "benchmarks/**/*.py",
        "*.py",
        "docs/*.py",
        "Makefile",
        "setup.cfg",
        ".ruff.toml",
    ),
    "tests": ("tests/**/*.py",),
    "docs": ("README.md", "docs/**/*.md"),
}

WORDS = {
    "what": "what|whatever",
    "where": "where|wherever",
    "who": "who|whom|whoever|nobody",
    "if": "if|unless",
}
MOST = {"what": 3.0, "where": 4.0, "who": 0.5}
MOST_IN_DOCS = {"what": 3.0}
LEAST = {"if": 5.0}
ENOUGH = 1000
"""Words that a text needs before a minimum says anything about it."""
MEAN = 16.0
LONGEST = 35
SHOWN = 30
"""Places that one message lists."""
OPENINGS = ("What", "Whatever", "Who", "Whom", "Whoever", "Nobody", "That", "It")

DIRECTIVE = re.compile(r"(noqa|type:|pragma:|pyright:|mypy:|fmt:|nosec|!|language=)")


class Block(NamedTuple):
    """A docstring, a comment, a paragraph or a table cell, with the line that it begins on."""

    path: Path
    line: int
    text: str


class Problem(NamedTuple):
    """A place, and the rule that its sentence breaks."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


def docstrings(source: str, path: Path) -> Iterator[Block]:
    """Yield each string that stands alone, so attributes' docstrings too, without doctests and literal blocks."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from paragraphs(node.value.value, path, node.lineno)


def paragraphs(text: str, path: Path, first: int) -> Iterator[Block]:
    """Split text at empty lines, list items and rows. Skip doctests, indented code and click's `\\b` lists."""
    last = (text.splitlines() or [""])[-1]
    margin = 0 if last.strip() else len(last)
    start, kept, skipping, literal = first, [], False, False
    for number, line in enumerate([*text.splitlines(), ""], first):
        stripped = line.strip()
        item = re.match(r"([-*+]|\d+\.|#+|>) |\||:\w[\w ]*: |(?=.*\S {3,}\S)", stripped)
        if (not stripped or item) and kept:
            yield Block(path, start, " ".join(kept))
            literal = kept[-1].endswith("::")
            kept = []
        if not stripped:
            skipping = False
        elif stripped.startswith((">>>", "\b")):
            skipping = True
        elif literal and number > first and len(line) - len(line.lstrip()) > margin:
            continue
        elif not skipping:
            start = start if kept else number
            kept.append(stripped[item.end() :] if item else stripped)


def python_comments(source: str, path: Path) -> Iterator[Block]:
    """Yield comments; those on successive lines of their own are one."""
    lines = source.splitlines()
    found = [
        (token.start[0], token.string.lstrip("#: "), not lines[token.start[0] - 1][: token.start[1]].strip())
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    yield from joined(((line, text, own) for line, text, own in found if not DIRECTIVE.match(text)), path)


def other_comments(source: str, path: Path) -> Iterator[Block]:
    """Yield the comments of a Makefile or of an INI or TOML file."""
    found = re.finditer(r"^(.*?)(?:^|(?<=\s))#+ (.*)$", source, re.MULTILINE)
    return joined(((source.count("\n", 0, match.start()) + 1, match[2], not match[1].strip()) for match in found), path)


def joined(comments: Iterable[tuple[int, str, bool]], path: Path) -> Iterator[Block]:
    """Yield one block for the comments of successive lines."""
    start, last, kept = 0, 0, ""
    for line, text, own_line in comments:
        if kept and own_line and line == last + 1:
            kept += "\n" + text
        else:
            yield from paragraphs(kept, path, start)
            start, kept = line, text
        last = line if own_line else 0
    yield from paragraphs(kept, path, start)


def markdown(source: str, path: Path) -> Iterator[Block]:
    """Yield paragraphs, headings, list items and rows of tables, without code and comments."""

    def emptied(match: re.Match[str]) -> str:
        return "\n" * match[0].count("\n")

    text = re.sub(r"^( *)(```+|~~~+).*?^\1\2 *$", emptied, source, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!--.*?-->|^\(\S+\)=$", emptied, text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return paragraphs(text, path, 1)


def blocks(path: Path) -> list[Block]:
    """Return the prose of a file, in the order of its lines."""
    source = path.read_text("utf-8")
    if path.suffix == ".md":
        return list(markdown(source, path))
    if path.suffix == ".py":
        return sorted([*docstrings(source, path), *python_comments(source, path)], key=lambda block: block.line)
    return list(other_comments(source, path))


def plain(text: str) -> str:
    """Replace code and quotations by one word each."""
    text = re.sub(r"``[^`]*``|`[^`]*`|:\w+:`[^`]*`", "CODE", text)
    return re.sub(r'"[^"\n]*"|“[^”\n]*”|https?://\S+', "QUOTED", text)


def words(text: str) -> list[str]:
    """Return the words of plain text."""
    return re.findall(r"[^\W\d_][\w'’.-]*", text)


def sentences(text: str) -> list[str]:
    """Split plain text into sentences; a cell of a table is one."""
    parts = re.split(r"(?<=[.!?])[)\"*_]*\s+(?=[A-Z(*_\"])|\s\|\s", text)
    return [part for part in parts if words(part)]


def place(block: Block) -> str:
    """Return the path and line of a block, as terminals link it."""
    path = block.path.relative_to(ROOT) if block.path.is_relative_to(ROOT) else block.path
    return f"{path.as_posix()}:{block.line}"


def sentence_problems(found: list[Block]) -> Iterator[Problem]:
    """Yield each sentence with a banned opening, or with too many words."""
    for block in found:
        for number, sentence in enumerate(sentences(plain(block.text))):
            first, *rest = words(sentence)
            # "It" after a sentence may stand for the subject of that sentence.
            if first in OPENINGS and not (first == "It" and number) and not sentence.lstrip().startswith("CODE"):
                yield Problem(place(block), f'a sentence begins with "{first}"; name the subject: {sentence[:60]}')
            if len(rest) >= LONGEST:
                yield Problem(place(block), f"a sentence has {len(rest) + 1} words, and {LONGEST} at most are allowed")


class Measure(NamedTuple):
    """The figures of a text."""

    words: int
    rates: dict[str, float]
    mean: float
    """Words of a sentence."""
    places: dict[str, list[str]]

    def __str__(self) -> str:
        rates = ", ".join(f"{word} {rate:.1f}" for word, rate in self.rates.items())
        return f"{self.words} words; per 1,000: {rates}; mean sentence {self.mean:.1f}"


def measure(found: list[Block]) -> Measure:
    """Count the words of `WORDS` per 1,000, and the mean length of a sentence."""
    places: dict[str, list[str]] = {name: [] for name in WORDS}
    total = count = 0
    for block in found:
        text = plain(block.text)
        total += len(words(text))
        count += len(sentences(text))
        for name, pattern in WORDS.items():
            places[name] += [place(block)] * len(re.findall(rf"\b(?:{pattern})\b", text, re.IGNORECASE))
    rates = {name: 1000 * len(named) / max(total, 1) for name, named in places.items()}
    return Measure(total, rates, total / max(count, 1), places)


def listed(places: list[str]) -> str:
    """Join the first places, each once, and count the rest."""
    each = list(dict.fromkeys(places))
    rest = f", and {len(each) - SHOWN} more" if len(each) > SHOWN else ""
    return ", ".join(each[:SHOWN]) + rest


def rate_problems(name: str, figures: Measure, most: dict[str, float], least: dict[str, float]) -> Iterator[Problem]:
    """Yield each rate of an area that is out of its limits."""
    for word, limit in most.items():
        if figures.rates[word] > limit and len(figures.places[word]) > 1:
            rate = f"{figures.rates[word]:.1f} per 1,000 words, at most {limit:g}"
            yield Problem(name, f'"{word}" has {rate}; see {listed(figures.places[word])}')
    for word, limit in least.items():
        if figures.rates[word] < limit and figures.words >= ENOUGH:
            yield Problem(name, f'"{word}" has {figures.rates[word]:.1f} per 1,000 words, at least {limit:g}')
    if figures.mean > MEAN and figures.words >= ENOUGH:
        yield Problem(name, f"a sentence has {figures.mean:.1f} words on average, at most {MEAN:g}")


def check(name: str, paths: Iterable[Path]) -> tuple[Measure, list[Problem]]:
    """Measure files as one text, and return the broken rules."""
    files = sorted(paths)
    found = [block for path in files for block in blocks(path)]
    is_documentation = bool(files) and all(path.suffix == ".md" for path in files)
    most, least = (MOST_IN_DOCS, {}) if is_documentation else (MOST, LEAST)
    figures = measure(found)
    return figures, [*rate_problems(name, figures, most, least), *sentence_problems(found)]


def files(area: str) -> list[Path]:
    """Return the files of an area."""
    found = {path for pattern in AREAS[area] for path in ROOT.glob(pattern)}
    return sorted(path for path in found if "programs" not in path.parts)


def named(arguments: list[str]) -> list[Path]:
    """Return the files that the arguments name; a folder stands for all in it."""
    found = [Path(argument).resolve() for argument in arguments]
    inner = [path for folder in found for suffix in ("py", "md") for path in folder.rglob(f"*.{suffix}")]
    return [*(path for path in found if path.is_file()), *inner]


def main(arguments: list[str]) -> int:
    """Print figures and problems; return the exit status."""
    if arguments:
        paths = named(arguments)
        code, documents = [p for p in paths if p.suffix != ".md"], [p for p in paths if p.suffix == ".md"]
        texts = {name: some for name, some in (("code", code), ("documents", documents)) if some}
    else:
        texts = {area: some for area in AREAS if (some := files(area))}
    status = 0
    for name, some in texts.items():
        figures, problems = check(name, some)
        print(f"{name}: {figures}")  # noqa: T201 - a command
        for problem in problems:
            status = 1
            print(problem)  # noqa: T201 - a command
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
