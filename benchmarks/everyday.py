"""The everyday rows: one kind of request each, as users of a framework have them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from http.cookies import SimpleCookie
from typing import Any

from .contestants.common import (
    BINARY,
    CHUNK,
    CHUNKS,
    CREATED,
    HELLO,
    HOST,
    IMAGE,
    ITEMS,
    LOG,
    ORIGIN,
    PNG,
    SECURITY_HEADERS,
    STYLE_SHEET,
    measured,
)
from .measure import OBSERVED, Check, Request
from .rows import FASTEST, Row, has_headers, sends, sends_json

FRAMEWORKS = ("microfn", "falcon", "bottle", "flask", "werkzeug")
WITHOUT_FALCON = ("microfn", "bottle", "flask", "werkzeug")
ON_WERKZEUG = ("microfn", "flask", "werkzeug")
FORM = "application/x-www-form-urlencoded"
CREATED_HEADERS = {"x_version": "7", "cache_control": "no-store"}
USER = json.dumps({"name": "Ann", "age": 42, "tags": ["a", "b"]}).encode()
INVALID_USER = json.dumps({"name": "Ann", "age": "x", "tags": []}).encode()


def row(
    name: str,
    requests: Request | Iterable[Request],
    *,
    builder: str = "everyday",
    among: Iterable[str] = FRAMEWORKS,
    bare: str | None = None,
    reference: str = FASTEST,
    goal: float = 1.0,
    **options: Any,
) -> Row:
    """Make a row whose applications have one name in each module; `bare` names the function for this row alone."""
    builders = dict.fromkeys(among, builder)
    if bare is not None:
        builders["bare"] = bare
    if reference == "plain":
        builders["plain"] = "everyday"
    asked = (requests,) if isinstance(requests, Request) else tuple(requests)
    return Row(name, builders, asked, reference, goal, **options)


def get(path: str, check: Check, status: int = 200, **options: Any) -> Request:
    return Request("GET", path, status, check, **options)


def post(path: str, check: Check, body: bytes, content_type: str = "application/json") -> Request:
    return Request("POST", path, 200, check, body=body, content_type=content_type)


def header(name: str, value: str) -> tuple[tuple[str, str], ...]:
    """Return a request header as the environ has it."""
    return ((f"HTTP_{name.upper().replace('-', '_')}", value),)


def has_cookie(body: bytes, headers: dict[str, str]) -> bool:
    """Check the cookie with all of its attributes; frameworks write them in different orders."""
    cookie = SimpleCookie(headers["set-cookie"])["session"]
    attributes = {name: str(value).lower() for name, value in cookie.items() if value and name != "expires"}
    expected = {"max-age": "3600", "path": "/", "httponly": "true", "samesite": "lax"}
    return body == HELLO.encode() and cookie.value == "abc" and attributes == expected


def leads_to(path: str) -> Check:
    """Return a check of Location, which can be a path or a URL of this host."""
    return lambda body, headers: headers["location"] in (path, f"http://127.0.0.1:8000{path}")


def has_id(body: bytes, headers: dict[str, str]) -> bool:
    """Check that the handle saw the new id in the header."""
    return bool(re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])) and headers["x-request-id"] == body.decode()


def is_logged(body: bytes, headers: dict[str, str]) -> bool:
    """Check the last line of the access log."""
    line = json.loads(LOG[-1])
    expected = {"method": "GET", "pattern": "/text", "path": "/text", "status": 200, "bytes": len(HELLO)}
    return sends(HELLO)(body, headers) and line["ms"] >= 0 and line.items() >= expected.items()


def calls_nothing(times: int) -> Check:
    """Return a check that each function of a no-op middleware was called this many times."""
    return lambda body, headers: sends(HELLO)(body, headers) and set(OBSERVED.calls.values()) == {times}


def is_stream(body: bytes, headers: dict[str, str]) -> bool:
    """Check the body and its chunks: all of them were sent one by one."""
    is_whole = headers["content-type"] == BINARY and body == CHUNK * CHUNKS
    return is_whole and OBSERVED.sent == [len(CHUNK)] * CHUNKS


def is_stream_through_nothing(body: bytes, headers: dict[str, str]) -> bool:
    """Check the stream, and that its middleware was called."""
    return is_stream(body, headers) and set(OBSERVED.calls.values()) == {1}


def is_secured(body: bytes, headers: dict[str, str]) -> bool:
    """Check the security headers."""
    expected = {name.lower(): value for name, value in SECURITY_HEADERS.items()}
    return sends(HELLO)(body, headers) and has_headers(headers, expected)


def is_all_three(body: bytes, headers: dict[str, str]) -> bool:
    """Check the id, the line of the log that has it, and the security headers."""
    is_same = json.loads(LOG[-1])["id"] == headers["x-request-id"] == "trace-7"
    return is_same and is_logged(body, headers) and is_secured(body, headers)


def is_shared(body: bytes, headers: dict[str, str]) -> bool:
    """Check the headers of CORS."""
    expected = {"access-control-allow-origin": ORIGIN, "vary": "Origin"}
    return sends(HELLO)(body, headers) and has_headers(headers, expected)


def is_not_shared(body: bytes, headers: dict[str, str]) -> bool:
    """Check that another origin is not allowed."""
    return sends(HELLO)(body, headers) and "access-control-allow-origin" not in headers


def contains(text: str) -> Check:
    """Return a check of a part of the body: each framework has error pages of its own."""
    return lambda body, headers: text.encode() in body and int(headers["content-length"]) == len(body)


def lists_get(body: bytes, headers: dict[str, str]) -> bool:
    """Check the answer to OPTIONS: no body, and GET in Allow."""
    return not body and "GET" in re.split(r", ?", headers["allow"])


def has_items(body: bytes, headers: dict[str, str]) -> bool:
    """Check the large document; bottle makes JSON only of a dict."""
    value = json.loads(body)
    return headers["content-type"] == "application/json" and value in (ITEMS, {"items": ITEMS})


def is_style_sheet(body: bytes, headers: dict[str, str]) -> bool:
    """Check the static file."""
    is_css = headers["content-type"].lower() in ("text/css", "text/css; charset=utf-8")
    return is_css and body == STYLE_SHEET and bool(headers["last-modified"]) and headers["content-length"] == "2048"


def documents(count: int) -> tuple[bytes, Check]:
    """Return a list of so many hundred objects as JSON, and the check of an answer that tells its length."""
    return json.dumps(ITEMS * count).encode(), sends(str(len(ITEMS) * count))


def upload(size: int) -> Request:
    """Return the request that uploads a file of this size beside a field."""
    boundary, content = "----benchmark7MA4YWxkTrZu0gW", bytes(range(256)) * (size // 256)
    lines = [
        f"--{boundary}",
        'Content-Disposition: form-data; name="title"',
        "",
        "a picture",
        f"--{boundary}",
        'Content-Disposition: form-data; name="file"; filename="picture.png"',
        "Content-Type: image/png",
        "",
        "",
    ]
    body = "\r\n".join(lines).encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return post("/upload", sends(measured(content)), body, f"multipart/form-data; boundary={boundary}")


def json_in(name: str, count: int, **options: Any) -> Row:
    body, check = documents(count)
    return row(name, post("/json", check, body), bare="json_in", reference="bare", goal=1.2, **options)


TEXT_REQUEST = get("/text", sends(HELLO))
CREATED_CHECK = sends(HELLO, **CREATED_HEADERS)
WITH_VERSION = get("/text", sends(HELLO, x_version="7"))
OF_HOST = get("/text", sends(HELLO), headers=header("Host", HOST))
OTHER_HOST = header("Host", "other.example.org")
ACCEPTED = sends("Ann")
BROWSER = header("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8")
"""The client's Accept selects the error page, and browsers send the longest one."""
REFUSED = Request("POST", "/users", 422, lambda body, headers: body != b"Ann", body=INVALID_USER)

RETURNED = (
    row("str", TEXT_REQUEST, bare="hello"),
    row("bytes", get("/bytes", sends(IMAGE, BINARY)), bare="binary"),
    row("Response(str)", get("/response/text", sends(HELLO)), reference="falcon", goal=0.65),
    row(
        "Response(bytes, type)",
        get("/response/bytes", sends(IMAGE, PNG)),
        bare="image",
        reference="falcon",
        goal=0.7,
        is_quick=True,
    ),
    row(
        "Response, status, headers",
        get("/response/created", CREATED_CHECK, 201),
        bare="created",
        reference="falcon",
        goal=0.9,
    ),
    row(
        "Response, a header later",
        get("/response/header", sends(HELLO, x_version="7")),
        bare="with_header",
        reference="falcon",
        goal=1.3,
    ),
    row("Response, a cookie", get("/response/cookie", has_cookie), is_quick=True),
    row(
        "(body, status, headers)",
        get("/tuple", CREATED_CHECK, 201),
        bare="created",
        reference="falcon",
        is_quick=True,
    ),
    row(
        "({…}, status)",
        get("/json/created", sends_json(CREATED), 201),
        bare="json_created",
        reference="falcon",
        goal=0.5,
        is_quick=True,
    ),
    row("JSON out, 10 KB", get("/json/items", has_items), bare="items"),
    row("redirect()", get("/redirect", leads_to("/text"), 302), bare="redirect", reference="falcon", is_quick=True),
    row(
        "abort(404)",
        get("/missing", contains("No such note."), 404, headers=BROWSER),
        reference="falcon",
        is_quick=True,
    ),
    row("an error handler", get("/conflict", sends("Conflict: edited meanwhile"), 409), reference="falcon"),
    row("a stream", get("/stream", is_stream), bare="stream", reference="bare", goal=2.0, is_quick=True),
    row(
        "a stream, middleware",
        get("/stream", is_stream),
        builder="stream_middleware",
        checks=(get("/stream", is_stream_through_nothing),),
        bare="stream",
        reference="bare",
        goal=2.0,
    ),
    row(
        "a static file, 2 KB",
        get("/static/style.css", is_style_sheet),
        builder="static",
        bare="static",
        reference="bottle",
        is_quick=True,
    ),
)
"""Rows that differ in the result of the handle."""

AROUND = (
    row("no-op middleware", get("/text", calls_nothing(1)), builder="middleware_one", reference="falcon", goal=0.65),
    row("three no-op middlewares", get("/text", calls_nothing(3)), builder="middleware_three"),
    row(
        "middleware sets a header",
        WITH_VERSION,
        builder="middleware_header",
        reference="falcon",
        goal=1.3,
        is_quick=True,
    ),
    row(
        "middleware of a group",
        get("/group/text", sends(HELLO, x_version="7")),
        builder="middleware_group",
        reference="falcon",
        goal=1.3,
        checks=(get("/text", lambda body, headers: "x-version" not in headers),),
    ),
    row(
        "request_id",
        (
            get("/text", has_id),
            get("/text", sends("trace-7", x_request_id="trace-7"), headers=header("X-Request-ID", "trace-7")),
        ),
        builder="request_id",
        reference="falcon",
        goal=2.0,
        checks=(get("/text", has_id, headers=header("X-Request-ID", "two words")),),
    ),
    row("access_log", get("/text", is_logged), builder="access_log", reference="falcon", goal=1.3),
    row("security_headers", get("/text", is_secured), builder="security_headers", reference="falcon", goal=2.0),
    row(
        "cors",
        get("/text", is_shared, headers=header("Origin", ORIGIN)),
        builder="cors",
        reference="falcon",
        goal=2.0,
        checks=(get("/text", is_not_shared, headers=header("Origin", "https://other.example.org")),),
    ),
    row(
        "id, log, security headers",
        get("/text", is_all_three, headers=header("X-Request-ID", "trace-7")),
        builder="three_together",
        reference="falcon",
        goal=2.0,
        is_quick=True,
    ),
)
"""Rows with middleware."""

READ = (
    row(
        "a query argument",
        (get("/args/one", sends("tree"), query="q=tree"), get("/args/one", sends("bush"), query="q=bush")),
        bare="one",
        reference="falcon",
        is_quick=True,
    ),
    row(
        "three query arguments",
        (
            get("/args/three", sends("tree 2 name"), query="q=tree&page=2&sort=name"),
            get("/args/three", sends("bush 3 size"), query="q=bush&page=3&sort=size"),
        ),
        bare="three",
        reference="falcon",
    ),
    row(
        "a form",
        (
            post("/form", sends("Ann Lee"), b"name=Ann+Lee&email=ann%40example.com&age=42", FORM),
            post("/form", sends("Bob Ray"), b"name=Bob+Ray&email=bob%40example.com&age=37", FORM),
        ),
        bare="form",
        reference="bottle",
        goal=0.75,
        is_quick=True,
    ),
    row(
        "a cookie",
        (
            get("/cookie", sends("0123456789abcdef")),
            get("/cookie", sends("fedcba9876543210"), headers=header("Cookie", "session=fedcba9876543210")),
        ),
        reference="bottle",
        goal=0.6,
    ),
    row("a header", get("/header", sends("7"), headers=header("X-Token", "7")), bare="header"),
    row(
        "a converter",
        get("/users/7", sends("8")),
        bare="user",
        checks=(get("/users/x", lambda body, headers: bool(headers), 404),),
    ),
    row(
        "url_for",
        (get("/url/7", sends("/users/7")), get("/url/8", sends("/users/8"))),
        among=WITHOUT_FALCON,
    ),
    row(
        "valid=, msgspec",
        post("/users", ACCEPTED, USER),
        builder="valid_msgspec",
        reference="falcon",
        checks=(REFUSED,),
        is_quick=True,
    ),
    row(
        "valid=, pydantic",
        post("/users", ACCEPTED, USER),
        builder="valid_pydantic",
        reference="falcon",
        checks=(REFUSED,),
    ),
    json_in("JSON in, 10 KB", 1, is_quick=True),
    json_in("JSON in, 90 KB", 9),
    json_in("JSON in, 1 MB", 95, among=("microfn", "falcon", "flask", "werkzeug")),
    row("a body of 1 MB", post("/body", sends("1048576 255"), bytes(range(256)) * (1 << 12), BINARY), bare="body"),
    row("an upload, 10 KB", upload(10 << 10), reference="werkzeug", goal=0.7, is_quick=True),
    row("an upload, 10 MB", upload(10 << 20), reference="werkzeug", goal=1.2),
)
"""Rows that differ in the input of the handle."""

ROUTED = (
    row(
        "HEAD",
        Request("HEAD", "/text", 200, sends("", content_length="13")),
    ),
    row(
        "OPTIONS",
        Request("OPTIONS", "/text", 204, lists_get, other_status=200),
        among=("microfn", "falcon", "flask"),
    ),
    row("a slash redirect", get("/slash", leads_to("/slash/"), 301, other_status=308), among=ON_WERKZEUG),
    row(
        "a mount",
        get("/old/page", sends("/old /page")),
        builder="mount",
        among=WITHOUT_FALCON,
        reference="werkzeug",
    ),
    row("a route beside a mount", TEXT_REQUEST, builder="mount", among=WITHOUT_FALCON),
    row(
        "HostSwitch",
        OF_HOST,
        builder="host_switch",
        among=ON_WERKZEUG,
        reference="plain",
        goal=2.2,
        checks=(get("/text", lambda body, headers: bool(headers), 404, headers=OTHER_HOST),),
    ),
    row(
        "trusted_hosts",
        OF_HOST,
        builder="trusted_hosts",
        among=ON_WERKZEUG,
        reference="plain",
        goal=3.0,
        checks=(get("/text", lambda body, headers: bool(headers), 400, headers=OTHER_HOST),),
        is_quick=True,
    ),
)
"""Rows that differ in how the request finds its handle."""

EVERYDAY = RETURNED + AROUND + READ + ROUTED
