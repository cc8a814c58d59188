"""One route: a method, a pattern and the handle registered for them."""

from __future__ import annotations

import functools
import os.path
import re
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any, TypedDict

from .errors import InvalidMethod, InvalidPattern, name_of
from .handle import Handle, Middleware, check_handle
from .pattern import Pattern, parse
from .scope import Scope

__all__ = [
    "ENDLESS",
    "Converter",
    "Route",
    "RouteOptions",
    "check_names",
    "check_options",
    "check_size",
    "nearest",
    "short_name",
]

Converter = Callable[[str], Any]
_NOT_GIVEN: Any = object()
ENDLESS = 10**20
"""More bytes than any body has."""
_NO_CONVERTERS: dict[str, Converter] = {}
_ANYWHERE = Scope()

# RFC 9110, section 5.6.2: a token. Upper case only: methods are case-sensitive, and nobody means "get".
_METHOD = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]+")
_USUAL_METHODS = frozenset(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
# Digits as many as `int` takes where Python limits it; it takes time quadratic in them.
_INTEGER = re.compile(r"-?[0-9]{1,4300}")
# Not compiled when this is imported, which takes longer than most programs need it.
_DECIMAL = r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"
_FOREIGN_PARAM = r"(?<=/)[<{](\w+(?::\w+)?)[>}](?=/|$)"
_FOREIGN_TYPES = ("any", "float", "int", "path", "string", "uuid")


class RouteOptions(TypedDict, total=False):
    """What may be said of a route beside its method, pattern and handle."""

    name: str | None
    use: Iterable[Middleware] | None
    convert: Mapping[str, Converter] | None
    valid: Callable[[Any], Any] | None
    max_content_length: int | None


class Route:
    """What is registered for one method and one pattern. Nothing of it changes once it is made.

    `method` and `pattern` are texts, `name` is the one given for reverse URLs, `where` is the file and line that
    registered it. `handle` is the callable itself, unchanged; `run` is what is called, which checks the body before it
    where the route has a `valid`. `scope` is the part of the application that it belongs to.
    """

    __slots__ = (
        "converters",
        "handle",
        "max_content_length",
        "method",
        "name",
        "parsed",
        "pattern",
        "run",
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
        valid: Callable[[Any], Any] | None = None,
        max_content_length: int | None = _NOT_GIVEN,
        scope: Scope = _ANYWHERE,
        where: tuple[str, int] | None = None,
    ) -> None:
        if method not in _USUAL_METHODS:
            _check_method(method)
        parsed = parse(pattern)
        _check_names(parsed)
        check_handle(handle)
        if name is not None and not isinstance(name, str):
            raise TypeError(f"a route's name is a str, not {type(name).__name__}")
        limit = None
        if max_content_length is not _NOT_GIVEN:
            check_size("max_content_length", max_content_length, optional=True)
            limit = ENDLESS if max_content_length is None else max_content_length
        self.method = method
        self.pattern = pattern
        self.parsed = parsed
        self.handle = handle
        self.name = name
        self.converters = _converters(parsed, convert) if convert else _NO_CONVERTERS
        self.max_content_length = limit
        """Bytes; None where the router's own limit holds."""
        self.valid = valid
        self.run = handle if valid is None else _checking_first(handle, valid)
        self.scope = scope
        self.where = where

    def moved(self, prefix: str, scope: Scope) -> Route:
        """The same route below a prefix, in another scope."""
        route = object.__new__(Route)
        for name in Route.__slots__:
            setattr(route, name, getattr(self, name))
        route.pattern = prefix + self.pattern
        route.parsed = parse(route.pattern)
        _check_names(route.parsed)
        route.scope = scope
        return route

    def bind(self, params: dict[str, Any]) -> dict[str, Any] | None:
        """The parameters converted, in path order; None where a converter refuses one.

        ValueError and ArithmeticError are a converter's refusals; whatever else it raises is its own fault.
        """
        values = params.copy()
        try:
            for name, converter in self.converters.items():
                values[name] = converter(values[name])
        except (ValueError, ArithmeticError):
            return None
        return values

    @property
    def place(self) -> str:
        """Where it was registered, as people read it: "app.py:12"."""
        return f"{short_name(self.where[0])}:{self.where[1]}" if self.where else ""

    def __str__(self) -> str:
        return f"{self.method} {self.pattern}{self.place and f' ({self.place})'}"

    def __repr__(self) -> str:
        return f"<Route {self} {name_of(self.handle)}>"


def check_options(options: Mapping[str, object]) -> None:
    """Refuse an option that no route has."""
    known = RouteOptions.__optional_keys__
    for name in options:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(sorted(known))}"
            raise TypeError(f"{name!r} is no option of a route; {hint}")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """What somebody may have meant."""
    from difflib import get_close_matches  # noqa: PLC0415 - only where there is a mistake

    return next(iter(get_close_matches(name, list(known), 1)), None)


def _checking_first(handle: Handle, valid: Any) -> Handle:
    if not callable(valid):
        raise TypeError(f"valid is a callable that makes an object of the decoded JSON, not {valid!r}")
    # Calling these classes checks nothing, or fails with every body.
    if hasattr(valid, "model_validate"):
        raise TypeError(f"valid is what makes the object, not its class; did you mean {valid.__name__}.model_validate?")
    if isinstance(valid, type) and (hasattr(valid, "__struct_fields__") or hasattr(valid, "__dataclass_fields__")):
        meant = f"functools.partial(msgspec.convert, type={valid.__name__})"
        raise TypeError(f"valid is what makes the object, not its class; did you mean {meant}?")

    @functools.wraps(handle)
    def checked(request: Any, params: Any) -> Any:
        request.valid  # noqa: B018 - it is checked by being read
        return handle(request, params)

    return checked


def check_size(name: str, value: object, *, optional: bool = False) -> None:
    """Refuse what is no number of bytes or characters."""
    if optional and value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} is a number{' or None' if optional else ''}, not {value!r}")
    if value < 0:
        raise ValueError(f"{name} cannot be negative: {value}")


def check_names(name: str, values: object) -> str:
    """A list of names, as a header has it; refuse what is no list of text."""
    listed = [] if isinstance(values, str) or not isinstance(values, Iterable) else list(values)
    if not all(isinstance(value, str) for value in listed) or (not listed and values not in ([], ())):
        raise TypeError(f"{name} is a list of texts, not {values!r}")
    return ", ".join(listed)


def _check_method(method: str) -> None:
    if not isinstance(method, str):
        raise TypeError(f"a method is a str, not {type(method).__name__}: {method!r}")
    if not _METHOD.fullmatch(method):
        upper = method.upper()
        if _METHOD.fullmatch(upper):
            raise InvalidMethod(method, f"methods are case-sensitive; did you mean {upper!r}?")
        hint = "; the method comes first, then the pattern" if method.startswith("/") else ""
        raise InvalidMethod(method, f"it is no token (RFC 9110, section 5.6.2){hint}")


def _check_names(pattern: Pattern) -> None:
    """What a tree takes, but `params` could not hold, or would surprise."""
    foreign = re.search(_FOREIGN_PARAM, pattern.text) if "<" in pattern.text or "{" in pattern.text else None
    if foreign:
        # Flask and werkzeug write <int:id>, bottle <id:int>, falcon and Starlette {id}.
        first, _, second = foreign[1].partition(":")
        name, kind = (second, first) if first in _FOREIGN_TYPES else (first, second)
        ours = f"'*{name}'" if kind == "path" else f"':{name}'"
        convert = f" with convert={{{name!r}: {kind}}}" if kind in ("int", "float") else ""
        raise InvalidPattern(pattern.text, f"{foreign[0]!r} is no param here; did you mean {ours}{convert}?")
    reason = _trouble_with(pattern.names)
    if reason:
        raise InvalidPattern(pattern.text, reason)
    if not _is_utf8(pattern.text):
        raise InvalidPattern(pattern.text, "it holds a surrogate, which no request can send as UTF-8")


@functools.lru_cache(maxsize=4096)
def _trouble_with(names: tuple[str, ...]) -> str | None:
    for number, name in enumerate(names):
        if not name.isidentifier():
            return f"{name!r} is no identifier; a param runs to the end of its segment"
        if name in names[:number]:
            return f"it has two wildcards of the name {name!r}, and params can hold one"
    return None


def _is_utf8(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _converters(pattern: Pattern, convert: Mapping[str, Converter]) -> dict[str, Converter]:
    if not isinstance(convert, Mapping):
        raise TypeError(f"convert maps params to callables, like {{'id': int}}; it is no {type(convert).__name__}")
    for name, converter in convert.items():
        if name not in pattern.names:
            near = nearest(str(name), pattern.names)
            hint = f"; did you mean {near!r}?" if near else ""
            raise ValueError(f"convert names {name!r}, which is no param of {pattern.text!r}{hint}")
        if not callable(converter):
            raise TypeError(f"the converter of {name!r} is not callable: {converter!r}")
    plain: dict[Converter, Converter] = {int: _integer, float: _decimal}
    return {name: plain.get(convert[name], convert[name]) for name in pattern.names if name in convert}


def _integer(text: str) -> int:
    """`int`, but for what it takes beyond plain ASCII numbers: " 5", "1_000", "１２"."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _decimal(text: str) -> float:
    """`float`, likewise, and never an infinity or NaN."""
    if not re.fullmatch(_DECIMAL, text) or not isfinite(number := float(text)):
        raise ValueError(text)
    return number


def short_name(filename: str) -> str:
    """The file as people know it: relative where it lies below the working directory."""
    path = os.path.relpath(filename)
    return filename if path.startswith(os.pardir) else path
