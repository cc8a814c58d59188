"""Fields of a client: cookies, credentials, the query, the host; and fields that a handle sets."""

from __future__ import annotations

import re
from base64 import b64encode
from random import Random
from urllib.parse import quote, quote_plus, unquote_to_bytes, urlsplit

from microfn import HostSwitch, Response, Router, redirect
from microfn.middleware import cors, request_id, security_headers

from ...wsgi import Reply
from ..grammars import injection, joined, path_info
from .exchange import Exchange, Pair, is_code, is_json, is_sorted_json, tunnelled
from .spellings import no_utf8, text

TOKEN = "abcXYZ019!#$%&'*+.^_`|~-"
OCTETS = "abcXYZ019!#$%&'()*+-./:<=>?@[]^_`{|}~"


def credentials(request, params):
    found = request.authorization
    if found is None:
        return {"type": None}
    return {"type": found.type, "user": found.username, "password": found.password, "token": found.token}


def cookie(request, params):
    response = Response("ok")
    response.set_cookie(request.args.get("name", "c"), request.args.get("v", ""), path=request.args.get("path", "/"))
    return response


def disposition(request, params):
    response = Response("ok")
    response.headers.set("Content-Disposition", "attachment", filename=request.args.get("v", ""))
    return response


APP = Router()
APP.get("/cookies")(lambda request, params: [[name, value] for name, value in request.cookies.items(multi=True)])
APP.get("/auth")(credentials)
APP.get("/query")(lambda request, params: [[name, value] for name, value in request.args.items(multi=True)])
APP.get("/url")(lambda request, params: f"{request.url}\n{request.host}")
APP.get("/value")(lambda request, params: ("ok", 200, {"X-Value": request.args.get("v", "")}))
APP.get("/name")(lambda request, params: ("ok", 200, {request.args.get("v", ""): "1"}))
APP.get("/status")(lambda request, params: ("ok", request.args.get("v", "")))
APP.get("/go")(lambda request, params: redirect(request.args.get("v", "/")))
APP.get("/location")(lambda request, params: ("", 302, {"Location": request.args.get("v", "")}))
APP.get("/cookie")(cookie)
APP.get("/disposition")(disposition)

TRUSTING = Router(trusted_hosts=["www.example.com", ".api.example.com", "[::1]"])
TRUSTING.get("/")(lambda request, params: request.host)

SWITCH = HostSwitch({"www.example.com": TRUSTING, "*.api.example.com": TRUSTING})


def cookie_in(chance: Random) -> Pair:
    """No Cookie header causes a 500. A valid cookie between two semicolons arrives."""
    pairs = [[joined(chance, TOKEN, 6) or "a", joined(chance, OCTETS, 12)] for _ in range(chance.randint(1, 5))]
    junk = [
        "",
        "a",
        "=",
        "=x",
        "x==y",
        " ",
        "\xff",
        "\xc3\xa9=1",
        "$Version=1",
        ",",
        "\\",
        "a b=c",
        "[]=1",
        "\x01",
        "\x7f",
        "x" * 5000,
        "a=b c",
    ]
    junk += ["; " * 2000, "é", "=" * 500, "__Host-=", "a=\xff\xfe", "\ud800"]
    odd = [chance.choice(junk) for _ in range(chance.randint(1, 4))]
    mixed = odd + [f"{name}={value}" for name, value in pairs]
    chance.shuffle(mixed)

    def check(reply: Reply) -> None:
        assert reply.code in (200, 400)
        if reply.code == 200:
            got = reply.json
            assert [pair for pair in pairs if pair not in got] == []

    header = ";".join(chance.choice(["", " "]) + part for part in mixed)
    if chance.random() < 0.3:  # quotes can contain semicolons, so the text between them is unknown
        header = "".join(chance.choices([*header[:200], '"', "\\", '\\"', "\\377", "\\0"], k=40))
        return Pair(Exchange(APP, is_code(200, 400), path="/cookies", extra={"HTTP_COOKIE": header}), _cookies(pairs))
    return Pair(Exchange(APP, check, path="/cookies", extra={"HTTP_COOKIE": header}), _cookies(pairs))


def _cookies(pairs: list[list[str]]) -> Exchange:
    header = "; ".join(f"{name}={value}" for name, value in pairs)
    return Exchange(APP, is_sorted_json(pairs), path="/cookies", extra={"HTTP_COOKIE": header})


def auth_in(chance: Random) -> Pair:
    """Invalid credentials are ignored without a 500, and valid ones arrive."""
    user, password = text(chance).replace(":", ""), text(chance)
    user = re.sub("[\x00-\x1f\x7f]", "", user)
    password = re.sub("[\x00-\x1f\x7f]", "", password)
    encoded = b64encode(f"{user}:{password}".encode()).decode()
    at = chance.randrange(len(encoded))
    broken = [
        encoded[:at] + chance.choice(["", "=", "\xff", " ", "-", "\0", "é", "===="]) + encoded[at + 1 :],
        encoded[:at],
        "=" * at,
    ]
    broken += [
        b64encode(no_utf8(chance) + b":x").decode(),
        b64encode(b"nocolon").decode(),
        b64encode(b"").decode(),
        "Og==",
        "\xff" * 9,
    ]
    digest = ['username="', "a", "=", "a=b, ", 'nonce="\\"', "é=1", ",", "x*=utf-8''%ff", "qop=auth", 'uri="/"', " "]
    scheme = chance.choice(
        ["Basic", "basic", "BASIC", "Basic ", "Digest", "Bearer", "Negotiate", "", "\xff", "Basic\t", "é"]
    )
    hostile = f"{scheme}{chance.choice([' ', '', '  '])}{chance.choice([*broken, joined(chance, digest, 6)])}"
    expected = {"type": "basic", "user": user, "password": password, "token": None}
    good = f"{chance.choice(['Basic', 'basic', 'BASIC'])} {encoded}"
    if chance.random() < 0.2:
        token = joined(chance, "abcXYZ019-._~+/", 20) or "t"
        expected, good = {"type": "bearer", "user": None, "password": None, "token": token}, f"Bearer {token}"
    codes = is_code(200, 400, 401)
    return Pair(
        Exchange(APP, codes, path="/auth", extra={"HTTP_AUTHORIZATION": hostile}),
        Exchange(APP, is_json(expected), path="/auth", extra={"HTTP_AUTHORIZATION": good}),
    )


def query_in(chance: Random) -> Pair:
    """Each pair of a query arrives, decoded once. Invalid UTF-8 causes no 500."""
    pairs = [[text(chance), text(chance) if chance.random() < 0.8 else ""] for _ in range(chance.randint(1, 4))]
    odd = [
        "%",
        "%zz",
        "%u1234",
        "=",
        "&",
        "&&",
        "+",
        ";",
        "a",
        "a=",
        "=b",
        "a==b",
        "%00",
        "%26",
        "%3d",
        "%2B",
        "%ED%A0%80",
        "%ff",
        "[]",
        "a[b]",
        "%C3%A9",
    ]
    odd += ["\xff", "\xc3\xa9", " ", "\0", "#", "?", "x" * 3000, "&" * 3000, "a=1&" * 1500, "%25" * 300, '"', "\u2028"]
    query = joined(chance, odd, 8)
    query = query if query.isascii() or chance.random() < 0.5 else tunnelled(query)

    def check(reply: Reply) -> None:
        if len("/query" + query) > 16384:
            assert reply.code == 414
            return
        expected = _pairs_of(query)
        assert reply.code == 200 or (expected is None and reply.code == 400)
        assert expected is None or sorted(reply.json) == sorted(expected)

    told = "&".join(f"{chance.choice([quote, quote_plus])(name, safe='')}={quote_plus(value)}" for name, value in pairs)
    return Pair(
        Exchange(APP, check, path="/query", query=query),
        Exchange(APP, is_sorted_json(pairs), path="/query", query=told),
    )


def _pairs_of(query: str) -> list[list[str]] | None:
    """Parse application/x-www-form-urlencoded as the URL standard does. Return None if it is not UTF-8."""
    found = []
    for piece in query.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            try:
                found.append(
                    [unquote_to_bytes(part.replace("+", " ").encode("latin-1")).decode() for part in (name, value)]
                )
            except ValueError:
                return None
    return found


LABELS = ["site", "test", "a", "WWW", "Example", "1", "a-b", "my_service", "x" * 63]


def host(chance: Random) -> str:
    """Return a host according to RFC 3986, section 3.2.2, with a port according to RFC 9110, section 7.2."""
    name = ".".join(chance.choices(LABELS, k=chance.randint(1, 4)))
    address = chance.choice(["127.0.0.1", "[::1]", "[2001:db8::7]", "[::ffff:1.2.3.4]", "[fe80::A]"])
    port = chance.choice(["", "", ":80", ":8080", ":1", ":65535"])
    return chance.choice([name, name, f"{name}.", address]) + port


def host_malformed(chance: Random) -> Pair:
    """An invalid host is a 400 if the handle reads it. A valid one is in the URL, and the path is unchanged."""
    good = host(chance)
    bad = [
        " ",
        "/",
        "?",
        "#",
        "@",
        "\\",
        ",",
        "\0",
        "\r\n",
        "\t",
        "\x7f",
        "\xff",
        "é",
        '"',
        "<",
        ">",
        "{",
        "|",
        "^",
        "`",
        "%0d%0a",
        "%00",
        "/url?x=",
        "a@",
        "]",
    ]
    at = chance.randint(0, len(good))
    tail = ["x", "99999999", "-1", "80x", "80:80", " 80", "+80", "²", "٣", "0x50", "65536", "8e1"]
    broken = chance.choice(
        [
            good[:at] + chance.choice(bad) + good[at:],
            f"{good.split(':')[0] or 'a'}:{chance.choice(tail)}",
            "[::1",
            "[",
            "[]",
            "[a]x",
            ":",
            ":80",
        ]
    )

    def served(reply: Reply) -> None:
        assert reply.code == 200
        url, name = reply.text.split("\n")
        assert (urlsplit(url).path, urlsplit(url).netloc) == ("/url", name.lower())
        assert name == good.removesuffix(":80")

    target = chance.choice([APP, APP, SWITCH])
    refused = Exchange(target, is_code(400), path="/url", extra={"HTTP_HOST": broken})
    if "\udcff" in broken or (broken.startswith("[") and target is SWITCH):
        refused.check = is_code(400, 404)
    return Pair(refused, Exchange(APP, served, path="/url", extra={"HTTP_HOST": good}))


def trusted(chance: Random) -> Pair:
    """Only the hosts that are named are answered, however near another one comes."""
    name = chance.choice(["www.example.com", "eu.api.example.com", "api.example.com"])
    cased = "".join(chance.choice([char, char.upper()]) for char in name)
    near = [
        f"{name}.evil.example",
        f"evil{name.removeprefix('eu.')}",
        f"{name}.x",
        f"{name}..",
        f"{name}@evil.example",
        f"evil.example/{name}",
    ]
    near += [
        name.replace(".", "-", 2),
        name.replace("e", "е"),
        f"{name}:80@evil.example",
        f"{name}, evil.example",
        f"{name}\0",
        f"{name} ",
        "",
        "example.com",
    ]
    near += [
        f"{name}:evil",
        f"{name}#",
        f"{name}?",
        f"{name}\\",
        f".{name[3:]}",
        "wwwxexample.com",
        "localhost",
        "[::2]",
        "xapi.example.com",
        f"%77{name}",
    ]
    near += [f"{name}:{port}" for port in ("-1", "99999", "80:80", "x")]
    port = chance.choice(["", ":80", ":8080"])

    def served(reply: Reply) -> None:
        assert reply.code == 200
        assert reply.text.lower() == f"{name}{port}".removesuffix(":80")

    hostile = Exchange(TRUSTING, is_code(400), extra={"HTTP_HOST": chance.choice(near), "HTTP_X_FORWARDED_HOST": name})
    return Pair(
        hostile, Exchange(TRUSTING, served, extra={"HTTP_HOST": cased + port, "HTTP_X_FORWARDED_HOST": "evil.example"})
    )


LAYERED = Router()
LAYERED.use(request_id())
LAYERED.use(cors(lambda origin: origin.startswith("https://"), credentials=True))
LAYERED.use(security_headers(hsts=5))
LAYERED.get("/")(lambda request, params: "ok")


def through_middleware(chance: Random) -> Pair:
    """Middleware returns data of the client, names of headers, an origin and an id, safely or not at all."""
    told = chance.choice(
        [path_info(injection(chance)), joined(chance, ["\xff", "日", "\0", "\x0b", "a", " ", "\ud800", "é"], 5)]
    )
    names = (
        "HTTP_ORIGIN HTTP_X_REQUEST_ID HTTP_ACCESS_CONTROL_REQUEST_METHOD HTTP_ACCESS_CONTROL_REQUEST_HEADERS".split()
    )
    plain = dict(zip(names, ["https://a.example", "an-id", "PUT", "x-a, x-b"], strict=True))
    hostile = plain | {name: plain[name] + told for name in chance.sample(names, chance.randint(1, 4))}

    def check(reply: Reply) -> None:
        assert reply.code in (204, 200)
        assert reply.headers.get("x-request-id", "").isalnum() or hostile["HTTP_X_REQUEST_ID"] in (
            "an-id",
            "an-id" + told,
        )
        assert reply.headers.get("access-control-allow-origin") in (None, hostile["HTTP_ORIGIN"])

    def served(reply: Reply) -> None:
        got = reply.headers
        assert (reply.code, got["x-request-id"], got["access-control-allow-origin"]) == (
            204,
            "an-id",
            "https://a.example",
        )
        assert got["access-control-allow-headers"] == "x-a, x-b"

    return Pair(Exchange(LAYERED, check, "OPTIONS", extra=hostile), Exchange(LAYERED, served, "OPTIONS", extra=plain))


_HOP_BY_HOP = (
    "connection keep-alive proxy-authenticate proxy-authorization te trailer trailers transfer-encoding upgrade".split()
)


def header_injection(chance: Random) -> Pair:
    """Invalid headers are not sent, and have no other effect. Valid ones are sent unchanged."""
    try:
        told = path_info(injection(chance)).encode("latin-1").decode()
    except ValueError:
        told = "a\r\nSet-Cookie: a=b"
    place = chance.choice(["value", "name", "status", "go", "location", "cookie", "disposition"])
    if place == "cookie" and chance.random() < 0.3:
        query = f"{chance.choice(['name', 'path'])}={quote(told)}"
    else:
        query = f"v={quote(told)}"
    plain = {
        "value": "a b; c=\xe9",
        "name": "X-Plain",
        "status": "299 Fine",
        "go": "/a?b=c#d",
        "location": "https://example.com/é",
        "cookie": 'é; "b"',
        "disposition": "a b.txt",
    }[place]
    extra = {"query": f"v={quote(plain)}"}
    hostile = Exchange(APP, _nothing_else(place, told, query), path=f"/{place}", query=query, may_fail=True)
    hostile.is_validated = place != "name"
    return Pair(hostile, Exchange(APP, _sent(place, plain), path=f"/{place}", **extra))


def _nothing_else(place: str, told: str, query: str):
    sendable = bool(re.fullmatch("[ -~\x80-\xff]*", told))

    def check(reply: Reply) -> None:
        assert reply.error is None
        names = {name for name, _ in reply.header_list}
        own = {"Content-Type", "Content-Length", "Vary"}
        own |= {"value": {"X-Value"}, "go": {"Location"}, "location": {"Location"}, "cookie": {"Set-Cookie"}}.get(
            place, set()
        )
        own |= {"name": {told}, "disposition": {"Content-Disposition"}}.get(place, set())
        assert names <= own, names - own
        assert len(names) == len(reply.header_list)
        if place == "value":
            assert (reply.code == 200) is sendable
            assert not sendable or reply.headers["x-value"] == told
        elif place == "name":
            is_token = bool(re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", told)) and told.lower() not in _HOP_BY_HOP
            assert (reply.code == 200) is is_token
        elif place in ("go", "location"):
            assert (reply.code == 302) is not re.search("[\x00-\x1f\x7f]", told)
        if reply.code == 500:
            assert "set-cookie" not in reply.headers

    return check


def _sent(place: str, plain: str):
    def check(reply: Reply) -> None:
        headers = reply.headers
        got = {
            "value": (reply.code, headers.get("x-value")) == (200, plain),
            "name": (reply.code, headers.get("x-plain")) == (200, "1"),
            "status": reply.status == plain,
            "go": (reply.code, headers.get("location")) == (302, plain),
            "location": (reply.code, headers.get("location")) == (302, "https://example.com/%C3%A9"),
            "cookie": reply.code == 200 and headers.get("set-cookie", "").startswith("c="),
            "disposition": reply.code == 200 and headers.get("content-disposition") == 'attachment; filename="a b.txt"',
        }
        assert got[place]

    return check


GENERATORS = {
    "cookie_in": cookie_in,
    "auth_in": auth_in,
    "query_in": query_in,
    "host_malformed": host_malformed,
    "header_injection": lambda chance: (header_injection if chance.random() < 0.7 else through_middleware)(chance),
}
