"""JSON documents: valid ones, and their content types."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

from microfn import Router

from ...wsgi import Reply
from ..grammars import joined
from .exchange import Exchange, Pair, is_code, is_json
from .forms import FORM
from .spellings import no_utf8, text

APP = Router()
APP.post("/")(lambda request, params: {"value": request.json})


def post(check: Any, body: bytes, kind: str) -> Exchange:
    return Exchange(APP, check, "POST", body=body, extra={"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body))})


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
    "\ufeff\ufeff{}",
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
    return whole.encode(chance.choice(["utf-16", "utf-32", "utf-16-le"]))


def json_body(chance: Random) -> Pair:
    """Invalid JSON (RFC 8259) is a 400, and valid JSON arrives, even 500 levels deep."""
    good = value(chance) if chance.random() < 0.9 else json.loads("[" * 499 + "]" * 499)
    kind = chance.choice(
        ["application/json", "application/json; charset=utf-8", "application/problem+json", "Application/JSON"]
    )
    hostile = post(is_code(400), no_json(chance), kind)
    mark = chance.choice(["", "", "", "\ufeff"])  # RFC 8259, section 8.1: it may be read over
    return Pair(hostile, post(_is_value(good), (mark + written(chance, good)).encode(), kind))


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
    """Another content type is a 415, so that no page of another site can send JSON (a form has three types)."""
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
    return Pair(post(check, b"{}", kind), post(is_json({"value": {}}), b"{}", own))


GENERATORS = {"json_body": json_body, "content_type": content_type}
