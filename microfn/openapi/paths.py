"""Patterns and their params in OpenAPI."""

from __future__ import annotations

import enum
import ipaddress
import uuid
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from ..routing.converters import decimal, integer, natural
from ..routing.route import Route

__all__ = ["Paths", "path_parameters", "template"]

# RFC 3986, section 3.3, without braces and the percent sign, which need escapes.
_PATH_CHARACTERS = "/-._~!$&'()*+,;=:@"

_SCHEMAS: dict[Any, dict[str, Any]] = {
    integer: {"type": "integer"},
    natural: {"type": "integer", "minimum": 0},
    decimal: {"type": "number"},
    Decimal: {"type": "number"},
    uuid.UUID: {"type": "string", "format": "uuid"},
    date.fromisoformat: {"type": "string", "format": "date"},
    datetime.fromisoformat: {"type": "string", "format": "date-time"},
    time.fromisoformat: {"type": "string", "format": "time"},
    ipaddress.IPv4Address: {"type": "string", "format": "ipv4"},
    ipaddress.IPv6Address: {"type": "string", "format": "ipv6"},
}
"""The schemas of converters."""


class Paths:
    """The templates of a document. Patterns that differ only in names of params share one template.

    OpenAPI 3.1, section 4.8.8.2: templated paths that differ only in the names are identical, and must not be there
    twice. A catch-all has a separate template if a param has the same position.
    """

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, ...]] = {}
        self._templates: dict[str, str] = {}

    def add(self, prefix: str, route: Route) -> tuple[str, tuple[str, ...]]:
        """Return the template of a route, and the names of its params. `prefix` is that of its mounts."""
        names = route.parsed.names
        shape = template(prefix, route.parsed.parts, ("",) * len(names)) + ("*" if _has_catch_all(route) else "")
        if shape not in self._names:
            self._names[shape] = names
        names = self._names[shape]
        text = template(prefix, route.parsed.parts, names)
        while self._templates.setdefault(text, shape) != shape:
            names = self._names[shape] = (*names[:-1], names[-1] + "_")
            text = template(prefix, route.parsed.parts, names)
        return text, names


def template(prefix: str, parts: tuple[str, ...], names: tuple[str, ...]) -> str:
    """Return the template of a pattern, percent-encoded.

    >>> template("", ("/käse/", ":id"), ("id",))
    '/k%C3%A4se/{id}'
    >>> template("/v1", ("/src", "/*path"), ("path",))
    '/v1/src/{path}'
    """
    pieces = [quote(prefix, _PATH_CHARACTERS)]
    for number, part in enumerate(parts):
        if number % 2:
            slash = "/" if part.startswith("/") else ""
            pieces.append(f"{slash}{{{names[number // 2]}}}")
        else:
            pieces.append(quote(part, _PATH_CHARACTERS))
    return "".join(pieces)


def path_parameters(route: Route, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the parameter objects of the params of a route, with these names."""
    found = []
    for own, name in zip(route.parsed.names, names, strict=True):
        parameter: dict[str, Any] = {"name": name, "in": "path", "required": True}
        if own == route.parsed.names[-1] and _has_catch_all(route):
            parameter["description"] = "The rest of the path, which can contain slashes."
        converter = route.converters.get(own)
        parameter["schema"] = {"type": "string"} if converter is None else _schema_of(converter)
        found.append(parameter)
    return found


def _has_catch_all(route: Route) -> bool:
    return "*" in route.pattern


def _schema_of(converter: Callable[[str], Any]) -> dict[str, Any]:
    """Return the schema of the texts that a converter accepts, or of any text if it is unknown."""
    if isinstance(converter, enum.EnumMeta):
        members: list[Any] = list(converter)
        texts = [one.value for one in members if isinstance(one.value, str)]
        return {"type": "string", "enum": texts} if texts else {"type": "string"}
    return dict(_SCHEMAS.get(converter, {"type": "string"}))
