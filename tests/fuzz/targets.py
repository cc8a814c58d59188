"""What is fuzzed: each target takes bytes and raises where something is not as it has to be.

They know what has to hold, not what comes out: an index answers as the tree does, a Location leads back to its path, an
answer can be sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

from microfn import Router, paths
from microfn.errors import RouteError
from microfn.index import Index
from microfn.pattern import parse
from microfn.tree import Tree

from .. import invariants
from ..wsgi import call

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
    assert paths.tunnel(path) == (tunnelled or "/")


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
    """Patterns, a line each, and below them paths: the index has what the tree has."""
    patterns, _, asked = data.decode("utf-8", "ignore").partition("\n\n")
    for overlap in False, True:
        tree, taken = Tree(overlap=overlap), []
        for text in patterns.split("\n")[:12]:
            try:
                pattern = parse(text)
                tree.add(pattern, text)
            except RouteError:
                continue
            taken.append(("GET", pattern, text))
        invariants.check(tree)
        index = Index(taken)
        for path in asked.split("\n")[:12]:
            handle, params = tree.match(path)
            value, found = index.find("GET", paths.tunnel(path))
            assert value == handle
            if handle is not None and len({name for name, _ in params}) == len(params):
                assert found == dict(params)


def redirecting(data: bytes) -> None:
    """SCRIPT_NAME, path and query, a line each: what is written leads back to the path, on this site."""
    place, path, query, *_ = [*data.decode("utf-8", "ignore").split("\n"), "", "", ""]
    path = "/" + path
    if not paths.is_same_site(path):
        return
    location = paths.location(place, path, query)
    assert _LOCATION.fullmatch(location)
    assert urlsplit(urljoin("https://site.test/a/b", location)).netloc == "site.test"
    written = unquote_to_bytes(location.partition("?")[0])
    assert written.endswith(path.encode())


def _application() -> Router:
    app = Router()
    app.get("/text/:value")(lambda request, params: params["value"])
    app.get("/header/:value")(lambda request, params: ("", 200, {"X-Value": params["value"]}))
    app.get("/status/:value")(lambda request, params: ("", params["value"]))
    app.get("/location/:value")(lambda request, params: ("", 302, {"Location": params["value"]}))
    app.get("/Docs/")(lambda request, params: "docs")
    app.post("/json")(lambda request, params: request.json)
    app.post("/form")(lambda request, params: request.form.to_dict())
    return app


_app = _application()


def answering(data: bytes) -> None:
    """The path, Accept and a cookie, a line each, and a body: whatever it is, an answer that can be sent."""
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
    "answering": answering,
    "cleaning": cleaning,
    "decoding": decoding,
    "looking_up": looking_up,
    "redirecting": redirecting,
}
