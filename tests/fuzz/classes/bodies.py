"""Bodies: how long they are said to be, and how they end."""

from __future__ import annotations

import io
import json
import re
from contextlib import suppress
from random import Random
from typing import Any
from urllib.parse import quote_plus

from microfn import Router

from ...wsgi import Reply
from .exchange import Exchange, Pair, is_code, is_json
from .forms import FORM, multipart
from .spellings import text
from .wire import FAILURES, wire

LIMIT = 200
"""The limit of a route with its own."""


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
    """Continue wrongly after an error: read again, in another way."""
    with suppress(Exception):
        ALL[request.args["first"]](request)
    return ALL[request.args["then"]](request)


APP = Router()
APP.post("/stubborn")(stubborn)
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
    """Return a claimed length: its digits, with other characters before, between or after them, or instead."""
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
    """Only digits are valid (RFC 9110, section 8.6). A body over the limit is a 413, and a shorter one a 400."""
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
    """A body without a length is read only if the server marks its end. Otherwise reading would block."""
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
    """Return a method to read, the type of a matching body, the body, and the response of the handle."""
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
    if chance.random() < 0.3:  # many servers claim to end the body, but don't if the client disconnects
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


GENERATORS = {
    "content_length": content_length,
    "no_content_length": no_content_length,
    "disconnect": disconnect,
    "truncated_body": truncated_body,
}
