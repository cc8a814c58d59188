"""The slowest accepted or refused input of each place that reads text of clients.

`python -m tests.worst` prints the times. A search combined beginnings, units and ends, and kept the slowest. Times
are those of the thread's CPU, the best of three, for a whole request.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec
from pydantic import TypeAdapter

from benchmarks.tables import routes
from microfn import HostSwitch, Request, Router, abort
from microfn.middleware import access_log, cors, request_id, security_headers

from .wsgi import environ_of

MIB = 1 << 20
ANY_SIZE = 256 * 1024
"""Bytes of a header or a target. By default, no server accepts more."""
FIXED = 0.05
"""Seconds that no request needs except for its body."""
PER_MIB = 0.5
"""Seconds that a MiB of a body takes at most."""
REFERENCE = 0.0055
"""Seconds of `_reference` on the machine that measured the figures in the documentation."""


class Input(NamedTuple):
    """One kind of input: `make(size)` is the environ and the body of one that is so large."""

    make: Callable[[int], tuple[dict[str, Any], bytes]]
    size: int
    status: int
    app: str = "plain"
    per_mib: float = PER_MIB

    @property
    def bound(self) -> float:
        """Seconds."""
        length = len(self.make(self.size)[1])
        return FIXED + self.per_mib * length / MIB


class Tree(msgspec.Struct):
    """An object in an object, and a number that may be wrong in each."""

    n: int = 0
    a: Tree | None = None


class Search(msgspec.Struct):
    """A query with a list."""

    n: int = 0
    tags: list[str] = []


def plain() -> Router:
    """An application that reads all that there is to be read."""
    app = Router()
    for method, pattern in routes(5000):
        app.handle(method, pattern, lambda request, params: "")
    app.get("/Ünï/:a/Straße/*rest")(lambda request, params: "")
    app.get("/files/*path")(lambda request, params: params["path"])
    app.get("/numbers/:id", convert={"id": int})(lambda request, params: str(len(params)))
    app.get("/decimals/:id", convert={"id": float})(lambda request, params: str(len(params)))
    app.serve_files("/static/*path", "../docs", index="index.md", fallback="index.md", precompressed=True)
    app.get("/teapot")(lambda request, params: abort(418))
    for method in "GET", "POST":
        app.handle(method, "/read/:name", read)
    app.post("/lines")(lambda request, params: str(sum(map(len, request.stream))))
    app.post("/data")(lambda request, params: str(len(request.get_data())))
    app.post("/numbers", valid=TypeAdapter(list[int]).validate_python)(lambda request, params: str(len(request.valid)))
    app.post("/own", valid=refuse)(lambda request, params: request.valid)
    app.post("/tree", valid=Tree)(lambda request, params: str(request.valid.n))
    app.get("/search", query=Search)(lambda request, params: str(request.query.n))
    return app


def deep() -> Router:
    """An application with a route of as many params as a path may have."""
    app = Router()
    app.get("".join(f"/:p{number}" for number in range(4000)) + "/End")(lambda request, params: "")
    return app


def overlapping() -> Router:
    """An application whose routes part at each segment, and that has characters which fold into several."""
    app = Router(overlap=True)
    for number in range(256):
        app.get("".join(f"/:p{bit}" if number >> bit & 1 else "/İ" for bit in range(8)) + "/End")(
            lambda request, params: ""
        )
    return app


def read(request: Request, params: dict[str, str]) -> str:
    """Read a property, and use it."""
    value = getattr(request, params["name"])
    if params["name"].startswith("accept_"):
        value.best_match(["text/html", "text/plain", "de/at"])
    return type(value).__name__


def refuse(value: object) -> None:
    """A check that returns its argument in an error."""
    raise ValueError(f"bad: {value}")


def dressed() -> Router:
    """An application with every middleware that needs nothing else."""
    app = Router()
    app.use(request_id(), access_log(lambda line: None), cors(["https://a.example"]), security_headers())
    app.get("/")(lambda request, params: "")
    return app


APPS: dict[str, Any] = {"plain": plain(), "deep": deep(), "dressed": dressed()}
APPS["overlapping"] = overlapping()
APPS["hosts"] = HostSwitch({"*.example.com": APPS["dressed"]}, default=APPS["dressed"])


def repeated(before: str, unit: str, after: str, size: int) -> str:
    """A text of so many characters, up to a unit."""
    return before + unit * ((size - len(before) - len(after)) // len(unit)) + after


def header(name: str, unit: str, *, before: str = "", after: str = "", path: str = "/", **more: str) -> Any:
    """A request with one long header."""
    return lambda size: ({"path": path, **more, name: repeated(before, unit, after, size)}, b"")


def target(unit: str, *, before: str = "/", after: str = "", **more: str) -> Any:
    """A request for a long path."""
    return lambda size: ({**more, "path": repeated(before, unit, after, size)}, b"")


def body(unit: str | bytes, *, before: str = "", after: str = "", path: str = "/read/json", kind: str = "json") -> Any:
    """A request with a long body."""
    content_type = {"json": "application/json", "form": "application/x-www-form-urlencoded"}[kind]
    text = unit.decode("latin-1") if isinstance(unit, bytes) else unit
    environ = {"method": "POST", "path": path, "CONTENT_TYPE": content_type}
    return lambda size: (environ, repeated(before, text, after, size).encode())


def tree(levels: int) -> Any:
    """A request with objects in each other, of which the innermost has many keys, and is wrong."""

    def make(size: int) -> tuple[dict[str, Any], bytes]:
        keys = "".join(f'"n{number:06}":1,' for number in range((size - 6 * levels) // 12))
        text = '{"a":' * levels + "{" + keys + '"n":"x"}' + "}" * levels
        return {"method": "POST", "path": "/tree", "CONTENT_TYPE": "application/json"}, text.encode()

    return make


def parts(count: int, *, name: str = "a", more: str = "", data: str = "x", before: str = "") -> bytes:
    """A multipart body of parts that are all alike."""
    part = f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{data}\r\n'
    return (before + part * count + "--b--\r\n").encode()


def multipart(make: Callable[[int], bytes], boundary: str = "b") -> Any:
    """A request with a multipart form."""
    content_type = f"multipart/form-data; boundary={boundary}"
    return lambda size: ({"method": "POST", "path": "/read/form", "CONTENT_TYPE": content_type}, make(size))


def of_header(title: str, status: int, make: Any, most: int = 65536) -> dict[str, Input]:
    """As long as it may be, and of any size."""
    return {
        title: Input(make, most, status),
        f"{title}, any size": Input(make, ANY_SIZE, status if title.startswith("Accept") else 400),
    }


JSON_UNITS = {
    "numbers": "1,",
    "decimals": "1.5,",
    "empty lists": "[],",
    "lists in lists": "[[[]]],",
    "500 levels": "[" * 498 + "]" * 498 + ",",
    "objects": '{"a":1},',
    "objects with lists": '{"a":[]},',
    "texts": '"ab",',
    "long integers": "1" * 4300 + ",",
}

INPUTS: dict[str, Input] = {
    **of_header("Accept", 200, header("HTTP_ACCEPT", "a/b,", path="/read/accept_mimetypes"), 8192),
    **of_header("Accept-Language", 200, header("HTTP_ACCEPT_LANGUAGE", "-1,", path="/read/accept_languages"), 8192),
    **of_header("Accept-Charset", 200, header("HTTP_ACCEPT_CHARSET", "a,", path="/read/accept_charsets"), 8192),
    **of_header("Accept-Encoding of a file", 200, header("HTTP_ACCEPT_ENCODING", "a,", path="/static/index.md"), 8192),
    **of_header("Accept of a fallback", 200, header("HTTP_ACCEPT", "text/html,", path="/static/nothing"), 8192),
    **of_header("Cookie", 200, header("HTTP_COOKIE", "a;", path="/read/cookies")),
    **of_header(
        "Authorization", 200, header("HTTP_AUTHORIZATION", "a,", before="Digest a=b,", path="/read/authorization")
    ),
    **of_header(
        "Cache-Control", 200, header("HTTP_CACHE_CONTROL", '\\"', before='"', after='"', path="/read/cache_control")
    ),
    **of_header("Content-Type", 200, header("CONTENT_TYPE", "a=1;", before="a/b;", path="/read/mimetype_params")),
    **of_header("X-Forwarded-For", 200, header("HTTP_X_FORWARDED_FOR", "1,", path="/read/access_route")),
    **of_header("Range, read", 200, header("HTTP_RANGE", ",", before="bytes=", path="/read/range")),
    **of_header("If-None-Match", 200, header("HTTP_IF_NONE_MATCH", "a,", path="/static/index.md")),
    **of_header("If-Match", 412, header("HTTP_IF_MATCH", "a,", path="/static/index.md")),
    **of_header("If-Range", 200, header("HTTP_IF_RANGE", "a b", path="/static/index.md", HTTP_RANGE="bytes=0-")),
    **of_header("If-Modified-Since", 200, header("HTTP_IF_MODIFIED_SINCE", "Mon, ", path="/static/index.md")),
    "Range of a file, any size": Input(
        header("HTTP_RANGE", "1-1,", before="bytes=", path="/static/index.md"), ANY_SIZE, 200
    ),
    "Accept of an error": Input(header("HTTP_ACCEPT", "a/b,", path="/teapot"), 2048, 418),
    "Accept of an error, any size": Input(header("HTTP_ACCEPT", "a/b,", path="/teapot"), ANY_SIZE, 418),
    "Accept of blanks, of an error": Input(
        header("HTTP_ACCEPT", "\t", before="a/", after="b", path="/teapot"), 2048, 418
    ),
    "Accept of blanks": Input(
        header("HTTP_ACCEPT", "\t", before="a/", after="b", path="/read/accept_mimetypes"), 8192, 200
    ),
    "Cookie of blanks": Input(header("HTTP_COOKIE", " ", before="a=", after='"', path="/read/cookies"), 65536, 400),
    "Cookie of some blanks": Input(header("HTTP_COOKIE", "a=" + " " * 31 + '";', path="/read/cookies"), 65536, 200),
    "Host of dots": Input(header("HTTP_HOST", "a.", after="b"), 260, 200, "hosts"),
    "Host of dots, any size": Input(header("HTTP_HOST", "a.", after="b"), ANY_SIZE, 400, "hosts"),
    "X-Request-ID, any size": Input(header("HTTP_X_REQUEST_ID", "a"), ANY_SIZE, 200, "dressed"),
    "Origin, any size": Input(header("HTTP_ORIGIN", "a."), ANY_SIZE, 200, "dressed"),
    "a preflight, any size": Input(
        header(
            "HTTP_ACCESS_CONTROL_REQUEST_HEADERS",
            "a,",
            method="OPTIONS",
            HTTP_ORIGIN="https://a.example",
            HTTP_ACCESS_CONTROL_REQUEST_METHOD="PUT",
        ),
        ANY_SIZE,
        204,
        "dressed",
    ),
    "a path": Input(target("/x", before=""), 8192, 404),
    "a path, any size": Input(target("/x", before=""), ANY_SIZE, 414),
    "a path of slashes": Input(target("/"), 8192, 404),
    "a path of dots": Input(target("/../a"), 8192, 404),
    "a path of dots, any size": Input(target("/../a"), ANY_SIZE, 414),
    "a path of umlauts": Input(target("\xc3\x84/"), 8192, 404),
    "a path whose case is not mended": Input(target("/\xc4\xb0", before="", after="/"), 8192, 404, "deep"),
    "a path where routes overlap": Input(target("x", before="/\xc4\xb0" * 8 + "/"), 8192, 404, "overlapping"),
    "a path with a redirect": Input(target("\xc3\xa9", before="/Files/"), 8192, 301),
    "a redirect with a query, any size": Input(header("query", "\xff", path="/Files/x"), ANY_SIZE, 301),
    "a catch-all, any size": Input(target("/x", before="/files"), ANY_SIZE, 200),
    "a file of many segments, any size": Input(target("a/", before="/static/", after="b.x"), ANY_SIZE, 404),
    "a file in what is no directory, any size": Input(
        target("/a", before="/static/index.md", after=".x"), ANY_SIZE, 404
    ),
    "an integer in a path": Input(target("1", before="/numbers/"), 4309, 200),
    "an integer in a path, any size": Input(target("1", before="/numbers/"), ANY_SIZE, 414),
    "a decimal in a path, any size": Input(target("1", before="/decimals/1."), ANY_SIZE, 200),
    "a query": Input(header("query", "a=%ff&", path="/read/args"), 16384 - 10, 200),
    "a query, any size": Input(header("query", "a=%ff&", path="/read/args"), ANY_SIZE, 414),
    "a URL": Input(header("query", "\xff", path="/read/url"), 16384 - 9, 200),
    "a URL, any size": Input(header("query", "\xff", path="/read/url"), ANY_SIZE, 414),
    "a form of escapes": Input(body("%41", path="/read/form", kind="form"), 500_000, 200),
    "a form of escapes that are no text": Input(body("%ffa", path="/read/form", kind="form"), 500_000, 200),
    "a form of percent signs": Input(body("%", path="/read/form", kind="form"), 500_000, 200),
    "a multipart form, its fields": Input(multipart(lambda size: parts(size, data="x" * 400)), 1000, 200),
    "a multipart form, its files": Input(multipart(lambda size: parts(size, more='; filename="f"')), 1000, 200),
    "a multipart form, its names": Input(multipart(lambda size: parts(size, name='\\"' * 200)), 1000, 200),
    "a multipart form, its headers": Input(multipart(lambda size: parts(size, more="\r\na:b" * 15)), 1000, 200),
    "a multipart form, its parameters": Input(multipart(lambda size: parts(size, more=';a="' * 290)), 400, 200),
    "a multipart form, its quoted strings": Input(multipart(lambda size: parts(size, more=';a="x"' * 149)), 500, 200),
    "a multipart form, its types": Input(
        multipart(lambda size: parts(size, more="\r\nContent-Type: text/plain" + ';a="x"' * 70)), 900, 200
    ),
    "a multipart form, its open quotes": Input(multipart(lambda size: parts(size, more=';a="' + "x" * 7900)), 60, 200),
    "a multipart form, too many quotes": Input(multipart(lambda size: parts(size, more=';a="' * 2000)), 60, 413),
    "a multipart form, before it": Input(
        multipart(lambda size: parts(1, before="\r\n--b x" * (size // 7))), 490_000, 200
    ),
    "a multipart form, behind it": Input(multipart(lambda size: parts(1) + b"\n" * size), MIB, 413),
    **{
        f"a file of {unit!r}": Input(
            multipart(lambda size, unit=unit: parts(1, more='; filename="f"', data=unit * (size // len(unit)))),
            MIB,
            200,
        )
        for unit in ("x", "\r", "\n", "\r\n-", "\r\n--", "--b ", "-")
    },
    "a boundary of 256 hyphens": Input(multipart(lambda size: b"-" * size, boundary="-" * 255 + "x"), 490_000, 200),
    "a boundary, any size": Input(
        lambda size: multipart(lambda _: b"x" * 100, boundary="b" * size)(size), ANY_SIZE, 400
    ),
    **{f"JSON, {name}": Input(body(unit, before="[", after="0]"), MIB // 4, 200) for name, unit in JSON_UNITS.items()},
    "lines": Input(body("x" * 79 + "\n", path="/lines"), MIB, 200),
    "lines that are empty": Input(body("\n", path="/lines"), MIB // 4, 200, per_mib=2),
    "one line": Input(body("x", path="/lines"), MIB, 200),
    "JSON, a text": Input(body("a", before='"', after='"'), MIB // 4, 200),
    "JSON, escapes": Input(body("\\ud83d\\ude00", before='"', after='"'), MIB // 4, 200),
    "JSON, half a pair": Input(body("\\ud83d", before='"', after='"'), MIB // 4, 400),
    "JSON, one key": Input(body('"a":1,', before="{", after='"a":1}'), MIB // 4, 200),
    "JSON, one integer": Input(body("1"), MIB // 4, 400),
    "JSON, one decimal": Input(body("1", before="1."), MIB // 4, 200),
    "JSON, blanks": Input(body(" ", before="1"), MIB // 4, 200),
    "JSON, too deep": Input(body("["), MIB // 4, 400),
    "JSON, too deep, objects": Input(body('{"a":'), MIB // 4, 400),
    "JSON, no end": Input(body("1,", before="["), MIB // 4, 400),
    "JSON that is refused, by pydantic": Input(body('"x",', before="[", after="0]", path="/numbers"), MIB // 4, 422),
    "JSON that is refused, with places": Input(body(" - at `$", before='"', after='"', path="/own"), MIB // 4, 422),
    "JSON that is refused, by msgspec": Input(tree(0), MIB // 4, 422),
    "JSON that is refused, 498 levels in it": Input(tree(497), MIB // 4, 422),
    "a query that is checked": Input(header("query", "tags=a&", path="/search"), 16384 - 12, 200),
    "a query that is refused": Input(header("query", "a=1&", after="n=x", path="/search"), 16384 - 12, 422),
}


def answer(app: Any, environ: dict[str, Any], data: bytes) -> int:
    """The status of one request, whose answer is read to its end."""
    told: list[str] = []
    given = environ_of(**environ, wsgi__input=io.BytesIO(data), CONTENT_LENGTH=str(len(data)) if data else None)
    chunks = app(given, lambda status, headers, exc_info=None: told.append(status))
    for _ in chunks:
        pass
    if hasattr(chunks, "close"):
        chunks.close()
    return int(told[0][:3])


def cost(call: Callable[[], object], rounds: int = 3) -> float:
    """Seconds of CPU that a call takes at best."""
    best = float("inf")
    for _ in range(rounds):
        began = time.thread_time()
        call()
        best = min(best, time.thread_time() - began)
    return best


def cost_of(one: Input, size: int | None = None) -> float:
    """The same for a request."""
    environ, data = one.make(one.size if size is None else size)
    return cost(partial(answer, APPS[one.app], environ, data))


def _reference() -> int:
    return sum(number * number % 7 for number in range(100_000))


def slowness() -> float:
    """How much slower this machine is now than that of the figures; at least 1."""
    return max(1.0, cost(_reference) / REFERENCE)


def main() -> None:
    """Print the time of each input."""
    sys.stdout.write(f"{cost(_reference, 9) * 1000:8.1f} ms  the reference\n")
    for name, one in INPUTS.items():
        length = len(one.make(one.size)[1])
        line = f"{cost_of(one) * 1000:8.1f} ms, {one.bound * 1000:.0f} at most: {name} ({length or one.size:,})\n"
        sys.stdout.write(line)


if __name__ == "__main__":
    main()
