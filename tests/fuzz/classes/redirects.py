"""Paths that nearly match: their redirects, which never lead to another site."""

from __future__ import annotations

from random import Random
from urllib.parse import unquote_to_bytes

from microfn import Router

from ...wsgi import Reply, call
from ..grammars import injection, joined, path_info
from ..grammars import redirect as evil
from .contract import SEGMENTS, WILDCARDS, Contract, instance, random_contract
from .exchange import Exchange, Pair, tunnelled

METHODS = ["GET", "GET", "GET", "HEAD", "POST", "DELETE"]
BYTES = [
    *" \"<>\\^`{|}#?%&=;+,:@!$'()*~[]",
    "%2F",
    "%2f",
    "%25",
    "%",
    "%zz",
    "%0d%0a",
    "é",
    "😀",
    "\x01",
    "\x7f",
    "\t",
    "a",
    "b",
]
SCRIPTS = [
    "/app",
    "/app/",
    "/app//",
    "/",
    "//",
    "//app",
    "///evil.example",
    "/\\evil.example",
    "app",
    "/a b",
    "/é",
    "/%2f",
    "/a?b#c",
]
SCRIPTS += ["/\r\nX: y", "/a/b", "/.", "/..", "/a/../b", "/\xff", "\\\\evil.example", "/@evil.example", "/;", "/日"]
HOSTS = [
    "evil.example",
    "site.test.evil.example",
    "evil.example:80",
    "[::1]",
    "a@evil.example",
    "\\evil",
    "//evil.example",
    "x" * 300,
]
LIES = "X_FORWARDED_HOST X_FORWARDED_PROTO X_FORWARDED_FOR X_FORWARDED_PREFIX X_FORWARDED_SERVER FORWARDED".split()
LIES += "X_HOST X_ORIGINAL_HOST X_ORIGINAL_URL X_REWRITE_URL X_HTTP_HOST_OVERRIDE X_SCRIPT_NAME REFERER ORIGIN".split()
LIES += "X_HTTP_METHOD_OVERRIDE X_METHOD_OVERRIDE".split()
VARIABLES = "REQUEST_URI RAW_URI SCRIPT_URL SCRIPT_URI REDIRECT_URL PATH_TRANSLATED DOCUMENT_URI".split()
VARIABLES += ["UNENCODED_URL", "REDIRECT_STATUS"]


class Tables:
    """Random sets of routes; each is asked some dozens of times before the next takes its place."""

    def __init__(self) -> None:
        self._now, self._left = Contract(), 0

    def next(self, chance: Random) -> Contract:
        if not self._left:
            self._now, self._left = random_contract(chance), 40
        self._left -= 1
        return self._now


TABLES = Tables()


def ask(contract: Contract, method: str, path: str, *, query: str = "", script: str = "", **extra: str) -> Exchange:
    """A request whose answer the contract foresees; `path` is text."""

    def check(reply: Reply) -> None:
        contract.check(method, path, reply, script=script, query=query)

    return Exchange(contract.app, check, method, tunnelled(path), query, extra={"SCRIPT_NAME": script, **extra})


def chosen(chance: Random, contract: Contract) -> tuple[str, str]:
    """A method and a path that one of the routes answers."""
    while True:
        method, pattern = chance.choice(contract.patterns)
        path = instance(chance, pattern)
        if contract.answer(method, path) is not None:
            return method, path


def slashed(path: str) -> str:
    return path[:-1] if path[-1:] == "/" and path != "/" else f"{path}/"


def dirtied(chance: Random, path: str) -> str:
    """The same place by another way: with `//`, `.` and `..` in it, or beside it."""
    parts = path.split("/")
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(1, len(parts))
        parts[at:at] = chance.choice(
            [[""], ["."], ["x", ".."], [".."], ["", ""], ["a", "b", "..", ".."], ["..."], ["..;"]]
        )
    return "/".join(parts)


def respelled(chance: Random, path: str) -> str:
    return "".join(chance.choice([char, char.upper(), char.lower(), char.swapcase()]) for char in path)


def spoiled(chance: Random, path: str) -> str:
    """A path that is not the route's any more, but may be near to it."""
    for change in chance.sample([slashed, lambda text: dirtied(chance, text), lambda text: respelled(chance, text)], 2):
        if chance.random() < 0.6:
            path = change(path)
    return path


def tsr_contract(chance: Random) -> Pair:
    contract = TABLES.next(chance)
    method, path = chosen(chance, contract)
    return Pair(ask(contract, method, spoiled(chance, path)), ask(contract, method, path))


def open_redirect(chance: Random) -> Pair:
    """Below patterns that begin with a wildcard, any path may be nearly a match; the same text further in is data."""
    contract = Contract(overlap=True)
    for _ in range(3):
        parts = [chance.choice(WILDCARDS), *chance.choices([*WILDCARDS, *SEGMENTS], k=chance.randint(0, 2))]
        contract.add(chance.choice(METHODS), "/" + "/".join(parts) + chance.choice(["", "/", "/", "/*rest"]))
    contract.add("GET", "/inner/*rest")
    raw = path_info(evil(chance)).encode("latin-1").decode("utf-8", "ignore")
    path = "/" * (raw[:1] != "/") + raw
    return Pair(ask(contract, chance.choice(METHODS), path), ask(contract, "GET", f"/inner{path}"))


def redirect_loop(chance: Random) -> Pair:
    """The target of a redirect is answered by a handle, or there is no redirect."""
    contract = TABLES.next(chance)
    method, path = chosen(chance, contract)

    def follow(reply: Reply) -> None:
        if reply.code in (301, 308):
            where = unquote_to_bytes(reply.headers["location"]).decode("latin-1")
            assert call(contract.app, method, where, validate=False).code == 200, where

    wrong = spoiled(chance, spoiled(chance, path))
    return Pair(Exchange(contract.app, follow, method, tunnelled(wrong)), ask(contract, method, path))


FIXED = Contract()
for _method, _pattern in [
    ("GET", "/docs/"),
    ("POST", "/docs/"),
    ("GET", "/Users/:x"),
    ("GET", "/é/:n/"),
    ("GET", "/all/*rest"),
]:
    FIXED.add(_method, _pattern)


def location_quote(chance: Random) -> Pair:
    value = joined(chance, BYTES, 8).replace("/", "") or "x"
    value = value if value.strip(".") else "x"
    return Pair(ask(FIXED, "GET", f"/users/{value}/"), ask(FIXED, "GET", f"/Users/{value}"))


def query_kept(chance: Random) -> Pair:
    query = tunnelled(
        joined(chance, [*BYTES, "/", "next=", "//evil.example", "?", "&&", "%C3%A9", "%ff", injection(chance)], 8)
    )
    return Pair(ask(FIXED, "GET", "/docs", query=query), ask(FIXED, "GET", "/docs/", query=query))


def script_name(chance: Random) -> Pair:
    """Redirects stay below any SCRIPT_NAME of a server, and matches are the same."""
    script = chance.choice(SCRIPTS) + joined(chance, [*BYTES, "/"], 3) * chance.randint(0, 1)
    method = chance.choice(["GET", "POST", "HEAD"])
    if chance.random() < 0.3:
        return Pair(_without_a_slash(chance, script), ask(FIXED, method, "/docs/", script=script))
    return Pair(ask(FIXED, method, "/docs", script=script), ask(FIXED, method, "/docs/", script=script))


def _without_a_slash(chance: Random, script: str) -> Exchange:
    """Targets without a path: the absolute form, the name of a host, an asterisk (RFC 9112, section 3.2)."""
    path = chance.choice(
        ["docs/", "http://evil.example/docs/", "evil.example:80", "*", "*x", "\\docs/", ".", " /docs/", "%2Fdocs/"]
    )
    method = chance.choice(["GET", "POST", "CONNECT", "OPTIONS"])

    def check(reply: Reply) -> None:
        assert reply.code == (204 if (method, path) == ("OPTIONS", "*") else 400)

    return Exchange(FIXED.app, check, method, path, extra={"SCRIPT_NAME": script})


def host_trust(chance: Random) -> Pair:
    """The host of the client is in no redirect."""
    names = chance.sample(LIES, chance.randint(1, 3))
    lies = {f"HTTP_{name}": chance.choice([*HOSTS, "/docs/", "https", "host=evil.example", "PUT"]) for name in names}
    if chance.random() < 0.5:
        lies["HTTP_HOST"] = chance.choice([*HOSTS, evil(chance).replace("\n", "").replace("\r", "")])
    query = f"next={chance.choice(HOSTS)}" if chance.random() < 0.2 else ""
    method = chance.choice(["GET", "POST", "HEAD"])
    return Pair(ask(FIXED, method, "/docs", query=query, **lies), ask(FIXED, method, "/docs/", query=query, **lies))


def host_quirk(chance: Random) -> Pair:
    """Extra keys of servers in the environ, and their forms of the root, don't change the response."""
    quirks = {
        name: f"//evil.example{chance.choice(['/docs/', '/', '%2f', '?x'])}" for name in chance.sample(VARIABLES, 3)
    }
    script = chance.choice(["/", "//", "///", ""])
    path = chance.choice(["/docs", "/DOCS", "/x/../docs/", "//docs/", "/users/7/", "/nothing"])
    return Pair(ask(FIXED, "GET", path, script=script, **quirks), ask(FIXED, "GET", "/docs/", script=script, **quirks))


def path_alias(chance: Random) -> Pair:
    """A similar path is not the same: no byte is dropped, and texts differ unless only their case does."""
    method, path = "GET", chance.choice(["/docs/", "/Users/x", "/é/7/", "/all/a/b"])
    junk = [
        "\0",
        ";",
        ";x=1",
        " ",
        "%20",
        "\u200b",
        "\ufeff",
        "\u00ad",
        "\u0301",
        "%00",
        ".",
        "\u2044",
        "\uff0f",
        "\\",
        "\x7f",
        "?",
    ]
    at = chance.randint(1, len(path))
    changed = path[:at] + chance.choice(junk) + path[at:]
    if chance.random() < 0.3:  # compatibility and composition: U+FF44 is no "d", "e\u0301" is no "é"
        wide = [char if char == "/" or chance.random() < 0.5 else _wide(char) for char in path]
        changed = "".join(wide).replace("é", "e\u0301")
    return Pair(ask(FIXED, method, changed), ask(FIXED, method, path))


def _wide(char: str) -> str:
    return chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char


def _mounted() -> Router:
    outer = Router()
    outer.mount("/old", FIXED.app)
    return outer


MOUNTED = _mounted()


def below_a_mount(chance: Random) -> Pair:
    """The same, if the application is mounted in another one."""
    path = chance.choice(["/docs", "//docs/", "/x/../docs/", "/DOCS/", "//evil.example/..//docs", "/../docs"])
    script = chance.choice(["", "/app", "/"])

    def check(reply: Reply) -> None:
        FIXED.check("GET", path, reply, script=f"{script.rstrip('/')}/old")

    def served(reply: Reply) -> None:
        FIXED.check("GET", "/docs/", reply)

    extra = {"SCRIPT_NAME": script}
    return Pair(
        Exchange(MOUNTED, check, path=f"/old{path}", extra=extra),
        Exchange(MOUNTED, served, path="/old/docs/", extra=extra),
    )


GENERATORS = {
    "open_redirect": open_redirect,
    "tsr_contract": tsr_contract,
    "redirect_loop": redirect_loop,
    "location_quote": location_quote,
    "query_kept": query_kept,
    "script_name": lambda chance: below_a_mount(chance) if chance.random() < 0.2 else script_name(chance),
    "host_trust": host_trust,
    "host_quirk": host_quirk,
    "path_alias": path_alias,
}
