"""JSON of requests and responses. `Router(json=...)` accepts any object with these two functions."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from .unsupported import hint_for_value

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = ["JSON", "Codec", "InvalidJSON", "reason_of", "text_encoder"]


class Codec(Protocol):
    """Converts values to JSON and back. The modules `json` and `orjson` are codecs too."""

    def dumps(self, value: Any, /) -> str | bytes:
        """Return the value as JSON. Raises TypeError or ValueError if JSON cannot express it."""

    def loads(self, text: bytes, /) -> Any:
        """Return the value of a JSON text. Raises ValueError if the text is invalid."""


class InvalidJSON(ValueError):
    """An error of this codec. The client sees its message."""


def reason_of(error: ValueError) -> str:
    """Return the reason of an error if it is safe for clients. Messages of other errors can reveal internals."""
    is_known = isinstance(error, (InvalidJSON, json.JSONDecodeError, UnicodeDecodeError, UnicodeEncodeError))
    return f": {error}" if is_known or type(error).__module__ == "msgspec" else "."


_MOST_DIGITS = 4300
"""The limit of `int`, if Python has one."""
_MOST_BRACKETS = 1_000_000
"""Maximum lists and objects of a text. Empty ones need 25 times the memory of their text, and most of the time."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{"))
_DEEPEST = 500
"""Maximum depth of lists and objects. A loaded value can be sent again without exhausting the stack."""


class JSON:
    """The default codec of a Router, strict in both directions (RFC 8259).

    Besides the types of JSON, the codec sends dates, times and timedeltas (ISO 8601), `UUID`, `Decimal` and paths as
    strings, an Enum as its value, and a dataclass or another mapping as an object. A set is refused, since its order
    differs between processes. NaN and infinities are refused too.

    `default` is called with each value of another type, and returns a replacement. If it raises TypeError, the value is
    sent as above. A subclass can override `dumps` and `loads`.

    >>> import datetime, decimal
    >>> price = {"price": decimal.Decimal("1.50"), "on": datetime.date(2026, 11, 24)}
    >>> JSON().dumps(price)
    '{"price":"1.50","on":"2026-11-24"}'
    >>> def as_number(value):
    ...     if isinstance(value, decimal.Decimal):
    ...         return float(value)
    ...     raise TypeError(value)
    >>> JSON(default=as_number).dumps(price)
    '{"price":1.5,"on":"2026-11-24"}'

    Raises TypeError if `default` is not callable.
    """

    def __init__(self, *, default: Callable[[Any], Any] | None = None) -> None:
        if default is not None and not callable(default):
            raise TypeError(f"default must be a callable, got {default!r:.200}")
        self._encode = text_encoder(_plain if default is None else _asking_first(default))
        if type(self).dumps is JSON.dumps:
            self.dumps = self._encode  # type: ignore[method-assign] # PERF: saves a call for each response in JSON
        # Before Python 3.10.7, or if its limit is disabled, `int` accepts any number of digits, in quadratic time.
        is_endless = getattr(sys, "get_int_max_str_digits", int)() == 0
        parse_int = _short_integer if is_endless else int
        decoder: Any = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite, parse_int=parse_int)
        self._decode, self._scan = decoder.decode, decoder.scan_once

    def dumps(self, value: Any, /) -> str | bytes:
        """Return a value as a JSON text.

        Raises TypeError if JSON cannot express the value, ValueError if it has NaN or infinities (RFC 8259, section 6),
        and ValueError or RecursionError if it contains itself.
        """
        return self._encode(value)

    def loads(self, text: bytes, /) -> Any:
        """Return the value of a JSON text in UTF-8.

        Raises ValueError if the text is invalid. NaN, infinities (RFC 8259, section 6) and strings with a lone
        surrogate are invalid. So are more than 500 levels, or a million lists and objects, including brackets in
        strings. Raises RecursionError if the stack is exhausted before.
        """
        decoded = text.decode()
        brackets = len(text.translate(None, _NO_BRACKETS)) if len(text) > _DEEPEST else 0
        if brackets > _MOST_BRACKETS:
            raise InvalidJSON(f"it can have at most {_MOST_BRACKETS:,} lists and objects")
        try:
            # PERF: the scanner without the two searches for white space saves a µs.
            value, end = self._scan(decoded, 0)
        except StopIteration:
            end = -1
        if end != len(decoded):
            value = self._decode(decoded)
        if brackets > _DEEPEST and _is_too_deep(value):
            raise InvalidJSON(f"it is nested too deep: it can have at most {_DEEPEST} levels")
        if "\\" in decoded and ("\\ud" in decoded or "\\uD" in decoded):  # PERF: most texts have no backslash
            # UnicodeEncodeError is a ValueError: such a text cannot be stored or sent.
            self._encode(value).encode()
        return value


def _is_too_deep(value: Any) -> bool:
    """Return True if lists and objects are nested beyond the limit. The check goes level by level.

    PERF: the garbage collector finds their items in a third of the time, since it tracks all containers.
    """
    level = [value]
    for _ in range(_DEEPEST - 1):
        level = list(filter(gc.is_tracked, gc.get_referents(*level)))
        if not level:
            return False
    return any(type(inner) is dict or type(inner) is list for inner in gc.get_referents(*level))


def text_encoder(default: Callable[[Any], Any] | None = None) -> Callable[[Any], str]:
    """Return the standard library's encoder; `default` converts unknown values.

    PERF: `JSONEncoder.encode` creates a C encoder for each value. This function creates one for all.
    """
    plain = default or _plain
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=plain).encode
    # In order: markers, default, encoder of strings, indent, separators, sort_keys, skipkeys, allow_nan.
    chunks = make(None, plain, json.encoder.encode_basestring, None, ":", ",", False, False, False)

    def encode(value: Any) -> str:
        return "".join(chunks(value, 0))

    return encode


def _asking_first(default: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that tries the user's `default`, and the built-in one if that raises TypeError."""

    def convert(value: Any) -> Any:
        try:
            return default(value)
        except TypeError as error:
            refusal = error
        try:
            return _plain(value)
        except TypeError:
            raise refusal from None

    return convert


def _plain(value: Any) -> Any:
    import dataclasses  # noqa: PLC0415 - together a third of the import time of microfn, and rarely needed
    import datetime  # noqa: PLC0415
    import decimal  # noqa: PLC0415
    import uuid  # noqa: PLC0415

    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, decimal.Decimal)):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime.timedelta):
        return _duration(value)
    if isinstance(value, Mapping):
        return dict(value)
    import pathlib  # noqa: PLC0415

    if isinstance(value, pathlib.PurePath):
        return str(value)
    hint = hint_for_value(value) or "JSON(default=...) can convert it first"
    raise TypeError(f"{type(value).__name__} cannot be encoded as JSON; {hint}, got {value!r:.200}")


def _duration(value: timedelta) -> str:
    """Return a duration in ISO 8601, without years and months, whose lengths vary."""
    length = abs(value)
    minutes, seconds = divmod(length.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    exact = f"{seconds}.{length.microseconds:06}".rstrip("0").rstrip(".")
    parts = ((f"{hours}", "H"), (f"{minutes}", "M"), (exact, "S"))
    time = "".join(number + unit for number, unit in parts if number != "0")
    days = f"{length.days}D" if length.days else ""
    sign = "-" if length != value else ""
    return f"{sign}P{days}T{time}" if time else f"{sign}P{days or 'T0S'}"


def _short_integer(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise InvalidJSON(f"a number of {len(text)} digits is too long")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise InvalidJSON(f"the number {text[:40]} is too large")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJSON(f"{name} is not valid JSON")
