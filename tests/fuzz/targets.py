"""Targets of the fuzzers. Each accepts bytes, and raises if a condition fails.

The conditions hold for any input: an index agrees with the tree, a Location leads back to its path, and a response can
be sent.
"""

from __future__ import annotations

import http.client
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

from werkzeug.exceptions import UnprocessableEntity

from microfn import Router
from microfn.errors import RouteError
from microfn.http import headers, problems
from microfn.routing import paths
from microfn.routing.index import Index
from microfn.routing.pattern import parse
from microfn.routing.tree import Tree

from .. import invariants, model
from ..wsgi import call, environ_of

_LOCATION = re.compile(r"/(?![/\\])[!-~]*")
_SENDABLE = re.compile("[ -~\x80-\xff]*")


def decoding(data: bytes) -> None:
    """A path is the UTF-8 that it was, or refused."""
    tunnelled = data.decode("latin-1")
    try:
        path = paths.decode_path(tunnelled)
    except ValueError:
        try:
            data.decode()
        except ValueError:
            return
        raise
    assert (path.encode() or b"/") == (data or b"/")
    assert paths.to_wsgi_str(path) == (tunnelled or "/")


def cleaning(data: bytes) -> None:
    """A clean path stays as it is, goes nowhere above, and cannot be cleaned further."""
    path = data.decode("utf-8", "surrogateescape")
    clean = paths.clean_path(path)
    assert paths.clean_path(clean) == clean
    assert clean[0] == "/"
    assert not {"", ".", ".."}.intersection(clean[1:].split("/")[:-1])
    assert clean.split("/")[-1] not in (".", "..")
    assert not paths.is_clean(path) or clean == path


def looking_up(data: bytes) -> None:
    """Patterns, one per line, and below them paths. The tree agrees with the model, and the index with the tree."""
    patterns, _, asked = data.decode("utf-8", "ignore").partition("\n\n")
    for overlap in False, True:
        tree, judge, taken = Tree(overlap=overlap), model.Model(overlap=overlap), []
        for text in patterns.split("\n")[:12]:
            is_accepted = judge.add(text, text)
            try:
                pattern = parse(text)
                tree.add(pattern, text)
            except RouteError:
                assert not is_accepted
                continue
            assert is_accepted
            taken.append(("GET", pattern, text))
        invariants.check(tree, judge.routes)
        index = Index(taken)
        for path in asked.split("\n")[:12]:
            handle, params, _ = expected = judge.get_value(path)
            assert tree.get_value(path) == expected
            assert tree.find_case_insensitive_path(path, True) in (judge.spellings(path, True) or {None})
            value, found = index.find("GET", paths.to_wsgi_str(path))
            assert value == handle
            if handle is not None and len({name for name, _ in params}) == len(params):
                assert found == dict(params)


def redirecting(data: bytes) -> None:
    """SCRIPT_NAME, path and query, one per line. The Location leads back to the path, on this site."""
    place, path, query, *_ = [*data.decode("utf-8", "ignore").split("\n"), "", "", ""]
    path = "/" + path
    if not paths.is_same_site(path):
        return
    location = paths.location(place, path, query)
    assert _LOCATION.fullmatch(location)
    assert urlsplit(urljoin("https://site.test/a/b", location)).netloc == "site.test"
    written = unquote_to_bytes(location.partition("?")[0])
    assert written.endswith(path.encode())


def gating(data: bytes) -> None:
    """A status, a name and a value, a line each (`|` ends a line within one): read as they were said, or refused."""
    line, name, value = [*data.decode("latin-1").split("\n", 2), "", ""][:3]
    line, name, value = (text.replace("|", "\r\n") for text in (line, name, value))
    try:
        headers.validate_headers(line, [(name, value)])
    except ValueError:
        harmless = re.fullmatch("[2-5][0-9][0-9] [ -~]*", line) and re.fullmatch("X-[a-z]+", name)
        assert not (harmless and re.fullmatch("[ -~]*", value))
        return
    sent = f"HTTP/1.1 {line}\r\n{name}: {value}\r\n\r\n".encode("latin-1")
    assert sent.count(b"\n") == sent.count(b"\r") == 3
    file = io.BytesIO(sent)
    assert file.readline().split(b" ", 2)[1] in {b"%d" % status for status in range(200, 600)}
    assert [(name, value.lstrip(" ")) for name, value in http.client.parse_headers(file).items()] == [
        (name, value.lstrip(" "))
    ]
    assert name.lower() not in ("connection", "transfer-encoding", "upgrade", "te", "trailer")


def leading(data: bytes) -> None:
    """A location of a handle. The header is ASCII, stays unchanged, and leads to the same place."""
    given = data.decode("utf-8", "surrogateescape")
    try:
        location = headers.as_uri(given)
    except ValueError:
        assert re.search("[\x00-\x1f\x7f]", given)
        return
    assert re.fullmatch("[!-~]*", location)
    if re.fullmatch(r"[\w/?#&=%:;.-]*", given, re.ASCII):
        assert location == given
    elif given.startswith("/") and not given.startswith(("//", "/\\")):
        assert re.match(r"/(?![/\\])", location)
        assert headers.as_uri(location) == location
        assert _without_marks(location) == _without_marks(given)
    elif host := re.match(r"(?:https?:)?//([a-z.]+)(?=[/?#]|$)", given):
        assert urlsplit(location).netloc == host[1]


def _without_marks(url: str) -> bytes:
    """The bytes that a URL stands for; an empty query or fragment counts for nothing."""
    return re.sub(b"[?#]", b"", unquote_to_bytes(url.encode("utf-8", "surrogatepass")))


class _Texts(HTMLParser):
    """The elements of a page, and its texts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def explaining(data: bytes) -> None:
    """An Accept header, and below it the detail of an error, which the page shows literally."""
    accept, _, detail = data.partition(b"\n")
    detail = detail.decode("utf-8", "ignore").replace("\r", " ").replace("\0", "0")
    environ = environ_of(HTTP_ACCEPT=accept.decode("latin-1"))
    line, pairs, body = problems.error_page(UnprocessableEntity(detail), environ)
    told, content = dict(pairs), b"".join(body)
    assert told["Content-Length"] == str(len(content))
    assert told["Vary"] == "Accept"
    if told["Content-Type"] == "application/problem+json":
        assert json.loads(content) == {"type": "about:blank", "title": line[4:], "status": 422, "detail": detail}
    elif told["Content-Type"] == "text/plain; charset=utf-8":
        assert content.decode() == f"{line}\n{detail}\n"
    else:
        assert told["Content-Type"] == "text/html; charset=utf-8"
        assert b"html" in accept.lower() or b"text/*" in accept.lower()
        page = _Texts()
        page.feed(content.decode())
        page.close()
        assert page.tags == ["html", "meta", "meta", "title", "style", "h1", "b", "p"]
        assert "".join(page.texts).endswith(f"\n{detail}\n")


def _application() -> Router:
    app = Router()
    app.get("/text/:value")(lambda request, params: params["value"])
    app.get("/header/:value")(lambda request, params: ("", 200, {"X-Value": params["value"]}))
    app.get("/status/:value")(lambda request, params: ("", params["value"]))
    app.get("/location/:value")(lambda request, params: ("", 302, {"Location": params["value"]}))
    app.get("/Docs/")(lambda request, params: "docs")
    app.post("/json")(lambda request, params: {"got": request.json})
    app.post("/form")(lambda request, params: request.form.to_dict())
    return app


_app = _application()


def answering(data: bytes) -> None:
    """The path, Accept and a cookie, one per line, and a body. The response can always be sent."""
    path, accept, cookie, body = [*data.split(b"\n", 3), b"", b"", b""][:4]
    headers = {"HTTP_ACCEPT": accept.decode("latin-1"), "HTTP_COOKIE": cookie.decode("latin-1")}
    method = "POST" if body else "GET"
    kind = "application/json" if path.startswith(b"/json") else "application/x-www-form-urlencoded"
    got = call(_app, method, path.decode("latin-1"), body=body, validate=False, CONTENT_TYPE=kind, **headers)
    assert got.error is None
    assert got.code < 500 or path.lower().lstrip(b"/").startswith((b"header/", b"status/", b"location/"))
    assert all(_SENDABLE.fullmatch(name + value) for name, value in got.header_list)
    assert 200 <= got.code <= 599
    length = got.headers.get("content-length")
    assert length is None or int(length) == len(got.body)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (answering, cleaning, decoding, explaining, gating, leading, looking_up, redirecting)
}
