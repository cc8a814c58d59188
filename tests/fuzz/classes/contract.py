"""The contract of a set of routes, by brute force over all of them: status, redirects, Allow."""

from __future__ import annotations

import posixpath
import re
from random import Random
from urllib.parse import unquote_to_bytes

from microfn import Router

from ... import model
from ...wsgi import Reply
from .exchange import tunnelled

METHODS = ["GET", "POST", "HEAD", "DELETE", "PURGE", "OPTIONS"]


def echo(request, params):
    return {"pattern": request.route.pattern, "params": params, "method": request.method}


def cleaned(path: str) -> str:
    """httprouter's CleanPath: without `//`, `.` and `..`; a slash at the end stays, and a `.` there is one."""
    clean = posixpath.normpath("/" + path.lstrip("/"))
    is_directory = path.rpartition("/")[2] in ("", ".")
    return clean if clean == "/" or not is_directory else f"{clean}/"


def stays(path: str) -> bool:
    """Whether a browser that is sent to this path asks for this path, and of this site."""
    return not re.match(r"/[/\\]", path) and not re.search(r"/\.\.?(/|$)", path)


class Contract:
    """Routes, each a method and a pattern; a param named `n` takes ASCII digits only."""

    def __init__(self, *, overlap: bool = False) -> None:
        self.app = Router(overlap=overlap)
        self.overlap = overlap
        self.patterns: list[tuple[str, str]] = []
        self._models: dict[str, model.Model] = {}

    def add(self, method: str, pattern: str) -> bool:
        """Register the pattern if it is valid, and return True if it was."""
        names = [text for kind, text in model.parse(pattern) if kind != model.TEXT]
        known = self._models.setdefault(method, model.Model(overlap=self.overlap))
        if len(set(names)) < len(names) or not known.add(pattern, pattern):
            return False
        self.app.handle(method, pattern, echo, convert={"n": int} if "n" in names else {})
        self.patterns.append((method, pattern))
        return True

    def match(self, method: str, path: str):
        """The pattern that answers and its params, before converters; HEAD is answered by GET's too."""
        for name in [method] + ["GET"] * (method == "HEAD"):
            found = self._models[name].match(path) if name in self._models else None
            if found is not None:
                return found
        return None

    def answer(self, method: str, path: str):
        """Return the route with the params for its handle, or None without a match."""
        found = self.match(method, path)
        params = dict(found[1]) if found else {}
        if found is None or not re.fullmatch("[0-9]+", params.get("n", "0"), re.ASCII):
            return None
        return found[0], {name: int(value) if name == "n" else value for name, value in params.items()}

    def _leads(self, method: str, path: str | None) -> bool:
        return path is not None and stays(path) and self.answer(method, path) is not None

    def targets(self, method: str, path: str) -> set[str]:
        """Return possible targets of a redirect for a path without a match. If there are any, it must redirect."""
        if path == "/" or method == "CONNECT":
            return set()
        other = model.otherwise(path)
        if self._leads(method, other):
            return {other}
        clean = cleaned(path)
        for spelling in clean, model.otherwise(clean):
            found = self._spellings(method, spelling) if spelling else set()
            if found:
                return found
        return set()

    def _spellings(self, method: str, path: str) -> set[str]:
        if self._leads(method, path):
            return {path}
        names = [name for name in [method] + ["GET"] * (method == "HEAD") if name in self._models]
        found = set().union(*(self._models[name].spellings(path, False) for name in names))
        return {spelling for spelling in found if self._leads(method, spelling)}

    def allowed(self, path: str) -> list[str]:
        """The methods that have a path, converters not asked, and those that come of them."""
        methods = {name for name in self._models if self._models[name].match(path) is not None}
        automatic = ({"HEAD"} if "GET" in methods else set()) | {"OPTIONS"}
        return sorted(methods | automatic) if methods else []

    def check(self, method: str, path: str, reply: Reply, *, script: str = "", query: str = "") -> None:
        """Assert that the reply matches these routes. The path is text here."""
        if self.match(method, path) is not None:
            found = self.answer(method, path)
            assert reply.code == (200 if found else 404), found
            if found and method != "HEAD":
                assert reply.json == {"pattern": found[0], "params": found[1], "method": method}
            return
        targets = self.targets(method, path)
        if targets:
            assert reply.code == (301 if method in ("GET", "HEAD") else 308), targets
            check_location(reply.headers["location"], targets, script=script, query=query)
            return
        allow = self.allowed(path)
        if not allow:
            assert reply.code == 404
            return
        assert reply.headers["allow"].split(", ") == allow
        assert reply.code == (204 if method == "OPTIONS" else 405)


def check_location(location: str, targets: set[str], *, script: str = "", query: str = "") -> None:
    """Assert that a Location leads to one of these paths, below SCRIPT_NAME, and says all that the query said."""
    place, _, told = location.partition("?")
    name = script.strip("/")
    prefix = ("/" + name).encode("latin-1" if _is_bytes(name) else "utf-8") if name else b""
    assert unquote_to_bytes(place) in {prefix + tunnelled(target).encode("latin-1") for target in targets}
    asked = query.encode("latin-1" if _is_bytes(query) else "utf-8")
    assert unquote_to_bytes(told) == unquote_to_bytes(asked)
    # Escapes stay, since "%2F" and "/" can mean different things.
    assert [found for found in re.findall("%[0-9A-Fa-f]{2}", query) if found not in told] == []


def _is_bytes(text: str) -> bool:
    return all(ord(char) < 256 for char in text)


SEGMENTS = [
    "a",
    "A",
    "b",
    "ab",
    "docs",
    "Docs",
    "ä",
    "Ä",
    "straße",
    "ſ",
    "K",
    "K",
    "é",
    "evil.example",
    "\\evil",
    "a b",
]
SEGMENTS += ["100%", "%2F", "a;b", "a&b", "...", "a?b", "a#b", '"', "ﬀ", "😀", "7"]
WILDCARDS = [":x", ":y", ":n", "v:x", "a:x"]
VALUES = [
    "7",
    "007",
    "x",
    "X",
    "٣",
    "é",
    "a b",
    "%2F",
    "evil.example",
    "\\evil",
    "v",
    "v7",
    "-",
    "..x",
    "a%00b",
    "\x7f",
    "😀",
]


def random_contract(chance: Random) -> Contract:
    """Up to twelve routes that may stand beside each other."""
    contract = Contract(overlap=chance.random() < 0.5)
    contract.add("GET", chance.choice(["/", "/:x", "/docs/", "/a/*rest"]))
    for _ in range(chance.randint(1, 12)):
        parts = [chance.choice(SEGMENTS if chance.random() < 0.65 else WILDCARDS) for _ in range(chance.randint(1, 3))]
        end = chance.choice(["", "", "/", "/*rest"])
        for method in chance.choice(METHODS), "GET" if chance.random() < 0.6 else chance.choice(METHODS):
            contract.add(method, "/" + "/".join(parts) + end)
    return contract


def instance(chance: Random, pattern: str) -> str:
    """A path that a pattern matches, were there no others."""
    filled = re.sub("/\\*[^/]*$", lambda _: "/" + "/".join(chance.choices(VALUES, k=chance.randint(1, 3))), pattern)
    filled = re.sub("(?<=/):n(?=/|$)", lambda _: str(chance.randint(0, 10 ** chance.randint(1, 30))), filled)
    return re.sub("(?<!%):[^/]*", lambda _: chance.choice(VALUES), filled)
