"""Forms: limits for the whole form, and malformed ones."""

from __future__ import annotations

from random import Random
from typing import Any

from microfn import Router

from .exchange import Exchange, Pair, is_code, is_json, tunnelled
from .spellings import text

FORM = "application/x-www-form-urlencoded"
FIELDS, MEMORY, SMALL = 12, 20_000, 1000
"""The limits of the form: parts, bytes of the fields of a multipart form, bytes of a urlencoded one."""


def limited_form(request, params):
    request.max_form_parts = FIELDS
    request.max_form_memory_size = SMALL if request.mimetype == FORM else MEMORY
    fields = [[name, len(value.encode())] for name, value in request.form.items(multi=True)]
    return {"fields": fields, "files": [len(file.read()) for _, file in request.files.items(multi=True)]}


APP = Router()
APP.post("/")(limited_form)


def post(check: Any, body: bytes, kind: str) -> Exchange:
    return Exchange(APP, check, "POST", body=body, extra={"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body))})


def multipart(parts: list[tuple[str, str | None, bytes]], boundary: str = "b") -> bytes:
    """A form as browsers send it: fields, and files that have a name of their own."""
    written = b""
    for name, file, content in parts:
        named = f'; filename="{file}"' if file is not None else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
        written += tunnelled(head).encode("latin-1") + content + b"\r\n"
    return written + f"--{boundary}--\r\n".encode()


def form_dos(chance: Random) -> Pair:
    """The limits of a form apply to all of it. A form just below them is served."""
    make = chance.choice([_too_many_fields, _too_large_fields, _too_long_query, _broken_form])
    return make(chance)


def _form(check: Any, parts: list[tuple[str, str | None, bytes]]) -> Exchange:
    return post(check, multipart(parts), "multipart/form-data; boundary=b")


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
    """Even if each field is small enough. Files don't count as memory."""
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
        post(is_code(413), over.encode(), FORM),
        post(is_json(expected), fields.encode(), FORM),
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
    return Pair(post(is_code(200, 400, 413), body, kind), _form(_seen(parts), parts))


GENERATORS = {"form_dos": form_dos}
