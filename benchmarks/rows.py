"""The eight rows: what is asked in each, and of whom."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Sequence

from . import contestants as c
from .measure import Request

FRAMEWORKS = ("microfn", "falcon", "bottle", "wheezy.web", "flask")
NAMES = [f"user{number}" for number in random.Random(7).sample(range(10_000), 50)]


def says(text: str):
    return lambda body, headers: body == text.encode()


def is_json(value: object):
    return lambda body, headers: json.loads(body) == value


def has_allow(body: bytes, headers: dict[str, str]) -> bool:
    return "GET" in headers["allow"]


ECHO = json.dumps(
    {"name": "Ann", "tags": ["a", "b", "c"], "age": 42, "address": {"city": "Köln", "zip": "50667"}}
).encode()

ROWS: dict[str, tuple[str, Sequence[Request]]] = {
    "hello": ("small", [Request("GET", "/", 200, says("Hello, World!"))]),
    "1 param": ("small", [Request("GET", f"/hello/{name}", 200, says(f"Hello, {name}!")) for name in NAMES]),
    "JSON": ("small", [Request("GET", "/json", 200, is_json(c.DOCUMENT))]),
    "404": ("small", [Request("GET", f"/nope/{name}", 404) for name in NAMES]),
    "405": ("small", [Request("DELETE", "/json", 405)]),
    "POST JSON echo": ("small", [Request("POST", "/echo", 200, is_json(json.loads(ECHO)), body=ECHO)]),
    "203 routes, middle": (
        "github",
        [Request("GET", f"/repos/{name}/repo/pulls/7/files", 200, says(f"{name}/repo/7")) for name in NAMES],
    ),
    "203 routes, end": ("github", [Request("GET", f"/users/{name}/keys", 200, says(name)) for name in NAMES]),
}

BARE = {
    "hello": c.bare_hello,
    "1 param": c.bare_param,
    "JSON": c.bare_json,
    "404": c.bare_404,
    "405": c.bare_405,
    "POST JSON echo": c.bare_echo,
    "203 routes, middle": c.bare_github,
    "203 routes, end": c.bare_github,
}

BUILDERS = {
    "small": {
        "microfn": c.microfn_small,
        "falcon": c.falcon_small,
        "bottle": c.bottle_small,
        "wheezy.web": c.wheezy_small,
        "flask": c.flask_small,
    },
    "github": {
        "microfn": c.microfn_github,
        "falcon": c.falcon_github,
        "bottle": c.bottle_github,
        "wheezy.web": c.wheezy_github,
        "flask": c.flask_github,
    },
}


def for_bare(asked: Sequence[Request]) -> Sequence[Request]:
    """The same requests; what `bare` answers a 404 or an echo with is its own business."""
    return [dataclasses.replace(request, check=lambda body, headers: bool(body)) for request in asked]


def dressed(kind: str) -> dict[str, c.Application]:
    """microfn plainly, with one middleware, and with Response objects."""
    from microfn import Response

    build = {"small": c.microfn_small, "github": c.microfn_github}[kind]
    return {"plain": build(), "middleware": c.with_middleware(build()), "Response": build(Response)}


def other_answers() -> tuple[dict[str, c.Application], dict[str, Sequence[Request]]]:
    """What is not among the eight rows, and falcon's hello to compare it with."""
    small, github = c.microfn_small(), c.microfn_github()
    table: dict[str, tuple[c.Application, Sequence[Request]]] = {
        "falcon, hello": (c.falcon_small(), ROWS["hello"][1]),
        "falcon, 404 among 203": (c.falcon_github(), [Request("GET", f"/repos/{name}/x/nope", 404) for name in NAMES]),
        "a query argument read": (small, [Request("GET", "/query", 200, says("1"), query="q=1&b=2")]),
        "HEAD": (small, [Request("HEAD", "/", 200)]),
        "OPTIONS": (small, [Request("OPTIONS", "/json", 204)]),
        "a param that is not ASCII": (small, [Request("GET", "/hello/Köln", 200)]),
        "slash redirect": (small, [Request("GET", "/json/", 301)]),
        "case redirect": (small, [Request("GET", "/JSON", 301)]),
        "404 among 203": (github, [Request("GET", f"/repos/{name}/x/nope", 404) for name in NAMES]),
        "405 among 203": (github, [Request("PATCH", f"/repos/{name}/x/keys", 405) for name in NAMES]),
    }
    return {name: app for name, (app, _) in table.items()}, {name: asked for name, (_, asked) in table.items()}
