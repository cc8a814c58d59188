"""One route: a method, a pattern and the handle registered for them."""

from __future__ import annotations

import functools
import os.path
import re
from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Any

from ..arguments import ENDLESS, check_size, nearest
from ..errors import InvalidMethod, InvalidPattern, name_of
from .converters import Converter, converters_for
from .documentation import UNDOCUMENTED, Described, Documentation, DocumentationOptions
from .handle import Handle, Middleware, check_handle
from .hints import hint_for_option, hint_for_pattern
from .pattern import Pattern, or_root, parse
from .scope import Scope

__all__ = [
    "PlainOptions",
    "Route",
    "RouteOptions",
    "check_options",
    "short_name",
]

_NOT_GIVEN: Any = object()
_NO_CONVERTERS: dict[str, Converter] = {}
_NO_CHECKS: Mapping[str, Any] = {}
_ANYWHERE = Scope()

# RFC 9110, section 5.6.2: a token. Upper case only, since methods are case-sensitive and "get" is a mistake.
_METHOD = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]+")
_USUAL_METHODS = frozenset(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])


Checked = type[Any] | UnionType | Callable[[Any], Any]
"""A type that data is checked by, or a callable that gets the data."""


class PlainOptions(DocumentationOptions, total=False):
    """The options of a route whose types the layers above share."""

    name: str | None
    convert: Mapping[str, Converter] | None
    query: Checked | None
    valid: Checked | None
    max_content_length: int | None


class RouteOptions(PlainOptions, total=False):
    """The options of a route."""

    use: Iterable[Middleware] | None


class Route:
    """The registration of a handle for one method and one pattern. Immutable.

    `method` and `pattern` are str. The pattern "" means "/", or the prefix itself if the Router is included. `name` is
    the name for reverse URLs, and `where` is the file and line of the registration. `handle` is the unchanged callable.
    `query` and `valid` are the types for checks. `responses` maps statuses to types or descriptions, without those of
    groups. `scope` is the part of the application that contains the route.
    """

    __slots__ = (
        "checks",
        "converters",
        "documentation",
        "handle",
        "is_prefix",
        "max_content_length",
        "method",
        "name",
        "origin",
        "parsed",
        "pattern",
        "query",
        "scope",
        "valid",
        "where",
    )

    def __init__(
        self,
        method: str,
        pattern: str,
        handle: Handle,
        *,
        name: str | None = None,
        convert: Mapping[str, Converter] | None = None,
        query: Checked | None = None,
        valid: Checked | None = None,
        documentation: Documentation = UNDOCUMENTED,
        checks: Mapping[str, Any] = _NO_CHECKS,
        max_content_length: int | None = _NOT_GIVEN,
        scope: Scope = _ANYWHERE,
        where: tuple[str, int] | None = None,
    ) -> None:
        if method not in _USUAL_METHODS:
            _check_method(method)
        parsed = _parse(or_root(pattern))
        check_handle(handle)
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a str, got {type(name).__name__}")
        limit = None
        if max_content_length is not _NOT_GIVEN:
            check_size("max_content_length", max_content_length, optional=True)
            limit = ENDLESS if max_content_length is None else max_content_length
        self.method = method
        self.pattern = parsed.text
        self.is_prefix = not pattern
        """True if the pattern is "", so that below a prefix it is the prefix itself."""
        self.parsed = parsed
        self.origin: tuple[Scope, str] | None = None
        """The outermost scope of the Router and the pattern at registration; None if not included."""
        self.handle = handle
        self.name = name
        self.converters = converters_for(parsed, convert) if convert else _NO_CONVERTERS
        self.max_content_length = limit
        """Bytes; None if the limit of the Router applies."""
        self.query = query
        self.valid = valid
        self.documentation = documentation
        """The facts about this route alone, for documents."""
        self.checks = checks
        """The checks of request data, by option: "query" or "valid"."""
        self.scope = scope
        self.where = where

    def relocated(self, prefix: str, scope: Scope) -> Route:
        """Return a copy below a prefix, in another scope."""
        route = object.__new__(Route)
        for name in Route.__slots__:
            setattr(route, name, getattr(self, name))
        pattern = prefix + ("" if self.is_prefix else self.pattern)
        route.pattern = or_root(pattern)
        route.is_prefix = not pattern
        route.origin = self.origin or (self.scope.lineage()[0], self.pattern)
        route.parsed = _parse(route.pattern)
        route.scope = scope
        return route

    def bind(self, params: dict[str, Any]) -> dict[str, Any] | None:
        """Convert the params, in path order. Return None if a converter rejects one.

        ValueError and ArithmeticError are rejections. Other exceptions are errors of the converter and propagate.
        """
        values = params.copy()
        try:
            for name, converter in self.converters.items():
                values[name] = converter(values[name])
        except (ValueError, ArithmeticError):
            return None
        return values

    @property
    def responses(self) -> Mapping[int, Described]:
        """The types and texts that this route was given, by status."""
        return self.documentation.responses

    @property
    def place(self) -> str:
        """The file and line of the registration for messages, like "app.py:12"."""
        return f"{short_name(self.where[0])}:{self.where[1]}" if self.where else ""

    def __str__(self) -> str:
        return f"{self.method} {self.pattern}{self.place and f' ({self.place})'}"

    def __repr__(self) -> str:
        return f"<Route {self} {name_of(self.handle)}>"


def check_options(options: Mapping[str, object]) -> None:
    """Refuse unknown options of a route."""
    known = RouteOptions.__optional_keys__
    for name in options:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else f"its options are {', '.join(sorted(known))}"
            hint = hint_for_option(name) or hint
            raise TypeError(f"a route has no option {name!r}; {hint}")


def _check_method(method: str) -> None:
    if not isinstance(method, str):
        raise TypeError(f"method must be a str, got {type(method).__name__}: {method!r}")
    if not _METHOD.fullmatch(method):
        upper = method.upper()
        if _METHOD.fullmatch(upper):
            raise InvalidMethod(method, f"methods are case-sensitive; did you mean {upper!r}?")
        hint = "; pass the method first, then the pattern" if method.startswith("/") else ""
        raise InvalidMethod(method, f"a method must be a token (RFC 9110, section 5.6.2){hint}")


def _parse(text: str) -> Pattern:
    """Parse a pattern. Refuse also names that `params` could not hold, and patterns of other frameworks."""
    try:
        pattern = parse(text)
        reason = hint_for_pattern(text) or _trouble_with(pattern.names)
    except InvalidPattern as error:
        raise InvalidPattern(text, hint_for_pattern(text) or error.reason) from None
    if reason:
        raise InvalidPattern(text, reason)
    if not text.isascii() and not _is_utf8(text):
        raise InvalidPattern(text, "a pattern must be without surrogates, since UTF-8 cannot encode them")
    return pattern


@functools.lru_cache(maxsize=4096)
def _trouble_with(names: tuple[str, ...]) -> str | None:
    for number, name in enumerate(names):
        if not name.isidentifier():
            return (
                f"the name of a param must be an identifier, got {name!r} (a param extends to the end of its segment)"
            )
        if name in names[:number]:
            return f"each wildcard must have its own name, got {name!r} twice"
    return None


def _is_utf8(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


def short_name(filename: str) -> str:
    """Return a file name for messages, relative if it is below the working directory."""
    path = os.path.relpath(filename)
    return filename if path.startswith(os.pardir) else path
