"""Methods and sets of routes: all that may be registered, asked for all that may be asked."""

from __future__ import annotations

from random import Random

from microfn import Router

from ...wsgi import Reply
from ..grammars import DOTS, SLASHES, joined, path_info
from .contract import METHODS, SEGMENTS, VALUES, WILDCARDS, Contract, echo, instance
from .exchange import Exchange, Pair, is_code, is_json, tunnelled
from .redirects import FIXED, TABLES, ask, chosen, spoiled


def near(chance: Random, contract: Contract) -> str:
    """A path that parts from those of a route somewhere: a segment more or less, another one, or a piece of one."""
    segments = instance(chance, chance.choice(contract.patterns)[1]).split("/")[1:]
    for _ in range(chance.randint(0, 2)):
        at = chance.randrange(len(segments) + 1)
        new = chance.choice([[], [""], [chance.choice([*SEGMENTS, *VALUES])], segments[at : at + 1] * 2])
        segments[at : at + chance.randint(0, 1)] = new
    if segments and chance.random() < 0.3:
        at = chance.randrange(len(segments))
        segments[at] = segments[at][: chance.randint(0, 3)] + chance.choice(["", "x", "/", "\u0307"])
    return "/" + "/".join(segments)


def tree_crash(chance: Random) -> Pair:
    contract = TABLES.next(chance)
    if chance.random() < 0.6:
        return Pair(
            ask(contract, chance.choice(METHODS), near(chance, contract)), ask(contract, *chosen(chance, contract))
        )
    path = "/" + "/".join(
        chance.choices([*SEGMENTS, *VALUES, *WILDCARDS, "", ".", "..", "*rest"], k=chance.randint(0, 5))
    )
    if chance.random() < 0.3:
        path += path_info(joined(chance, [*SLASHES, *DOTS], 4)).encode("latin-1").decode("utf-8", "ignore")
    return Pair(ask(contract, chance.choice(METHODS), path), ask(contract, *chosen(chance, contract)))


def allow_405(chance: Random) -> Pair:
    contract = TABLES.next(chance)
    method, path = chosen(chance, contract)
    others = ["OPTIONS", "OPTIONS", "TRACE", "PATCH", "CONNECT", "X", *METHODS]
    return Pair(ask(contract, chance.choice(others), path), ask(contract, method, path))


def method_name(chance: Random) -> str:
    """Return a text similar to a method. Methods are case-sensitive (RFC 9110, section 9.1)."""
    name = chance.choice(["GET", "POST", "HEAD", "OPTIONS", "DELETE"])
    return chance.choice(
        [
            name.lower(),
            name.title(),
            name + chance.choice([" ", "\0", "X", "\t", "\r\nX: y", "\xa0", ",POST", ";", "/", "\u200b"]),
            chance.choice([" ", "_", "X-", "\xff"]) + name,
            name.replace("E", chance.choice(["È", "Е", "e", "\ud800"])) if "E" in name else name[:-1],
            chance.choice(["", "*", "ANY", "__class__", "None", "self", "%47ET", "GET" * 3000, "CONNECT", "\0"]),
        ]
    )


OVERRIDES = [
    "HTTP_X_HTTP_METHOD_OVERRIDE",
    "HTTP_X_METHOD_OVERRIDE",
    "HTTP_X_HTTP_METHOD",
    "HTTP_X_METHOD",
    "REDIRECT_REQUEST_METHOD",
]


def method(chance: Random) -> Pair:
    """A method that is none of the path's is a 405, and nothing in a request makes another one of it."""
    name = method_name(chance)
    override = chance.choice(METHODS)
    extra = dict.fromkeys(chance.sample(OVERRIDES, 2), override)
    query, body = f"_method={override}&method={override}", f"_method={override}".encode()
    extra["CONTENT_TYPE"] = "application/x-www-form-urlencoded"

    def check(reply: Reply) -> None:
        FIXED.check(name, "/docs/", reply)

    def served(reply: Reply) -> None:
        FIXED.check("POST", "/docs/", reply)

    hostile = Exchange(FIXED.app, check, name, "/docs/", query, body, extra)
    return Pair(hostile, Exchange(FIXED.app, served, "POST", "/docs/", query, body, extra))


def deep_route(chance: Random) -> Pair:
    """Patterns of many segments, some of which differ late, and paths that nearly match."""
    contract, depth = Contract(overlap=chance.random() < 0.5), 300 if chance.random() < 0.02 else chance.randint(5, 40)
    parts = [chance.choice(["s", "S", "ä", ":p"]) for _ in range(depth)]
    for _ in range(chance.randint(1, 4)):
        names = [f":p{number}" if part == ":p" else part for number, part in enumerate(parts)]
        contract.add("GET", "/" + "/".join(names) + chance.choice(["", "/", "/*rest"]))
        at = chance.randrange(depth // 2, depth)
        parts = [*parts[:at], chance.choice(["s", "t", ":p"]), *parts[at + 1 :]]
    _, pattern = chance.choice(contract.patterns)
    path = "/".join("v" if part[:1] in (":", "*") else part for part in pattern.split("/"))
    at = chance.randrange(1, len(path))
    wrong = path[:at] + chance.choice(["", "/", "S", "x", "//", "/..", "Ä", "/" * 50]) + path[at + 1 :]
    return Pair(
        ask(contract, "GET", chance.choice([wrong, path.swapcase(), spoiled(chance, path)])), ask(contract, "GET", path)
    )


def _wide() -> Router:
    """Return routes that a bad search would try one after the other."""
    app = Router(overlap=True)
    for number in range(12):
        app.get("/" + "/".join(f":x{place}" if number >> place & 1 else "a" for place in range(4)))(echo)
        app.get("/" + "a/" * number + "*rest" + str(number))(echo)
        app.get("/a" * (number + 5) + "/:x/İ")(echo)
    return app


WIDE = _wide()
STRICT = Router()
for _pattern in ["/all/*rest", "/docs/", "/Case/:x/", "/straße", "/İ/x"]:
    STRICT.get(_pattern)(echo)


def path_dos(chance: Random) -> Pair:
    """A long path costs little: a hit is served, however long it is; no match is a 404, a redirect or a 414."""
    length = int(10 ** chance.uniform(1, 4.3))
    units = [
        "a",
        "/a",
        "/",
        "/.",
        "/..",
        "/../a",
        "A",
        "İ",
        "ẞ",
        "\\",
        "%2F",
        "/a/..",
        "é",
        "//a",
        "/Case",
        ";",
        "\u0301",
    ]
    unit = chance.choice(units)
    path = (
        chance.choice(["/", "/docs/", "/Case/", "/İ/", "/zz/"])
        + unit * (length // len(unit))
        + chance.choice(["", "/", "/x"])
    )
    app = chance.choice([STRICT, WIDE])

    def check(reply: Reply) -> None:
        assert reply.code in (200, 301, 404, 414)
        assert reply.code == 200 or len(path) <= 8192 or reply.code == 414
        assert len(reply.body) < 1000 or reply.code == 200

    rest = unit.strip("/.") * (length // 4) or "a"
    served = is_json({"pattern": "/all/*rest", "params": {"rest": f"/{rest}"}, "method": "GET"})
    return Pair(Exchange(app, check, path=tunnelled(path)), Exchange(STRICT, served, path=tunnelled(f"/all/{rest}")))


def look_around(request, params):
    """All that a request tells of itself, read once."""
    told = [request.url, request.base_url, request.root_url, request.host_url, request.full_path, request.remote_addr]
    told += [request.scheme, request.server, request.is_secure, request.access_route, request.user_agent.string]
    return {"host": request.host, "x": params.get("x"), "args": len(request.args), "told": len(told)}


BROKEN = Router()
BROKEN.get("/")(look_around)
BROKEN.get("/seen/:x")(look_around)


def broken_environ(chance: Random) -> Pair:
    """Servers can omit keys, or pass invalid values: the request is answered anyway, or refused."""
    gone = "SERVER_NAME SERVER_PORT SERVER_PROTOCOL HTTP_HOST REMOTE_ADDR SCRIPT_NAME QUERY_STRING".split()
    gone += "wsgi__version wsgi__url_scheme wsgi__multithread wsgi__multiprocess wsgi__run_once".split()
    extra = dict.fromkeys(chance.sample([*gone, "CONTENT_LENGTH", "CONTENT_TYPE"], chance.randint(1, 8)))
    extra |= {"SERVER_PORT": chance.choice(["", "http", "-1", "99999999", "²"])} if chance.random() < 0.3 else {}
    extra |= {"SERVER_NAME": chance.choice(["", "a b", "\ud800", "[", "/run/socket"])} if chance.random() < 0.3 else {}
    extra |= {"QUERY_STRING": chance.choice(["\ud800", "日=本", "\udcff"])} if chance.random() < 0.2 else {}
    whole = Exchange(BROKEN, is_json({"host": "site.test", "x": "x", "args": 0, "told": 11}), path="/seen/x")
    if chance.random() < 0.3:
        path = "/seen/" + chance.choice(["\ud800", "日本", "\ud83d\ude00", "\udcff", "\u0100", "a\U0001f600"])
        return Pair(Exchange(BROKEN, is_code(400), path=path, extra=extra), whole)
    if chance.random() < 0.2:
        extra["REQUEST_METHOD"] = None
    if chance.random() < 0.2:
        extra["PATH_INFO"] = chance.choice([None, ""])
        return Pair(Exchange(BROKEN, is_code(200), extra=extra), whole)

    def check(reply: Reply) -> None:
        assert reply.code == 200
        assert reply.json["x"] == "x"

    return Pair(Exchange(BROKEN, check, path="/seen/x", extra=extra), whole)


GENERATORS = {
    "tree_crash": tree_crash,
    "allow_405": allow_405,
    "method": method,
    "deep_route": deep_route,
    "path_dos": path_dos,
    "broken_environ": broken_environ,
}
