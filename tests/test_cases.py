"""The adversarial requests of tests/data/cases.jsonl.gz: expected responses, and rules for any framework."""

from __future__ import annotations

import gzip
import json
import os
import re
import time
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes, urlsplit

import pytest

from microfn import Response, Router, redirect

from .wsgi import Input, Reply, call

DATA = Path(__file__).parent / "data"
ROUTES = json.loads((DATA / "cases-routes.json").read_text("utf-8"))


def unpack(value: Any) -> str:
    return "".join(unit * count for unit, count in value["rle"]) if isinstance(value, dict) else value


def read_cases() -> list[dict[str, Any]]:
    with gzip.open(DATA / "cases.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def lay_out(top: Path) -> Path:
    """A directory to serve files from, with the traps in it and around it."""
    for directory in ("static/sub", "static-secret", "outside"):
        (top / directory).mkdir(parents=True)
    for file in ("secret.txt", "static-secret/secret.txt", "outside/secret.txt"):
        (top / file).write_text("CANARY-OUTSIDE-SECRET", "utf-8")
    root = top / "static"
    (root / ".env").write_text("CANARY-DOTFILE", "utf-8")
    (root / "hello.txt").write_text("hello static", "utf-8")
    (root / "café.txt").write_text("café", "utf-8")
    (root / "sub/index.html").write_text("index", "utf-8")
    (root / "big.bin").write_bytes(b"x" * 100_000)
    os.mkfifo(root / "fifo")
    (root / "link.txt").symlink_to("../outside/secret.txt")
    (root / "linkdir").symlink_to("../outside")
    return root


class Stream:
    """A stream that can fail after its first chunk, and counts calls of `close`."""

    opened: ClassVar[list[Stream]] = []

    def __init__(self, *, fails: bool) -> None:
        self.fails, self.number, self.closed = fails, 0, 0
        self.opened.append(self)

    def __iter__(self):
        return self

    def __next__(self) -> bytes:
        self.number += 1
        if self.number == 2 and self.fails:
            raise RuntimeError("SECRET-IN-EXC mid-stream")
        if self.number > 3:
            raise StopIteration
        return b"chunk%d;" % self.number

    def close(self) -> None:
        self.closed += 1


def set_cookie(request, params):
    response = Response("ok")
    response.set_cookie("c", request.args.get("v", ""))
    return response


def authorization(request, params):
    found = request.authorization
    return repr(found.username if found is not None and found.type == "basic" else found)


def boom(request, params):
    raise RuntimeError("SECRET-IN-EXC")


HANDLES = {
    "redirect": lambda request, params: redirect(request.args.get("to", "/")),
    "header": lambda request, params: ("ok", 200, {"X-Echo": request.args.get("v", "")}),
    "setcookie": set_cookie,
    "cookies": lambda request, params: dict(request.cookies),
    "auth": authorization,
    "query": lambda request, params: request.args.to_dict(flat=False),
    "url": lambda request, params: request.url,
    "body": lambda request, params: str(len(request.get_data())),
    "form": lambda request, params: f"{len(list(request.form.items(multi=True)))} {len(request.files)}",
    "json": lambda request, params: json.dumps(request.json),
    "boom": boom,
    "none": lambda request, params: None,
    "stream": lambda request, params: Stream(fails=False),
    "streamboom": lambda request, params: Stream(fails=True),
    "empty": lambda request, params: "",
    "nocontent": lambda request, params: ("", 204),
}


def echo(pattern: str):
    return lambda request, params: {"route": pattern, "params": params, "method": request.method}


@pytest.fixture(scope="module")
def apps(tmp_path_factory) -> dict[str, Router]:
    built, root = {}, lay_out(tmp_path_factory.mktemp("cases"))
    for name, routes in ROUTES.items():
        built[name] = app = Router(overlap=name == "mixed")
        for method, pattern, kind in routes:
            if kind == "static":
                app.serve_files(pattern, root)
            else:
                app.handle(method, pattern, echo(pattern) if kind == "echo" else HANDLES[kind])
    return built


def send(app: Router, case: dict[str, Any], *, validate: bool) -> Reply:
    extra = {name: unpack(value) for name, value in (case.get("environ") or {}).items() if not name.startswith("x.")}
    extra.update(dict.fromkeys((case.get("environ") or {}).get("x.drop", [])))
    extra.update({"HTTP_" + name.upper().replace("-", "_"): unpack(value) for name, value in case["headers"].items()})
    unit, count = case.get("body_gen") or (unpack(case.get("body", "")), 1)
    body = (unit * count).encode("latin-1")
    failing = {"oserror": ConnectionResetError(104, "reset by peer"), "timeout": TimeoutError("timed out")}
    mode = (case.get("environ") or {}).get("x.input")
    if mode:
        extra["wsgi.input"] = Input(b"", allowed=None, error=failing[mode])
    extra.setdefault("CONTENT_LENGTH", None)
    return call(
        app,
        unpack(case["method"]),
        unpack(case["path_info"]),
        validate=validate,
        chunks=case["inv"].get("abort_after"),
        body=body,
        query=unpack(case["query_string"]),
        **{"SCRIPT_NAME": case["script_name"], **extra},
    )


def host_of(location: str) -> str | None:
    """Return the host that a browser takes from a Location, or None if it stays on the site."""
    text = re.sub(r"[\t\r\n]", "", location.lstrip("".join(map(chr, range(33))))).replace("\\", "/")
    found = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*:)?//+([^/?#]*)", text)
    return found[2] if found else None


def check_sendable(case: dict[str, Any], reply: Reply) -> None:
    """Assert the rules of every response."""
    for name, value in reply.header_list:
        assert not re.search(r"[\r\n\0]", name + value)
        value.encode("latin-1")
    bodiless = unpack(case["method"] or "GET") == "HEAD" or reply.code in (204, 304)
    if bodiless:
        assert reply.body == b""
    elif "content-length" in reply.headers and reply.error is None and not case["inv"].get("abort_after"):
        assert reply.headers["content-length"] == str(len(reply.body))
    if reply.code == 405:
        allow = reply.headers["allow"].split(", ")
        assert allow == sorted(allow)
        assert case["inv"].get("allow", allow[0]) in allow
    assert len(reply.body) <= case["inv"].get("maxlen", len(reply.body))
    for secret in ("no_leak", "no_leak2"):
        assert case["inv"].get(secret, "\0").encode() not in reply.body


def check_location(case: dict[str, Any], reply: Reply) -> None:
    location = reply.headers["location"]
    if case["cls"] != "header_injection":
        assert location.isascii()
        assert host_of(location) in (None, "site.test")
        assert location.startswith("/")
    got, want, inv = urlsplit(location), case["expect"]["location"], case["inv"]
    if isinstance(want, str) and want != "safe":
        assert location == want
    if isinstance(want, dict):
        assert want.get("path") in (None, got.path)
        assert want.get("query") in (None, got.query)
        if "path_decodes_to" in want:
            assert unquote_to_bytes(got.path).decode("latin-1") == want["path_decodes_to"]
    if "location_query" in inv:
        assert unquote_to_bytes(got.query) == unquote_to_bytes(unpack(inv["location_query"]).encode("latin-1"))
    assert inv.get("location_no") is None or inv["location_no"] not in location
    assert inv.get("location_has", "") in location


def check_seen(case: dict[str, Any], reply: Reply) -> None:
    """Assert the values that the handle got, if the case has them."""
    inv = case["inv"]
    if reply.code != 200:
        return
    assert not inv.get("reject_short")
    if reply.body.startswith(b'{"route"'):
        seen = json.loads(reply.body)
        assert inv.get("param") in (None, seen["params"])
        assert inv.get("method_seen") in (None, seen["method"])
    if "body_len" in inv:
        assert reply.text == str(inv["body_len"])
    if "body_path" in inv:
        assert urlsplit(reply.text).path == inv["body_path"]


CASES = read_cases()


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_an_adversarial_request_gets_the_answer_it_must(apps, case):
    app, inv = apps[case["routes"]], case["inv"]
    Stream.opened.clear()
    began = time.perf_counter()
    reply = send(app, case, validate=False)
    assert time.perf_counter() - began < inv.get("slow", 8)
    if inv.get("stream_exc"):
        is_complete = reply.error is None and reply.body.startswith(b"chunk1")
        assert not is_complete, "the end of a broken stream looked like the end of a whole one"
    else:
        assert reply.error is None, reply.error
    assert reply.code in case["expect"]["status"]
    for name, value in case["expect"]["headers"].items():
        assert value in re.split(r"\s*,\s*", reply.headers[name.lower()])
    check_sendable(case, reply)
    check_seen(case, reply)
    if 300 <= reply.code < 400:
        check_location(case, reply)
    if inv.get("closed"):
        assert [stream.closed for stream in Stream.opened] == [1] * len(Stream.opened)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.get("validate", True) and not case["inv"].get("abort_after")],
    ids=lambda case: case["id"],
)
def test_the_answer_is_valid_wsgi(apps, case):
    reply = send(apps[case["routes"]], case, validate=True)
    assert not isinstance(reply.error, AssertionError), reply.error
