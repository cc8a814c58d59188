"""Patterns as templates, and converters as schemas."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime, time
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address

import pytest

from microfn import natural
from microfn.openapi.paths import Paths, path_parameters, template
from microfn.routing.route import Route


def route(pattern, **options):
    return Route("GET", pattern, lambda request, params: "", **options)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/", "/"),
        ("", "/"),
        ("/users/:id/posts", "/users/{id}/posts"),
        ("/files/v:version", "/files/v{version}"),
        ("/src/*path", "/src/{path}"),
        ("/*path", "/{path}"),
        ("/käse/:größe", "/k%C3%A4se/{größe}"),
        ("/50%/a b?c#d", "/50%25/a%20b%3Fc%23d"),
        ("/a{x}", "/a%7Bx%7D"),
        ("/~user/a+b;c=1,2@3", "/~user/a+b;c=1,2@3"),
    ],
)
def test_a_pattern_is_a_percent_encoded_template(pattern, expected):
    assert Paths().add("", route(pattern))[0] == expected


def test_the_prefix_of_a_mount_is_encoded_once():
    assert template("/ä", ("/:", ":id"), ("id",)) == "/%C3%A4/:{id}"


def test_patterns_with_other_names_are_one_template():
    """OpenAPI takes `/{a}` and `/{b}` for identical paths."""
    paths = Paths()
    assert paths.add("", route("/users/:id")) == ("/users/{id}", ("id",))
    assert paths.add("", route("/users/:name")) == ("/users/{id}", ("id",))
    assert paths.add("/v1", route("/users/:name")) == ("/v1/users/{name}", ("name",))


def test_a_catch_all_is_another_template_than_a_param():
    paths = Paths()
    assert paths.add("", route("/a/:x"))[0] == "/a/{x}"
    assert paths.add("", route("/a/*x")) == ("/a/{x_}", ("x_",))
    assert paths.add("", route("/a/*y")) == ("/a/{x_}", ("x_",))
    assert paths.add("", route("/a/:x_"))[0] == "/a/{x}"


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"
    NUMBER = 7


class Number(enum.IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("converter", "schema"),
    [
        (int, {"type": "integer"}),
        (natural, {"type": "integer", "minimum": 0}),
        (float, {"type": "number"}),
        (Decimal, {"type": "number"}),
        (str, {"type": "string"}),
        (uuid.UUID, {"type": "string", "format": "uuid"}),
        (date.fromisoformat, {"type": "string", "format": "date"}),
        (datetime.fromisoformat, {"type": "string", "format": "date-time"}),
        (time.fromisoformat, {"type": "string", "format": "time"}),
        (IPv4Address, {"type": "string", "format": "ipv4"}),
        (IPv6Address, {"type": "string", "format": "ipv6"}),
        (Size, {"type": "string", "enum": ["s", "l"]}),
        (Number, {"type": "string"}),
        (lambda text: int(text, 36), {"type": "string"}),
    ],
)
def test_a_converter_is_a_schema(converter, schema):
    (parameter,) = path_parameters(route("/:id", convert={"id": converter}), ("other",))
    assert parameter == {"name": "other", "in": "path", "required": True, "schema": schema}


def test_only_the_catch_all_says_that_it_has_slashes():
    first, last = path_parameters(route("/:user/*path"), ("user", "path"))
    assert first == {"name": "user", "in": "path", "required": True, "schema": {"type": "string"}}
    assert last["description"] == "The rest of the path, which can contain slashes."
