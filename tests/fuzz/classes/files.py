"""Static files: which of them there are, which bytes of them, and whether the client has them already."""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from random import Random
from urllib.parse import unquote

from microfn import Router

from ...wsgi import Reply, call
from ..grammars import joined, path_info, traversal
from .exchange import SECRET, Exchange, Pair, is_code, is_text, tunnelled

CHANGED = 1_000_000_000
"""When all files were changed, in seconds; the clock of the file system is finer than HTTP's."""
WINDOWS = "console.txt auxiliary.js com10 COM0.txt nul-terminated.txt prn1 lpt.txt CLOCK.txt a.con".split()
WINDOWS += ["con-figuration/a.txt"]
NAMES = [
    "a.txt",
    "sub/b.bin",
    "é.txt",
    "a b.txt",
    "%2e",
    "..a",
    "a..",
    "...",
    "sub/.hidden",
    "back\\slash",
    "100%",
    "a:b",
    "x;y",
    "~",
    "-",
]
FILES: dict[str, bytes] = {name: f"the file {name}".encode() for name in [*NAMES, *WINDOWS]}
PACKED = {"p.css": b"plain", "p.css.gz": b"gz", "p.css.br": b"br"}
DIRECTORIES = ["pages", "\\evil", "evil.example", "@evil.example", "é", "..x", "pages/evil.example", "pages/\\evil"]
FILES |= PACKED | {f"{name}/index.html": b"index" for name in DIRECTORIES}
FILES |= {"empty": b"", "one": b"1", "data.bin": bytes(range(256)) + b"end", "big.bin": bytes(range(251)) * 300}


@functools.cache
def public() -> Path:
    """A directory to serve, with all in it and around it that must not be served."""
    around = Path(tempfile.mkdtemp(prefix="microfn-"))
    atexit.register(shutil.rmtree, around)
    root = around / "public"
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
        os.utime(root / name, (CHANGED + 0.75,) * 2)
    for name in "secret.txt", "public-sibling/a.txt", "secret/a.txt":
        (around / name).parent.mkdir(exist_ok=True)
        (around / name).write_text(SECRET, "utf-8")
    for name, target in (
        ("link", "../secret.txt"),
        ("links", "../secret"),
        ("loop", "loop"),
        ("null", "/dev/null"),
        ("root", "/"),
    ):
        (root / name).symlink_to(target)
    (root / "inside").symlink_to("a.txt")
    os.mkfifo(root / "fifo")
    return root


@functools.cache
def app() -> Router:
    router = Router()
    router.serve_files("/files/*path", public())
    router.serve_files("/packed/*path", public(), precompressed=True)
    return router


@functools.cache
def site() -> Router:
    """The same directory at the root, with files for directories."""
    router = Router()
    router.serve_files("/*path", public(), index="index.html", precompressed=True)
    return router


SERVED = FILES | {"inside": FILES["a.txt"]}


def ask(name: str, method: str = "GET", **headers: str) -> Exchange:
    """A request for a file, which is served if there is just this one."""

    def check(reply: Reply) -> None:
        assert (reply.code == 200) is (name in SERVED), name
        assert reply.code in (200, 404)
        if name in SERVED:
            assert reply.headers["content-length"] == str(len(SERVED[name]))
            assert method == "HEAD" or reply.body == SERVED[name]

    return Exchange(app(), check, method, tunnelled(f"/files/{name}"), extra=headers)


def static(chance: Random) -> Pair:
    """A path is served if it is the name of a file in the directory, and by no other way."""
    if chance.random() < 0.3:
        return chance.choice([_packed, _directory])(chance)
    raw = path_info(traversal(chance)).encode("latin-1").decode("utf-8", "ignore")
    odd = [
        "link",
        "links/a.txt",
        "links/../a.txt",
        "loop",
        "null",
        "fifo",
        "root/etc/passwd",
        "",
        "sub",
        "sub/",
        "a.txt/",
        "/a.txt",
    ]
    odd += [str(public() / "a.txt"), str(public().parent / "secret.txt"), "a.txt\0", "A.TXT"]
    name = chance.choice(
        [raw[1:], "/".join([chance.choice(["..", ".", "sub", "links", ""]), chance.choice(odd)]), chance.choice(odd)]
    )
    method = chance.choice(["GET", "HEAD"])
    return Pair(ask(name, method), ask(chance.choice([*SERVED]), method))


def _packed(chance: Random) -> Pair:
    """The content matches its Content-Encoding, and the preference of the client."""
    codings = chance.sample([chance.choice(["br", "BR"]), "gzip", "identity", "*", "deflate"], chance.randint(0, 4))
    weights = {name: chance.choice(["", ";q=0", ";q=0.5", ";q=1", "; q=0.001"]) for name in codings}
    refused = {name.lower() for name, weight in weights.items() if weight == ";q=0"}
    named = {name.lower() for name in codings} - refused
    weight_of = {name.lower(): float(weight.partition("=")[2] or 1) for name, weight in weights.items()}

    def check(reply: Reply) -> None:
        encoding = reply.headers.get("content-encoding")
        assert reply.code == 200
        assert reply.body == {"br": b"br", "gzip": b"gz", None: b"plain"}[encoding]
        assert encoding is None or encoding in named or ("*" in named and encoding not in refused)

    def best(reply: Reply) -> None:
        check(reply)
        br, gzip = (weight_of.get(name, weight_of.get("*", 0)) for name in ("br", "gzip"))
        is_plain = not max(br, gzip) or weight_of.get("identity", 0) > max(br, gzip)
        assert reply.body == (b"plain" if is_plain else b"br" if br >= gzip else b"gz")

    junk = [
        "",
        "br;q=",
        "gzip;q=x",
        ";",
        ",",
        "\xff",
        "*;q=0",
        "br" * 999,
        "gzip;q=2",
        "br;q=-1",
        "gzip;q=nan",
        "br;q=1e5",
    ]
    odd = ",".join(chance.choices(junk, k=3))
    hostile = Exchange(
        app(), lambda reply: _is_packed(reply), path="/packed/p.css", extra={"HTTP_ACCEPT_ENCODING": odd}
    )
    told = ", ".join(name + weight for name, weight in weights.items())
    return Pair(hostile, Exchange(app(), best, path="/packed/p.css", extra={"HTTP_ACCEPT_ENCODING": told}))


def _is_packed(reply: Reply) -> None:
    assert (reply.headers.get("content-encoding"), reply.body) in [("br", b"br"), ("gzip", b"gz"), (None, b"plain")]


def _directory(chance: Random) -> Pair:
    """A directory is sent to its slash, unless a browser would take its name for a host."""
    name = chance.choice(DIRECTORIES)
    before = chance.choice(["", "", "", "/", "//", "/.", "/..", "\\", "/pages/.."])
    path = f"{before}/{name}" + chance.choice(["", "", "", "/", "//", "/.", "/..", "/../", "/x"])
    script = chance.choice(["", "/", "//", "/app"])

    def check(reply: Reply) -> None:
        assert reply.code in (200, 301, 404) or not path.startswith("/")
        if reply.code == 301:
            where = unquote(reply.headers["location"]).removeprefix(script.strip("/") and f"/{script.strip('/')}")
            assert call(site(), path=tunnelled(where)).code == 200

    twin = Exchange(site(), is_text("index"), path=tunnelled(f"/{name}/"))
    return Pair(Exchange(site(), check, path=tunnelled(path), extra={"SCRIPT_NAME": script}), twin)


DEVICES = "CON PRN AUX NUL COM1 COM9 COM¹ LPT1 LPT³ CONIN$ CONOUT$ CLOCK$".split()


def static_windows(chance: Random) -> Pair:
    """Names that Windows reads as a device, as another directory or as another name of a file."""
    device = "".join(chance.choice([str.upper, str.lower])(char) for char in chance.choice(DEVICES))
    device += chance.choice(["", ".txt", ".", " ", ":", ":x", "::$DATA", ".tar.gz", " .txt", "\t"])
    plain = chance.choice(["a.txt", "sub/b.bin", "data.bin"])
    name = chance.choice(
        [
            device,
            f"sub/{device}",
            f"{device}/a.txt",
            plain + chance.choice([".", " ", "...", " . .", "::$DATA", ":x", ":$I30", "\\", "/.", "\u200e"]),
            plain.replace("/", "\\") + chance.choice(["\\", "\\..\\a.txt"]),
            chance.choice(
                [
                    "C:",
                    "c:\\",
                    "\\\\host\\share\\",
                    "//host/share/",
                    "\\\\?\\C:\\",
                    "\\\\.\\",
                    "..\\",
                    "sub\\..\\..\\",
                    "C:../",
                ]
            )
            + plain,
            chance.choice(["secret~1.txt", "PROGRA~1", "a~1.txt", "SUB/B.BIN", "A.TXT"]),
            chance.choice(
                ["..\\secret.txt", "sub\\..\\..\\secret.txt", "..%5csecret.txt", ".. /secret.txt", "..\u2216secret.txt"]
            ),
        ]
    )
    return Pair(ask(name), ask(chance.choice(WINDOWS)))


def ranged(reply: Reply, content: bytes, span: tuple[int, int] | None) -> None:
    """Assert that a reply is all of a file, or a span of it, whose end is exclusive."""
    if span is None:
        assert (reply.code, reply.body) == (200, content)
        assert "content-range" not in reply.headers
        return
    first, end = span
    assert (reply.code, reply.body) == (206, content[first:end])
    assert reply.headers["content-range"] == f"bytes {first}-{end - 1}/{len(content)}"


def span_of(given: str, size: int) -> tuple[int, int] | str | None:
    """Return the span of a single range of bytes (RFC 9110, section 14.1.2), or that it is empty or invalid.

    A server may ignore a range. This one does if a number has more than 19 digits.
    """
    found = re.fullmatch("bytes=([0-9]{,19})-([0-9]{,19})", given)
    if found is None or found[0] == "bytes=-" or (found[1] and found[2] and int(found[1]) > int(found[2])):
        return None
    if not found[1]:
        return (max(0, size - int(found[2])), size) if int(found[2]) and size else "none"
    first, end = int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)
    return (first, end) if first < size else "none"


def number(chance: Random, size: int) -> str:
    return str(chance.choice([0, 1, max(0, size - 1), size, size + 1, chance.randint(0, size), 10**9, 10**18]))


def range_header(chance: Random, size: int) -> str:
    odd = [
        "",
        "-",
        "bytes",
        "=",
        ",",
        "+",
        " ",
        "\t",
        "x",
        "--",
        "0x1",
        "1.5",
        "²",
        "\xff",
        '"',
        ";",
        "bytes=",
        "9" * 5000,
        "\xa0",
    ]
    parts = [chance.choice([number(chance, size), number(chance, size), "", chance.choice(odd)]) for _ in range(2)]
    one = "-".join(parts)
    more = "".join(f",{chance.choice(['', ' '])}{number(chance, size)}-" for _ in range(chance.choice([1, 2, 200])))
    unit = chance.choice(["bytes=", "bytes=", "bytes=", "items=", "bytes =", "bytes= ", "", "bytes:"])
    return chance.choice([f"bytes={one}", f"bytes={one}", f"{unit}{one}", f"bytes={one}{more}", joined(chance, odd, 5)])


def range_(chance: Random) -> Pair:
    """A single range is served, or is empty (416). Other values are not ranges, and are ignored."""
    name = chance.choice(["empty", "one", "data.bin", "big.bin"])
    content, size = FILES[name], len(FILES[name])
    given = range_header(chance, size)
    method = chance.choice(["GET", "GET", "GET", "HEAD"])

    def check(reply: Reply) -> None:
        span = span_of(given, size)
        if method == "HEAD":
            assert (reply.code, reply.headers["content-length"]) == (200, str(size))
        elif span == "none" and (size or reply.code != 200):
            assert (reply.code, reply.headers["content-range"]) == (416, f"bytes */{size}")
        elif span == "none":  # of an empty file there is no part, so all of it is as right
            ranged(reply, content, None)
        else:
            ranged(reply, content, span)

    first = chance.randrange(259)
    last = chance.randint(first, 300)

    def served(reply: Reply) -> None:
        ranged(reply, FILES["data.bin"], (first, min(last + 1, 259)))

    hostile = Exchange(app(), check, method, f"/files/{name}", extra={"HTTP_RANGE": given})
    return Pair(hostile, Exchange(app(), served, path="/files/data.bin", extra={"HTTP_RANGE": f"bytes={first}-{last}"}))


@functools.cache
def etag_of(name: str) -> str:
    return call(app(), path=f"/files/{name}").headers["etag"]


DAYS, MONTHS = "Mon Tue Wed Thu Fri Sat Sun".split(), "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def date(chance: Random, seconds: int) -> str:
    """A date in one of the three formats that there are (RFC 9110, section 5.6.7)."""
    at = time.gmtime(seconds)
    day, month, clock = DAYS[at.tm_wday], MONTHS[at.tm_mon - 1], time.strftime("%H:%M:%S", at)
    whole = {"Tue": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Sat": "Saturday"}.get(day, f"{day}day")
    return chance.choice(
        [
            f"{day}, {at.tm_mday:02} {month} {at.tm_year} {clock} GMT",
            f"{day}, {at.tm_mday:02} {month} {at.tm_year} {clock} GMT",
            f"{whole}, {at.tm_mday:02}-{month}-{at.tm_year % 100:02} {clock} GMT",
            f"{day} {month} {at.tm_mday:2} {clock} {at.tm_year}",
        ]
    )


SINCE = [-400 * 86400, -3600, -1, 0, 1, 3600, 400 * 86400]


def conditions(chance: Random, tag: str) -> tuple[dict[str, str], dict[str, object]]:
    """Return valid preconditions, as headers and by their meaning."""
    headers, meant = {}, {}
    for name in "IF_MATCH", "IF_NONE_MATCH":
        if chance.random() < 0.4:
            tags = chance.choices(
                [tag, f"W/{tag}", '"other"', 'W/"other"', '"a,b"', '""', '"*"'], k=chance.randint(1, 4)
            )
            given = chance.choice([", ", ",", " , ", ",\t"]).join(tags)
            headers[name], meant[name] = ("*", "*") if chance.random() < 0.15 else (given, tags)
    for name in "IF_MODIFIED_SINCE", "IF_UNMODIFIED_SINCE":
        if chance.random() < 0.4:
            meant[name] = CHANGED + chance.choice(SINCE)
            headers[name] = date(chance, meant[name])
    return headers, meant


def outcome(meant: dict[str, object], tag: str) -> int:
    """RFC 9110, section 13.2.2, for GET and HEAD, before any range is looked at."""
    if "IF_MATCH" in meant:
        if meant["IF_MATCH"] != "*" and tag not in meant["IF_MATCH"]:
            return 412
    elif "IF_UNMODIFIED_SINCE" in meant and meant["IF_UNMODIFIED_SINCE"] < CHANGED:
        return 412
    if "IF_NONE_MATCH" in meant:
        weak = {tag.removeprefix("W/"), f"W/{tag}"}
        return 304 if meant["IF_NONE_MATCH"] == "*" or weak.intersection(meant["IF_NONE_MATCH"]) else 200
    if "IF_MODIFIED_SINCE" in meant and meant["IF_MODIFIED_SINCE"] >= CHANGED:
        return 304
    return 200


BROKEN = [
    "",
    "garbage",
    '"',
    "W/",
    'w/"x"',
    "0",
    "-1",
    "Thu, 01 Jan 99999 00:00:00 GMT",
    "Mon, 31 Feb 2020 25:61:61 GMT",
    "\xff",
    "*, *",
    ",,,",
    '"a" "b"',
]
BROKEN += [
    "Mon, 01 Jan 2001 00:00:00 +9999",
    "Mon, 01 Jan 0000 00:00:00 GMT",
    "9" * 5000,
    '"' * 3000,
    "a, " * 1000,
    "Mon, 01 Jan 2001 00:00:00 -0000 (x)",
    "**",
]
IF = ["IF_MATCH", "IF_NONE_MATCH", "IF_MODIFIED_SINCE", "IF_UNMODIFIED_SINCE", "IF_RANGE"]


def cond_headers(chance: Random) -> Pair:
    """Preconditions apply in order, even beside a range. Invalid ones never cause a 500."""
    method, tag, content = chance.choice(["GET", "GET", "HEAD"]), etag_of("data.bin"), FILES["data.bin"]
    headers, meant = conditions(chance, tag)
    if chance.random() < 0.4:
        headers["RANGE"] = chance.choice(["bytes=0-4", "bytes=-3", "bytes=5-", "bytes=999-", "bytes=0-1,3-4"])
    is_current = chance.choice([None, True, False])
    if is_current is not None:
        current, others = (
            [tag, "Sun, 09 Sep 2001 01:46:40 GMT"],
            [f"W/{tag}", '"other"', "Sun, 09 Sep 2001 01:46:41 GMT", "x"],
        )
        headers["IF_RANGE"] = chance.choice(current if is_current else others)

    def check(reply: Reply) -> None:
        code = outcome(meant, tag)
        if code != 200:
            assert reply.code == code, (meant, code)
            assert code == 412 or reply.headers["etag"] == tag
        elif method == "HEAD":
            assert reply.code == 200
        else:
            span = span_of(headers.get("RANGE", ""), len(content)) if is_current is not False else None
            if span == "none":
                assert reply.code == 416
            else:
                ranged(reply, content, span)

    named = {f"HTTP_{name}": text for name, text in headers.items()}
    whole = Exchange(app(), check, method, "/files/data.bin", extra=named)
    broken = named | {f"HTTP_{name}": chance.choice(BROKEN) for name in chance.sample(IF, chance.randint(1, 3))}
    codes = (200, 304, 412) + (206, 416) * (method == "GET")
    return Pair(Exchange(app(), is_code(*codes), method, "/files/data.bin", extra=broken), whole)


GENERATORS = {
    "static": static,
    "static_windows": static_windows,
    "range": range_,
    "cond_headers": cond_headers,
}
