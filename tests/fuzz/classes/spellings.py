"""Paths as bytes and as text: invalid UTF-8, double escapes, and other cases."""

from __future__ import annotations

import sys
from collections import defaultdict
from functools import cache
from random import Random
from urllib.parse import quote, unquote_to_bytes

from microfn import Router

from ..grammars import joined
from .contract import Contract, echo
from .exchange import Exchange, Pair, is_code, is_json
from .redirects import ask

PLACES = Contract()
for _pattern in ["/users/:x", "/users/:x/posts/:y", "/files/*rest", "/docs/", "/é/:n", "/"]:
    PLACES.add("GET", _pattern)

ENCODED = Router(path_info_encoded=True)
ENCODED.get("/users/:x")(echo)
ENCODED.get("/files/*rest")(echo)


def character(chance: Random) -> str:
    """Any character that UTF-8 can say, each length of it as often as the others; no slash."""
    while True:
        low, high = chance.choice([(0x01, 0x7F), (0x80, 0x7FF), (0x800, 0xFFFF), (0x10000, sys.maxunicode)])
        char = chr(chance.randint(low, high))
        if char != "/" and not "\ud800" <= char <= "\udfff":
            return char


def text(chance: Random, most: int = 6) -> str:
    return "".join(character(chance) for _ in range(chance.randint(1, most)))


def _encoded(code: int, length: int) -> bytes:
    """A number in UTF-8's pattern of so many bytes, whether or not RFC 3629 allows it."""
    tail = [0x80 | (code >> 6 * place) & 0x3F for place in reversed(range(length - 1))]
    head = code >> 6 * (length - 1)
    lead = {2: 0xC0, 3: 0xE0, 4: 0xF0, 5: 0xF8, 6: 0xFC}[length] | head
    return bytes([lead & 0xFF, *tail])


def no_utf8(chance: Random) -> bytes:
    """Return bytes that are invalid according to RFC 3629, section 3."""
    whole = chr(chance.randint(0x80, 0xD7FF)).encode()
    return chance.choice(
        [
            lambda: _encoded(chance.randint(0, 0x7F), chance.randint(2, 6)),  # longer than need be
            lambda: _encoded(chance.randint(0, 0x7FF), chance.randint(3, 6)),
            lambda: _encoded(chance.randint(0, 0xFFFF), chance.randint(4, 6)),
            lambda: _encoded(chance.randint(0xD800, 0xDFFF), 3),  # half a pair
            lambda: _encoded(chance.randint(0x110000, 0x1FFFFF), 4),  # beyond the last one
            lambda: whole[:-1] + chance.choice([b"", b"a", b"/", b"\xc3\xa9"]),  # cut off
            lambda: bytes([chance.randint(0x80, 0xBF)]),  # a tail without a head
            lambda: bytes([chance.choice([0xC0, 0xC1, *range(0xF5, 0x100)])]),  # never a byte of it
            lambda: whole + bytes([chance.randint(0x80, 0xBF)]),  # a tail too many
        ]
    )()


def _place(chance: Random, value: str) -> str:
    return chance.choice(["/users/{}", "/files/{}", "/files/a/{}/b", "/users/1/posts/{}"]).replace("{}", value)


def bad_utf8(chance: Random) -> Pair:
    raw = chance.choice(["", "a", "é"]).encode() + no_utf8(chance) + chance.choice(["", "a", "/", "/x", "é"]).encode()
    path = _place(chance, raw.decode("latin-1"))
    if chance.random() < 0.3:
        path = "/" + raw.decode("latin-1") + chance.choice(["", "/", "/docs/"])
    method = chance.choice(["GET", "HEAD", "POST", "OPTIONS", "PURGE"])
    return Pair(Exchange(PLACES.app, is_code(400), method, path), good_utf8(chance).hostile)


ODD = [
    "\ufeff",
    "\u202e",
    "\u200d",
    "\ufffd",
    "\ufffe",
    "\u0085",
    "\u2028",
    "e\u0301",
    "\x01",
    "\r\n",
    "\x1b[2J",
    "\x7f",
    "<b>",
    "İ",
    "%",
    "+",
]


def good_utf8(chance: Random) -> Pair:
    """UTF-8 arrives unchanged, with any character, and so does plain ASCII."""
    value = chance.choice([text(chance), joined(chance, ODD, 3) + text(chance, 1)]).replace("/", "_")
    value = "x" if value.strip(".") == "" else value
    odd, plain = _place(chance, value), _place(chance, "plain")
    return Pair(ask(PLACES, "GET", odd), ask(PLACES, "GET", plain))


def escaped(chance: Random, value: str, times: int) -> str:
    for _ in range(times):
        value = quote(value, safe="")
        value = "".join(char.lower() if chance.random() < 0.3 else char for char in value)
    return value


def double_decode(chance: Random) -> Pair:
    """Escapes that remain after the server has decoded are text. With Passenger, the application decodes once."""
    risky = ["/", "..", "\0", "?", "#", "%", "é", "\r\n", "//evil.example", "\\", " ", "+", ";", "../../etc"]
    value = escaped(chance, joined(chance, risky, 3) or "/", chance.randint(1, 3))
    if "%" not in value:
        value += "%2F"
    if chance.random() < 0.3:
        return _from_passenger(chance, value)
    if chance.random() < 0.2:  # the path of a route, escaped
        path = "".join(f"%{ord(char):02x}" if char != "/" and chance.random() < 0.5 else char for char in "/users/7")
        return Pair(ask(PLACES, "GET", path), ask(PLACES, "GET", "/users/7"))
    path = _place(chance, value)
    return Pair(ask(PLACES, "GET", path), ask(PLACES, "GET", _place(chance, value.replace("%", "_"))))


def _from_passenger(chance: Random, value: str) -> Pair:
    once = unquote_to_bytes(value)
    try:
        expected = is_json({"pattern": "/files/*rest", "params": {"rest": "/" + once.decode()}, "method": "GET"})
    except ValueError:
        expected = is_code(400)
    plain = chance.choice(["a", "a b", "é", "%"])
    served = is_json({"pattern": "/users/:x", "params": {"x": plain}, "method": "GET"})
    return Pair(
        Exchange(ENCODED, expected, path=f"/files/{value}"),
        Exchange(ENCODED, served, path=f"/users/{quote(plain)}"),
    )


@cache
def _folds() -> dict[str, list[str]]:
    """For each character with others that are the same but for their case, all of these; none is beyond U+1FFFF."""
    groups = defaultdict(list)
    for code in range(0x20000):
        groups[chr(code).casefold()].append(chr(code))
    return {char: group for group in groups.values() if len(group) > 1 for char in group}


@cache
def _cased() -> list[str]:
    return sorted(char for char in _folds() if not "\ud800" <= char <= "\udfff")


LOOKALIKES = {
    "i": "ıİｉ",
    "s": "ｓʂ",
    "k": "ĸк",
    "a": "аαª",
    "o": "оο0º",
    "e": "еé",
    "ß": "sβ",
    "é": "eè",
    "ſ": "ʃ",
    "µ": "u",
}


def case_fold(chance: Random) -> Pair:
    """A route of characters with a case, requested in another case, or with similar characters."""
    contract = Contract(overlap=chance.random() < 0.5)
    letters = [chance.choice([chance.choice(_cased()), *"iskaoeßéſµK"]) for _ in range(chance.randint(1, 6))]
    word = "".join(letters)
    pattern = "/" + chance.choice([word, f"{word}/", f"{word}/:x", f"a/{word}/*rest", f"{word}:x"])
    contract.add("GET", pattern)
    if chance.random() < 0.5:
        contract.add("GET", "/" + "".join(chance.choice(_folds().get(char, [char])) for char in word) + "/b")
    path = pattern.replace("*rest", chance.choice(["x", "İ/ſ"])).replace(":x", chance.choice(["x", "ΩK", "ẞ"]))
    return Pair(ask(contract, "GET", _otherwise_cased(chance, path)), ask(contract, "GET", path))


def _otherwise_cased(chance: Random, path: str) -> str:
    if chance.random() < 0.3:
        at = chance.randrange(1, len(path))
        return path[:at] + chance.choice(LOOKALIKES.get(path[at], "\u0307")) + path[at + 1 :]
    whole = chance.choice([str.upper, str.lower, str.title, str.swapcase, str.casefold, str])
    return whole("".join(chance.choice(_folds().get(char, [char])) if chance.random() < 0.7 else char for char in path))


GENERATORS = {
    "bad_utf8": bad_utf8,
    "good_utf8": good_utf8,
    "double_decode": double_decode,
    "case_fold": case_fold,
}
