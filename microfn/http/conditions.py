"""Conditional requests and ranges: decide if a client needs the content, or which part (RFC 9110, sections 13, 14)."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from werkzeug.exceptions import PreconditionFailed
from werkzeug.http import parse_date, parse_etags
from werkzeug.wrappers import Response

__all__ = ["find_range", "is_modified"]

_SETTLED = 2
"""Seconds after which a date is a strong validator (RFC 9110, section 8.8.2.2).

Two versions can have the same second. One more second covers the small delay of a file system's clock.
"""
_ONE_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def is_modified(environ: Mapping[str, Any], response: Response) -> bool:
    """Return False if the client has this response to GET or HEAD already: a 304. Section 13.2.2 defines the order.

    The response is a 2xx (section 13.2.1). Invalid dates are ignored (sections 13.1.3 and 13.1.4). Tags are ignored if
    the response has no ETag, except `*`, which matches any representation (section 13.1.2).
    Raises `PreconditionFailed` (412).
    """
    etag, is_weak = response.get_etag()
    modified = _parse_date(response.headers.get("Last-Modified"))
    # Steps 1 and 2
    if expected := environ.get("HTTP_IF_MATCH"):
        # Section 13.1.1: the comparison is strong.
        is_same = expected.strip() == "*" or etag is None or (not is_weak and parse_etags(expected).is_strong(etag))
        if not is_same:
            raise PreconditionFailed
    elif _is_since(environ.get("HTTP_IF_UNMODIFIED_SINCE"), modified) is False:
        raise PreconditionFailed
    # Steps 3 and 4
    if known := environ.get("HTTP_IF_NONE_MATCH"):
        # Section 13.1.2: the comparison is weak.
        is_known = known.strip() == "*" or (etag is not None and parse_etags(known).contains_weak(etag))
        return not is_known
    return not _is_since(environ.get("HTTP_IF_MODIFIED_SINCE"), modified)


def find_range(environ: Mapping[str, Any], response: Response, size: int) -> str | None:
    """Return the Range of `size` bytes to send: a single one, of this version, for GET (section 14.2).

    None means all bytes, since a server can ignore other ranges.
    """
    match = _ONE_RANGE.fullmatch(environ.get("HTTP_RANGE") or "")
    if match is None or environ["REQUEST_METHOD"] != "GET" or not _is_same_version(environ, response):
        return None
    first, last = match.groups()
    if not first:  # a suffix: the last bytes, or all if there are fewer
        return f"bytes=-{min(int(last), size)}" if last else None
    return None if last and int(first) > int(last) else match[0]


def _is_same_version(environ: Mapping[str, Any], response: Response) -> bool:
    """Return True if If-Range names this version, by a strong tag or the exact date (section 13.1.5), or is missing.

    A date that has only just passed is not a strong validator, since an earlier version can have the same date.
    """
    version = environ.get("HTTP_IF_RANGE")
    if version is None:
        return True
    headers = response.headers
    if version == headers.get("ETag"):
        return not version.startswith("W/")
    modified = _parse_date(version) if version == headers.get("Last-Modified") else None
    return modified is not None and modified.timestamp() + _SETTLED <= time.time()


def _is_since(value: str | None, modified: datetime | None) -> bool | None:
    """Return True if a date is not before the last change. Return None if either date is missing or invalid."""
    date = _parse_date(value)
    return None if date is None or modified is None else modified <= date


def _parse_date(value: str | None) -> datetime | None:
    try:
        return parse_date(value)
    except (ValueError, ArithmeticError):
        return None
