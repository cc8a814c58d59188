"""Bodies: how long they are said to be, how they end, and what forms and JSON may hold."""

from __future__ import annotations

import io
import json
import math
import re
from contextlib import suppress
from random import Random
from typing import Any
from urllib.parse import quote_plus

from microfn import Router

from ...wsgi import Reply
from ..grammars import joined
from .exchange import Exchange, Pair, is_code, is_json, tunnelled
from .spellings import no_utf8, text
from .wire import FAILURES, wire

LIMIT = 200
"""What the route with a limit of its own takes."""
FIELDS, MEMORY, SMALL = 12, 20_000, 1000
"""The limits of the form: parts, bytes of the fields of a multipart form, bytes of a urlencoded one."""

FORM = "application/x-www-form-urlencoded"


def read_in_pieces(request) -> bytes:
    return b"".join(iter(lambda: request.stream.read(5), b""))


def read_into(request) -> bytes:
    got, buffer = b"", bytearray(11)
    while size := request.stream.readinto(buffer):
        got += bytes(buffer[:size])
    return got


def read_the_rest(request) -> bytes:
    return request.stream.readline() + request.stream.read()


READERS = {
    "data": lambda request: request.get_data(),
    "uncached": lambda request: request.get_data(cache=False),
    "property": lambda request: request.data,
    "stream": lambda request: request.stream.read(),
    "pieces": read_in_pieces,
    "into": read_into,
    "lines": lambda request: b"".join(request.stream),
    "rest": read_the_rest,
    "file": lambda request: io.BufferedReader(request.stream).read(),
}
PARSERS = {
    "json": lambda request: json.dumps(request.json).encode(),
    "get_json": lambda request: json.dumps(request.get_json(force=True)).encode(),
    "form": lambda request: json.dumps(request.form.to_dict(flat=False)).encode(),
    "values": lambda request: json.dumps(request.values.to_dict(flat=False)).encode(),
    "files": lambda request: b"".join(file.read() for file in request.files.values()),
}
ALL = READERS | PARSERS


def stubborn(request, params):
    """Goes on after an error, as nobody should: reads again, in another way."""
    with suppress(Exception):
        ALL[request.args["first"]](request)
    return ALL[request.args["then"]](request)


def limited_form(request, params):
    request.max_form_parts = FIELDS
    request.max_form_memory_size = SMALL if request.mimetype == FORM else MEMORY
    fields = [[name, len(value.encode())] for name, value in request.form.items(multi=True)]
    return {"fields": fields, "files": [len(file.read()) for _, file in request.files.items(multi=True)]}


APP = Router()
APP.post("/stubborn")(stubborn)
APP.post("/limits")(limited_form)
APP.post("/value")(lambda request, params: {"value": request.json})
for _name, _read in ALL.items():
    APP.post(f"/{_name}")(lambda request, params, read=_read: read(request))
    APP.post(f"/limited/{_name}", max_content_length=LIMIT)(lambda request, params, read=_read: read(request))


def is_body(data: bytes):
    def check(reply: Reply) -> None:
        assert (reply.code, reply.body) == (200, data)

    return check


def some_bytes(chance: Random, most: int = 60) -> bytes:
    return bytes(chance.choices(b"ab\r\n\0\xff=&0123", k=chance.randint(1, most)))


def post(path: str, check: Any, body: bytes = b"", query: str = "", **extra: Any) -> Exchange:
    return Exchange(APP, check, "POST", path, query, body, extra)


def claimed(chance: Random, length: int) -> str:
    """What is said of a length: its digits, with something before, between, behind or in place of them."""
    digits = str(length)
    odd = [
        "+",
        "-",
        " ",
        "\t",
        "_",
        ",",
        ";",
        ".",
        "e",
        "0x",
        "0b",
        "0",
        "00",
        "\0",
        "\x0b",
        "\x1c",
        "\x85",
        "\xa0",
        '"',
        "²",
        "½",
        "é",
        "٣",
        "５",
    ]
    odd += [f", {digits}", "e0", ".0", "L", "n", "_0", "\r\n", " 0", "/1", "%30", "9" * 30, "9" * 5000]
    at = chance.choice([0, 0, len(digits), chance.randint(0, len(digits))])
    return chance.choice([digits[:at] + chance.choice(odd) + digits[at:], chance.choice(odd) * chance.randint(1, 2)])


def content_length(chance: Random) -> Pair:
    """Digits and nothing else (RFC 9110, section 8.6); what is over the limit is a 413, what does not come a 400."""
    body, name = some_bytes(chance), chance.choice([*READERS])
    told = claimed(chance, len(body))
    if chance.random() < 0.2:
        size = LIMIT + chance.choice([1, 2, 10**9])
        hostile = post(f"/limited/{name}", is_code(413), b"x" * min(size, 300), CONTENT_LENGTH=str(size))
        return Pair(hostile, post(f"/limited/{name}", is_body(b"x" * LIMIT), b"x" * LIMIT))
    return Pair(
        post(f"/{name}", _foreseen(told, body), body, CONTENT_LENGTH=told), post(f"/{name}", is_body(body), body)
    )


def _foreseen(told: str, body: bytes):
    if not re.fullmatch("[0-9]+", told):
        return is_code(400)
    length = int(told[:4000]) * 10 ** len(told[4000:])
    if length > 16 * 1024 * 1024:
        return is_code(413)
    return is_code(400) if length > len(body) else is_body(body[:length])


def no_content_length(chance: Random) -> Pair:
    """A body without a length is read only where the server ends it; elsewhere reading would block for ever."""
    body, name = some_bytes(chance), chance.choice([*READERS])
    extra = {
        "CONTENT_LENGTH": chance.choice([None, ""]),
        "HTTP_TRANSFER_ENCODING": chance.choice([None, "chunked", "gzip, chunked"]),
    }
    extra["wsgi__input_terminated"] = chance.choice([None, False])
    ended = {**extra, "wsgi__input_terminated": True}
    if chance.random() < 0.2:
        large = b"x" * (LIMIT + chance.randint(1, 100))
        hostile = post(f"/limited/{name}", is_code(413), **ended, wsgi__input=wire(chance, large, allowed=None))
        whole = wire(chance, large[:LIMIT], allowed=None)
        return Pair(hostile, post(f"/limited/{name}", is_body(large[:LIMIT]), **ended, wsgi__input=whole))
    hostile = post(f"/{name}", is_body(b""), **extra, wsgi__input=wire(chance, body, allowed=0))
    return Pair(hostile, post(f"/{name}", is_body(body), **ended, wsgi__input=wire(chance, body, allowed=None)))


def sent(chance: Random) -> tuple[str, str, bytes, Any]:
    """A way to read, the type of a body that can be read so, the body, and what the handle answers then."""
    kind = chance.choice(["raw", "raw", "json", "form", "multipart"])
    if kind == "json":
        value = {"a": [text(chance)] * chance.randint(1, 5)}
        return chance.choice(["json", "get_json"]), "application/json", json.dumps(value).encode(), is_json(value)
    if kind == "form":
        value = text(chance)
        return (
            chance.choice(["form", "values"]),
            FORM,
            f"a={quote_plus(value)}&b=".encode(),
            is_json({"a": [value], "b": [""]}),
        )
    if kind == "multipart":
        content = some_bytes(chance)
        return "files", "multipart/form-data; boundary=b", multipart([("f", "x.txt", content)]), is_body(content)
    body = some_bytes(chance)
    return chance.choice([*READERS]), "text/plain", body, is_body(body)


def _interrupted(chance: Random, error: Exception | None) -> Pair:
    """A body of which only the begin comes: never is that taken for all of it, however it is read, and read again."""
    name, kind, body, whole = sent(chance)
    begin = body[: chance.randrange(len(body))]
    extra = {"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body))}
    if chance.random() < 0.3:  # many servers say that they end the body, and do not where the client goes
        extra["wsgi__input_terminated"] = True
    if error is not None and chance.random() < 0.3:
        extra |= {"wsgi__input_terminated": True, "CONTENT_LENGTH": None}
    allowed = None if "wsgi__input_terminated" in extra else len(body)
    broken = wire(chance, begin, allowed=allowed, error=error)
    twin = post(
        f"/{name}",
        whole,
        CONTENT_TYPE=kind,
        CONTENT_LENGTH=str(len(body)),
        wsgi__input=wire(chance, body, allowed=len(body)),
    )
    if chance.random() < 0.3:
        first = chance.choice([other for other in ALL if other != "file"])  # that closes the stream behind it
        query = f"first={first}&then={name}"
        return Pair(post("/stubborn", is_code(400), query=query, **extra, wsgi__input=broken), twin)
    return Pair(post(f"/{name}", is_code(400), **extra, wsgi__input=broken), twin)


def disconnect(chance: Random) -> Pair:
    return _interrupted(chance, chance.choice(FAILURES))


def truncated_body(chance: Random) -> Pair:
    return _interrupted(chance, None)


def multipart(parts: list[tuple[str, str | None, bytes]], boundary: str = "b") -> bytes:
    """A form as browsers send it: fields, and files that have a name of their own."""
    written = b""
    for name, file, content in parts:
        named = f'; filename="{file}"' if file is not None else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
        written += tunnelled(head).encode("latin-1") + content + b"\r\n"
    return written + f"--{boundary}--\r\n".encode()


def form_dos(chance: Random) -> Pair:
    """The limits of a form hold for all of it; what is just below them is served."""
    make = chance.choice([_too_many_fields, _too_large_fields, _too_long_query, _broken_form])
    return make(chance)


def _form(check: Any, parts: list[tuple[str, str | None, bytes]]) -> Exchange:
    return post("/limits", check, multipart(parts), CONTENT_TYPE="multipart/form-data; boundary=b")


def _seen(parts: list[tuple[str, str | None, bytes]]) -> Any:
    fields = [[name, len(content)] for name, file, content in parts if file is None]
    files = [len(content) for _, file, content in parts if file is not None]
    return is_json({"fields": fields, "files": files})


def _too_many_fields(chance: Random) -> Pair:
    parts = [("a", chance.choice([None, "x"]), b"x" * chance.randint(0, 3)) for _ in range(FIELDS)]
    more = [("a", chance.choice([None, "x"]), b"")] * chance.randint(1, 300)
    # In order: the names of a MultiDict come together, all of them are one here.
    return Pair(_form(is_code(413), parts + more), _form(_seen(parts), parts))


def _too_large_fields(chance: Random) -> Pair:
    """Also where no single field is too large; what a file takes is not memory."""
    count = chance.randint(1, FIELDS - 1)
    cuts = sorted(chance.randint(0, MEMORY) for _ in range(count - 1))
    sizes = [end - begin for begin, end in zip([0, *cuts], [*cuts, MEMORY], strict=True)]
    parts: list[tuple[str, str | None, bytes]] = [("a", None, b"x" * size) for size in sizes]
    if chance.random() < 0.3:
        parts.insert(chance.randint(0, count), ("f", "x.bin", b"y" * chance.choice([10, MEMORY + 10, 5 * MEMORY])))
    at = chance.choice([place for place, part in enumerate(parts) if part[1] is None])
    over = [*parts[:at], ("a", None, parts[at][2] + b"x"), *parts[at + 1 :]]
    return Pair(_form(is_code(413), over), _form(_seen(parts), parts))


def _too_long_query(chance: Random) -> Pair:
    if chance.random() < 0.5:
        fields = "&".join(["a=1"] * FIELDS)
        over = fields + "&" * chance.choice([1, 1, 500])
        expected = {"fields": [["a", 1]] * FIELDS, "files": []}
    else:
        fields = "a=" + "x" * (SMALL - 2)
        over = fields + chance.choice(["x", "%41", "x" * 5000])
        expected = {"fields": [["a", SMALL - 2]], "files": []}
    return Pair(
        post("/limits", is_code(413), over.encode(), CONTENT_TYPE=FORM),
        post("/limits", is_json(expected), fields.encode(), CONTENT_TYPE=FORM),
    )


PIECES = [
    b"--b",
    b"--b--",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"--",
    b"Content-Disposition: form-data; name=a",
    b'; name="a\\"',
    b": ",
    b"\0",
]
PIECES += [
    b"Content-Disposition: form-data; filename=x; name*=utf-8''%ff",
    b"Content-Length: -1",
    b"Content-Type: a; charset=zlib",
]
PIECES += [
    b"\xff",
    b"x" * 500,
    b" folded",
    b"Content-Transfer-Encoding: base64",
    b"; filename=../x",
    b"Content-Disposition: attachment",
]
BOUNDARIES = [
    "b",
    '"b"',
    "",
    '"',
    "\xff",
    "b;b",
    "b" * 3000,
    "b, b",
    "-",
    "\\",
    "b; charset=utf-16",
    "b; boundary=c",
    "é",
]


def _broken_form(chance: Random) -> Pair:
    body = b"".join(chance.choices(PIECES, k=chance.randint(1, 30)))
    kind = f"multipart/{chance.choice(['form-data', 'mixed', ''])}; boundary={chance.choice(BOUNDARIES)}"
    if chance.random() < 0.2:
        kind = chance.choice(["multipart/form-data", FORM, f"{FORM}; charset=utf-7", f"{FORM}; charset=zlib"])
    value = text(chance).encode()
    parts = [("a", None, value), ("f", "x", b"\0" + value)]
    return Pair(post("/limits", is_code(200, 400, 413), body, CONTENT_TYPE=kind), _form(_seen(parts), parts))


def value(chance: Random, depth: int = 3) -> Any:
    """Any value that JSON has."""
    kinds = [None, True, False, 0, -1, 10**20, 1.5, -2.5e-7, 1e300, "", "é😀", text(chance), '\u2028\x7f\\"/', "\0\x1f"]
    if depth == 0 or chance.random() < 0.3:
        return chance.choice(kinds)
    size = chance.randint(0, 3)
    if chance.random() < 0.5:
        return [value(chance, depth - 1) for _ in range(size)]
    return {chance.choice(["a", "b", "", "é", text(chance)]): value(chance, depth - 1) for _ in range(size)}


def written(chance: Random, what: Any) -> str:
    """A JSON text of it, with white space and escapes of any kind (RFC 8259)."""
    blank = joined(chance, [" ", "\n", "\t", "\r"], 2)
    plain = json.dumps(what, ensure_ascii=chance.random() < 0.5, separators=(f",{blank}", f"{blank}:"))
    return blank + plain + blank


NO_JSON = [
    "",
    " ",
    "NaN",
    "[Infinity]",
    "-Infinity",
    "[1,]",
    '{"a":1,}',
    "{a:1}",
    "{'a':1}",
    "[1 2]",
    "01",
    "+1",
    ".5",
    "1.",
    "0x1",
    "1_0",
]
NO_JSON += [
    "True",
    "None",
    "nul",
    '"\t"',
    '"\\x41"',
    '"\\u12"',
    '"\\ud800"',
    '["\\udc00\\ud800"]',
    "[1]]",
    "//\n1",
    "/**/1",
    "1e999",
    "-1e999",
]
NO_JSON += [
    "[" * 501 + "]" * 501,
    '{"a":' * 501 + "1" + "}" * 501,
    "[" * 50_000,
    "9" * 10_000,
    "[" + "9" * 5000 + "]",
    "-",
    '"',
    "1e",
    "{}{}",
]
NO_JSON += [
    "\ufeff{}",
    "[1,\xa01]",
    "\x0b1",
    "\u20281",
    "1\0",
    "\0",
    '{"a"}',
    "{1:2}",
    "[,]",
    '{"\\ud83d":1}',
    "２",
    "tru\u0065x",
]


def no_json(chance: Random) -> bytes:
    what = chance.random()
    if what < 0.5:
        return chance.choice(NO_JSON).encode()
    whole = written(chance, [value(chance), "x"]).strip()
    if what < 0.7:
        return whole[: chance.randrange(len(whole))].encode("utf-8", "surrogatepass")
    if what < 0.8:
        return whole.encode() + chance.choice([b",", b"]", b"x", b"\0", b"null", b"\x00\x00"])
    if what < 0.9:
        return b'["a' + no_utf8(chance) + b'"]'
    return whole.encode(chance.choice(["utf-16", "utf-32", "utf-16-le", "utf-8-sig"]))


def json_body(chance: Random) -> Pair:
    """What RFC 8259 has no place for is a 400, and what it has arrives, also 500 levels deep."""
    good = value(chance) if chance.random() < 0.9 else json.loads("[" * 499 + "]" * 499)
    kind = chance.choice(
        ["application/json", "application/json; charset=utf-8", "application/problem+json", "Application/JSON"]
    )
    hostile = post("/value", is_code(400), no_json(chance), CONTENT_TYPE=kind)
    hostile.extra["CONTENT_LENGTH"] = str(len(hostile.body))
    return Pair(hostile, post("/value", _is_value(good), written(chance, good).encode(), CONTENT_TYPE=kind))


def _is_value(expected: Any):
    def check(reply: Reply) -> None:
        assert reply.code == 200
        got = reply.json["value"]
        assert got == expected
        assert type(got) is type(expected) or (isinstance(got, float) and math.isfinite(got))

    return check


PARAMETERS = [
    "charset=utf-8",
    "charset=nope",
    "charset=zlib",
    "charset=utf-16",
    'charset="',
    "charset",
    "=",
    "a=b;" * 200,
    "é=1",
    "q*=utf-8''%ff",
    "\0",
]
OTHERS = [
    "text/plain",
    "application/jsonp",
    "text/json",
    "application/x-json",
    "application/json/x",
    "application",
    "/json",
    "json",
    "",
    "/",
]
OTHERS += [
    "application/json, text/html",
    "text/html, application/json",
    "text/plain;application/json",
    FORM,
    "multipart/form-data",
    "a" * 5000,
]
OTHERS += [
    "application/json+x",
    "application/+xml",
    "image/svg+json",
    "\xff",
    "application\\json",
    "application /json",
    "*/*",
    "application/*",
]


def content_type(chance: Random) -> Pair:
    """What is not said to be JSON is a 415, so that no page of another site can send it (a form has three types)."""
    kind = chance.choice([*OTHERS, "application/json", "application/a+json"])
    is_other = kind in OTHERS
    kind += "".join(";" + chance.choice(["", " "]) + chance.choice(PARAMETERS) for _ in range(chance.randint(0, 2)))
    check = is_code(415) if is_other else is_code(200, 400, 415)
    own = chance.choice(
        [
            "application/json",
            "APPLICATION/json",
            "application/json;charset=UTF-8",
            "application/vnd.api+json",
            "application/json ; a=b",
        ]
    )
    return Pair(
        post("/value", check, b"{}", CONTENT_TYPE=kind), post("/value", is_json({"value": {}}), b"{}", CONTENT_TYPE=own)
    )


GENERATORS = {
    "content_length": content_length,
    "no_content_length": no_content_length,
    "disconnect": disconnect,
    "truncated_body": truncated_body,
    "form_dos": form_dos,
    "json_body": json_body,
    "content_type": content_type,
}
