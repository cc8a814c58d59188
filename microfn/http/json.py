"""JSON, as it comes in and goes out. `Router(json=...)` takes any object with these two functions."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from math import isfinite
from typing import Any, NoReturn, Protocol

__all__ = ["JSON", "Codec", "InvalidJSON", "reason_of"]


class Codec(Protocol):
    """What turns values into JSON and back: the modules `json` and `orjson` are such objects too."""

    def dumps(self, value: Any, /) -> str | bytes:
        """The value as JSON; TypeError or ValueError for what JSON cannot say."""

    def loads(self, text: bytes, /) -> Any:
        """The value of a JSON text; ValueError for what is none."""


class InvalidJSON(ValueError):
    """A text that this codec refuses; its message is for the client."""


def reason_of(error: ValueError) -> str:
    """Why a text is no JSON, as a client may know it: the message of an unknown error may be about the inside."""
    is_known = isinstance(error, (InvalidJSON, json.JSONDecodeError, UnicodeDecodeError, UnicodeEncodeError))
    return f": {error}" if is_known or type(error).__module__ == "msgspec" else "."


_MOST_DIGITS = 4300
"""What `int` takes where Python limits it."""
_MOST_BRACKETS = 1_000_000
"""Lists and objects that a text may have: empty ones take 25 times the memory of their text, and most of the time."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{"))
_DEEPEST = 500
"""Levels of lists and objects that a text may have: what is loaded can be sent again, whatever stack it takes."""


class JSON:
    """The default: strict in what it takes and sends (RFC 8259).

    Knows dates and times (ISO 8601), `UUID` and `Decimal` (as strings, so that no digit is lost) and dataclasses.

    >>> import datetime, uuid
    >>> JSON().dumps({"id": uuid.UUID(int=7), "on": datetime.date(2026, 11, 24)})
    '{"id":"00000000-0000-0000-0000-000000000007","on":"2026-11-24"}'
    """

    def __init__(self) -> None:
        self.dumps = _encoder()
        # Before Python 3.10.7, or where it is told to, `int` takes any number of digits, and time quadratic in them.
        is_endless = getattr(sys, "get_int_max_str_digits", int)() == 0
        parse_int = _short_integer if is_endless else int
        decoder: Any = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite, parse_int=parse_int)
        self._decode, self._scan = decoder.decode, decoder.scan_once

    def loads(self, text: bytes) -> Any:
        """The value of a JSON text in UTF-8.

        Raises ValueError for what is none, NaN and infinities (which RFC 8259 does not have) and strings that hold
        half a surrogate pair included, and for more than 500 levels or a million lists and objects (brackets in strings
        count too); RecursionError where a stack ends before.
        """
        decoded = text.decode()
        brackets = len(text.translate(None, _NO_BRACKETS)) if len(text) > _DEEPEST else 0
        if brackets > _MOST_BRACKETS:
            raise InvalidJSON(f"there may be {_MOST_BRACKETS:,} lists and objects")
        try:
            # PERF: the scanner itself, without the two searches for white space around it, saves a µs.
            value, end = self._scan(decoded, 0)
        except StopIteration:
            end = -1
        if end != len(decoded):
            value = self._decode(decoded)
        if brackets > _DEEPEST and _is_too_deep(value):
            raise InvalidJSON(f"it is nested too deep: there may be {_DEEPEST} levels")
        if "\\" in decoded and ("\\ud" in decoded or "\\uD" in decoded):  # PERF: most texts have no backslash
            self.dumps(value).encode()  # UnicodeEncodeError is a ValueError: no such text could be stored or sent again
        return value


def _is_too_deep(value: Any) -> bool:
    """Whether lists and objects are nested beyond the limit, looked at level by level.

    PERF: the collector finds what they hold in a third of the time. It tracks all that could hold a list or an object.
    """
    level = [value]
    for _ in range(_DEEPEST - 1):
        level = list(filter(gc.is_tracked, gc.get_referents(*level)))
        if not level:
            return False
    return any(type(inner) is dict or type(inner) is list for inner in gc.get_referents(*level))


def _encoder() -> Callable[[Any], str]:
    """The standard library's. PERF: `JSONEncoder.encode` makes one of C's encoders for each value, this one for all."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode
    # In order: markers, default, encoder of strings, indent, separators, sort_keys, skipkeys, allow_nan.
    chunks = make(None, _plain, json.encoder.encode_basestring, None, ":", ",", False, False, False)

    def encode(value: Any) -> str:
        return "".join(chunks(value, 0))

    return encode


def _plain(value: Any) -> Any:
    import dataclasses  # noqa: PLC0415 - these take a third of the time that importing microfn does, if nobody needs them
    import datetime  # noqa: PLC0415
    import decimal  # noqa: PLC0415
    import uuid  # noqa: PLC0415

    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, decimal.Decimal)):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} is nothing that JSON can say: {value!r:.200}")


def _short_integer(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise InvalidJSON(f"a number of {len(text)} digits is too long")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise InvalidJSON(f"{text[:40]} is too large a number")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJSON(f"{name} is no JSON")
