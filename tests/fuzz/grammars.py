"""Hostile data from grammars: each call creates one value, from a `random.Random`.

A raw text is part of a request line. A server decodes it once, and passes the bytes as latin-1 (PEP 3333).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from urllib.parse import unquote_to_bytes

DOTS = ["..", ".", "...", "....", "..;", "..;a=b", ".. ", " ..", "..\t", "..%00", "..%20", "%2e%2e", "%2E.", ".%2e"]
DOTS += [
    "%252e%252e",
    "%c0%ae%c0%ae",
    "%e0%80%ae.",
    "%ef%bc%8e%ef%bc%8e",
    "..%c0%af",
    "%uff0e%uff0e",
    "..%ff",
    "%u002e.",
]
SLASHES = [
    "/",
    "/",
    "/",
    "//",
    "///",
    "%2f",
    "%2F",
    "\\",
    "%5c",
    "%5C",
    "/./",
    "%252f",
    "%c0%af",
    "%ef%bc%8f",
    ";/",
    "/%09/",
]
NAMES = ["secret", "secret.txt", "public", "a.txt", "etc", "passwd", "proc", "self", "environ", "sub", "link", "fifo"]
NAMES += [
    "C:",
    "c:%5cwindows",
    "CON",
    "aux.txt",
    "nul",
    "a.txt:$DATA",
    "A.TXT",
    "a.txt ",
    "a.txt.",
    "a.txt%00.png",
    "~",
    "-",
]
NAMES += [
    ".git",
    ".env",
    "public-sibling",
    "public2",
    "%00",
    "%0a",
    "a%2etxt",
    "file:",
    "%26",
    "%3f",
    "%23",
    "\xe9",
    "%C3%A9",
]
TARGETS = ["secret.txt", "secret/a.txt", "public-sibling/a.txt", "public/link", ".env", "link", "a.txt", "sub/../a.txt"]
BEGINS = ["/", "/", "\\", "%5c", "%2f", "%09", "%20", "%0d", ".", "..", ";", "@", ":", "https:", "%00"]
SITES = ["evil.example", "evil.example:80", "user@evil.example", "[::1]", "%65vil.example", "evil%2eexample", "0x7f.1"]
BREAKS = [
    "\r\n",
    "%0d%0a",
    "%0a",
    "%0d",
    "%0D%0A%20",
    "%0b",
    "%0c",
    "%00",
    "%c2%85",
    "%e2%80%a8",
    "%e5%98%8a%e5%98%8d",
    "%%0d0a",
]
BREAKS += ["%250d%250a", "%e0%80%8a", "%1b", "%7f", "%09", "%c0%8a", "%u000a"]
HEADERS = [
    "Set-Cookie:a=b",
    "Location:http://evil.example/",
    "Content-Length:0",
    "X-A: b",
    "%20folded",
    "HTTP/1.1 200 OK",
]
NOT_UTF8 = [
    "%ff",
    "%fe%fe",
    "%c3",
    "%e2%82",
    "%f0%9f%98",
    "%80",
    "%c0%80",
    "%c0%ae",
    "%ed%a0%80",
    "%ed%bf%bf",
    "%f4%90%80%80",
]
NOT_UTF8 += ["%f8%88%80%80%80", "%c3%28", "%a0%a1", "%e0%80%af", "%fc%84%80%80%80%80"]
ODD_TEXT = [
    "%ef%bb%bf",
    "e%cc%81",
    "%c3%a9",
    "%e2%80%ae",
    "%e2%80%8b",
    "%f0%9f%98%80",
    "%ef%bf%bd",
    "%c4%b0",
    "%c5%bf",
    "%e1%ba%9e",
]
ODD_TEXT += [
    "%252F",
    "%2525",
    "%u0041",
    "%",
    "%2",
    "%zz",
    "%+",
    "+",
    "%20",
    "%26%3d",
    "%00",
    "<script>",
    "%22%27",
    "{}",
    "$%7b7*7%7d",
]
ODD_TEXT += [
    "%c7%85",
    "%ce%a3",
    "%cf%82",
    "%ef%ac%80",
    "%e2%84%aa",
    "%cc%88",
    "%e0%a4%bf",
    "%ed%9f%bf",
    "%ee%80%80",
    "%f4%8f%bf%bf",
]
PLACES = [
    "",
    "",
    "",
    "/app",
    "/app/",
    "/",
    "//evil.example",
    "/\\evil.example",
    "/%2f",
    "app",
    "/\xc3\xa9",
    "/ä",
    "/a b",
    "///",
]


def joined(chance: Random, parts: Sequence[str], most: int) -> str:
    return "".join(chance.choice(parts) for _ in range(chance.randint(0, most)))


def traversal(chance: Random) -> str:
    """A path that tries to leave a directory, by steps up and then down again."""
    if chance.random() < 0.5:  # attacks that work without protection
        return "/.." * chance.randint(0, 3) + "/" + chance.choice(TARGETS)
    up = [chance.choice(DOTS) for _ in range(chance.randint(0, 4))]
    down = [chance.choice(chance.choice([TARGETS, NAMES])) for _ in range(chance.randint(0, 3))]
    return "".join(chance.choice(SLASHES) + step for step in up + down) + chance.choice(["", "", *SLASHES])


def redirect(chance: Random) -> str:
    """A path that tries to have a client sent to another site."""
    begin = chance.choice(["//", "/\\", "///", joined(chance, BEGINS, 5)])
    inner = chance.choice(SITES) + joined(chance, [*SLASHES, *DOTS, "a", "A", "docs", "Docs"], chance.choice([0, 4]))
    return begin + inner + chance.choice(["", "/", "//", "/.", "/..", "/../..//", "%2f", "?", "#"])


def injection(chance: Random) -> str:
    """Text that tries to end a header, and to begin another."""
    return joined(chance, ["a", "/", *BREAKS], 3) + chance.choice(BREAKS) + joined(chance, [*HEADERS, *BREAKS], 4)


def encoding(chance: Random) -> str:
    """Text whose bytes are no UTF-8, or UTF-8 that software mistakes for something else."""
    return joined(chance, [*NOT_UTF8, *ODD_TEXT, *ODD_TEXT, "a", "B"], 6)


GRAMMARS = {"traversal": traversal, "redirect": redirect, "injection": injection, "encoding": encoding}


def path_info(raw: str) -> str:
    """A raw path as a server hands it over."""
    return unquote_to_bytes(raw.partition("?")[0].encode("utf-8", "surrogatepass")).decode("latin-1")
