"""The eight rows of small requests, the same with middleware, and rows of other answers."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .contestants import Application, build
from .contestants.common import DOCUMENT, HELLO, TEXT
from .measure import Check, Request, check

FRAMEWORKS = ("microfn", "falcon", "bottle", "wheezy.web", "flask")
NAMES = [f"user{number}" for number in random.Random(7).sample(range(10_000), 50)]
FASTEST = "the fastest peer"
"""A reference that is known only after the measurement."""


@dataclass(frozen=True)
class Row:
    """One kind of request, the contestants that answer it, and the goal.

    `reference` is the contestant with which microfn is compared: the ratio of their times is to be at most `goal`. If
    `is_overhead` is set, only the time beyond that of `bare` counts on both sides.
    """

    name: str
    builders: Mapping[str, str]
    """The name of the function that builds the application, for each contestant."""
    requests: tuple[Request, ...]
    reference: str
    goal: float
    is_overhead: bool = False
    is_quick: bool = False
    """True if `make bench-quick` measures it."""
    checks: tuple[Request, ...] = ()
    """Requests that are checked and not timed: they show that a framework does its work."""
    only_status: tuple[str, ...] = ()
    """Contestants whose answer lacks a header that the others send, so that only its status is checked."""

    def applications(self) -> dict[str, Application]:
        """Return the application of each contestant."""
        return {name: build(name, builder) for name, builder in self.builders.items()}

    def requests_of(self, contestant: str) -> tuple[Request, ...]:
        """Return the requests that are timed."""
        if contestant in self.only_status:
            return tuple(replace(request, check=lambda body, headers: True) for request in self.requests)
        return self.requests

    def check(self, contestant: str) -> None:
        """Raise AssertionError if the contestant's answer to a request of this row is wrong."""
        asked = self.requests_of(contestant)
        if contestant not in ("bare", "plain"):
            asked += self.checks
        check(f"{self.name}: {contestant}", build(contestant, self.builders[contestant]), asked)


def sends(body: str | bytes, content_type: str = TEXT, **headers: str) -> Check:
    """Return a check of the whole body, its type, and further headers: `x_version="7"`."""
    content = body.encode() if isinstance(body, str) else body
    expected = {"content-type": content_type} | {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda body, headers: body == content and has_headers(headers, expected)


def sends_json(value: object, content_type: str = "application/json") -> Check:
    """Return a check of a body of JSON."""
    return lambda body, headers: headers["content-type"].partition(";")[0] == content_type and json.loads(body) == value


def has_headers(headers: Mapping[str, str], expected: Mapping[str, str]) -> bool:
    """Return True if the headers have these values; case is ignored."""
    return all(headers[name].lower() == value.lower() for name, value in expected.items())


def has_allow(body: bytes, headers: dict[str, str]) -> bool:
    """Check that Allow lists GET."""
    return "GET" in re.split(r", ?", headers["allow"])


def has_page(body: bytes, headers: dict[str, str]) -> bool:
    """Check that there is a page, and that Content-Length is right."""
    return len(body) == int(headers["content-length"]) and bool(headers["content-type"])


ECHO = json.dumps(
    {"name": "Ann", "tags": ["a", "b", "c"], "age": 42, "address": {"city": "Köln", "zip": "50667"}}
).encode()


def _small(
    name: str,
    builder: str,
    bare: str,
    requests: list[Request],
    *,
    goal: float = 0.4,
    only_status: tuple[str, ...] = (),
) -> Row:
    builders = {"bare": bare, **dict.fromkeys(FRAMEWORKS, builder)}
    return Row(
        name,
        builders,
        tuple(requests),
        FASTEST,
        goal,
        is_overhead=True,
        is_quick=True,
        only_status=only_status,
    )


SMALL = (
    _small("hello", "small", "hello", [Request("GET", "/", 200, sends(HELLO))], goal=0.43),
    _small(
        "1 param", "small", "param", [Request("GET", f"/hello/{name}", 200, sends(f"Hello, {name}!")) for name in NAMES]
    ),
    _small("JSON", "small", "document", [Request("GET", "/json", 200, sends_json(DOCUMENT))]),
    _small("404", "small", "not_found", [Request("GET", f"/nope/{name}", 404, has_page) for name in NAMES], goal=0.43),
    _small(
        "405",
        "small",
        "not_allowed",
        [Request("POST", "/json", 405, has_allow, body=ECHO)],
        goal=0.7,
        only_status=("wheezy.web",),
    ),
    _small("POST JSON echo", "small", "echo", [Request("POST", "/echo", 200, sends_json(json.loads(ECHO)), body=ECHO)]),
    _small(
        "203 routes, middle",
        "github",
        "github",
        [Request("GET", f"/repos/{name}/repo/pulls/7/files", 200, sends(f"{name}/repo/7")) for name in NAMES],
    ),
    _small(
        "203 routes, end",
        "github",
        "github",
        [Request("GET", f"/users/{name}/keys", 200, sends(name)) for name in NAMES],
    ),
)
"""The eight rows of small requests."""

VARIANTS = ("middleware", "Response")
"""microfn's small applications with a middleware that does nothing, and with Response objects."""


def variants(row: Row) -> dict[str, str]:
    """Return the builders of microfn's variants of a small row, beside the plain one and falcon's."""
    builder = row.builders["microfn"]
    return {"falcon": builder, "plain": builder} | {name: f"{builder}_{name.lower()}" for name in VARIANTS}


OTHER_REFERENCE = "falcon, hello"
OTHER: dict[str, tuple[str, str, tuple[Request, ...]]] = {
    OTHER_REFERENCE: ("falcon", "small", SMALL[0].requests),
    "falcon, 404 among 203": (
        "falcon",
        "github",
        tuple(Request("GET", f"/repos/{name}/x/nope", 404, has_page) for name in NAMES),
    ),
    "a query argument read": ("microfn", "small", (Request("GET", "/query", 200, sends("1"), query="q=1&b=2"),)),
    "HEAD": ("microfn", "small", (Request("HEAD", "/", 200, sends("", content_length="13")),)),
    "OPTIONS": ("microfn", "small", (Request("OPTIONS", "/json", 204, has_allow),)),
    "a param that is not ASCII": ("microfn", "small", (Request("GET", "/hello/Köln", 200, sends("Hello, Köln!")),)),
    "slash redirect": (
        "microfn",
        "small",
        (Request("GET", "/json/", 301, lambda body, headers: headers["location"] == "/json"),),
    ),
    "case redirect": (
        "microfn",
        "small",
        (Request("GET", "/JSON", 301, lambda body, headers: headers["location"] == "/json"),),
    ),
    "404 among 203": (
        "microfn",
        "github",
        tuple(Request("GET", f"/repos/{name}/x/nope", 404, has_page) for name in NAMES),
    ),
    "405 among 203": (
        "microfn",
        "github",
        tuple(Request("PATCH", f"/repos/{name}/x/keys", 405, has_allow) for name in NAMES),
    ),
}
"""Further answers of microfn's: the contestant, the builder and the requests of each."""
