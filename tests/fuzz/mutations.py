"""The start of each target: possible content of its lines, and inputs that once found a bug."""

from __future__ import annotations

from pathlib import Path
from random import Random

SEEDS = Path(__file__).parent / "corpus"
TOKENS = [
    b"/",
    b"//",
    b"/.",
    b"/..",
    b":",
    b"*",
    b"\\",
    b"%",
    b"%2f",
    b"?",
    b"#",
    b"\n",
    b"\n\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xc3",
]
TOKENS += [
    b"\xc3\xa9",
    b"\xe2\x84\xaa",
    b"\xed\xa0\x80",
    b"a",
    b"A",
    b"docs",
    b":x",
    b"*rest",
    b'"',
    b"{",
    b"[",
    b"=",
    b"&",
    b";q=0",
]


def seeds(target: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((SEEDS / target).iterdir())]


def mutated(chance: Random, known: list[bytes]) -> bytes:
    """Return one of them, changed in some places: by a meaningful text, by a byte, or by a piece of another."""
    data = bytearray(chance.choice(known))
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(data))
        change = chance.random()
        if change < 0.5:
            data[at:at] = chance.choice(TOKENS)
        elif change < 0.7:
            del data[at : at + chance.randint(1, 4)]
        elif change < 0.85:
            data[at : at + 1] = bytes([chance.randrange(256)])
        else:
            other = chance.choice(known)
            begin = chance.randint(0, len(other))
            data[at:at] = other[begin : begin + chance.randint(1, 20)]
    return bytes(data)
