"""werkzeug's Request with limits: its properties refuse values that take too long to parse, and never cause a 500."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast
from urllib.parse import quote

from werkzeug.datastructures import (
    Accept,
    CharsetAccept,
    IfRange,
    ImmutableMultiDict,
    LanguageAccept,
    MIMEAccept,
    MultiDict,
)
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.http import http_date
from werkzeug.urls import uri_to_iri
from werkzeug.utils import cached_property
from werkzeug.wrappers import Request

from .limits import MAX_HEADER_LENGTH, MAX_TARGET_LENGTH, check_header, check_target, is_readable_accept

__all__ = ["GuardedRequest", "is_written"]

_PATH_SAFE = "!$&'()*+,/:;=@"
_QUERY_SAFE = _PATH_SAFE + "?%"
T = TypeVar("T")
A = TypeVar("A", bound=Accept)


def _made_safe(compute: Any, header: str | None = None, *, is_of_target: bool = False) -> Any:
    """Return the function of a property that checks the length of its input: a header, or path and query.

    If parsing fails, the request is invalid: 400.
    """

    @functools.wraps(compute)
    def read(request: GuardedRequest) -> Any:
        if header is not None:
            check_header(request.environ, header, request.max_header_length)
        if is_of_target:
            check_target(request.environ, request.max_target_length)
        try:
            return compute(request)
        except HTTPException:
            raise
        except (ValueError, ArithmeticError, LookupError, RecursionError) as error:
            raise BadRequest(f"The request's {compute.__name__} is invalid.") from error

    return read


# Type checkers see the value of a cached property, even if it is read from its class. So these return their argument.


def _of_header(parsed: T, header: str) -> T:
    return cast("T", cached_property(_made_safe(cast("property", parsed).fget, header)))


def _of_target(parsed: T) -> T:
    return cast("T", cached_property(_made_safe(cast("property", parsed).fget, is_of_target=True)))


def _of_preferences(parsed: A, header: str, kind: type[A]) -> A:
    """Return the property of an Accept header, which is ignored if it is too long (RFC 9110, section 12.5)."""
    read = _made_safe(cast("property", parsed).fget)

    @functools.wraps(read)
    def read_preferences(request: GuardedRequest) -> Any:
        return read(request) if is_readable_accept(request.environ.get(header, "")) else kind(None)

    return cast("A", cached_property(read_preferences))


def _of_written(parsed: T, header: str, empty: Callable[[], T]) -> T:
    """Return the property of a value that code may write as a header. If writing fails, the value is empty."""
    read = _made_safe(cast("property", parsed).fget, header)

    @functools.wraps(read)
    def read_written(request: GuardedRequest) -> Any:
        value = read(request)
        return value if is_written(value) else empty()

    return cast("T", cached_property(read_written))


def is_written(value: object) -> bool:
    """Return True if a date, or an `IfRange`, can be written as a header.

    >>> from werkzeug.datastructures import IfRange
    >>> is_written(IfRange("abc")), is_written(IfRange('a"b'))
    (True, False)
    """
    try:
        str(http_date(value) if isinstance(value, datetime) else value)
    except (ValueError, ArithmeticError):  # an entity tag with a quote, or a date out of the range of UTC
        return False
    return True


class GuardedRequest(Request):
    """werkzeug's Request with limits for its input."""

    max_header_length = MAX_HEADER_LENGTH
    """Maximum characters of a header. Reading a longer header raises a 400."""
    max_target_length = MAX_TARGET_LENGTH
    """Maximum characters of path and query. Reading longer ones raises a 414."""

    full_path = _of_target(Request.full_path)
    root_url = _of_target(Request.root_url)

    access_route = _of_header(Request.access_route, "HTTP_X_FORWARDED_FOR")
    authorization = _of_header(Request.authorization, "HTTP_AUTHORIZATION")
    cache_control = _of_header(Request.cache_control, "HTTP_CACHE_CONTROL")
    cookies = _of_header(Request.cookies, "HTTP_COOKIE")
    if_match = _of_header(Request.if_match, "HTTP_IF_MATCH")
    if_modified_since = _of_written(Request.if_modified_since, "HTTP_IF_MODIFIED_SINCE", type(None))
    if_none_match = _of_header(Request.if_none_match, "HTTP_IF_NONE_MATCH")
    if_range = _of_written(Request.if_range, "HTTP_IF_RANGE", IfRange)
    if_unmodified_since = _of_written(Request.if_unmodified_since, "HTTP_IF_UNMODIFIED_SINCE", type(None))
    pragma = _of_header(Request.pragma, "HTTP_PRAGMA")
    range = _of_header(Request.range, "HTTP_RANGE")

    accept_charsets = _of_preferences(Request.accept_charsets, "HTTP_ACCEPT_CHARSET", CharsetAccept)
    accept_encodings = _of_preferences(Request.accept_encodings, "HTTP_ACCEPT_ENCODING", Accept)
    accept_languages = _of_preferences(Request.accept_languages, "HTTP_ACCEPT_LANGUAGE", LanguageAccept)
    accept_mimetypes = _of_preferences(Request.accept_mimetypes, "HTTP_ACCEPT", MIMEAccept)

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """Return the parameters of the query. Bytes that are not UTF-8 stay escaped."""
        query = self.query_string
        if b"%" in query or not query.isascii() or self.parameter_storage_class is not ImmutableMultiDict:
            return self._parsed_args
        check_target(self.environ, self.max_target_length)
        # PERF: without escapes, and without the constructor of MultiDict, this takes a quarter of the time.
        values: dict[str, list[str]] = {}
        for pair in query.decode("ascii").replace("+", " ").split("&"):
            if pair:
                name, _, value = pair.partition("=")
                values.setdefault(name, []).append(value)
        args: MultiDict[str, str] = ImmutableMultiDict.__new__(ImmutableMultiDict)
        dict.update(args, values)
        return args

    _parsed_args = _of_target(Request.args)

    @cached_property
    @_made_safe
    def base_url(self) -> str:
        """Return the URL without the query: `root_url` and `path`, with all of its slashes, as an IRI."""
        check_target(self.environ, self.max_target_length)
        # werkzeug's property removes slashes at the start of the path, and treats "%" as an escape.
        return uri_to_iri(self.root_url[:-1] + quote(self.path, safe=_PATH_SAFE))

    @cached_property
    @_made_safe
    def url(self) -> str:
        """Return the URL of the request, as an IRI."""
        base: str = self.base_url  # first, since this also checks the length of the query
        return base + uri_to_iri("?" + quote(self.query_string, safe=_QUERY_SAFE)) if self.query_string else base

    @property
    def mimetype(self) -> str:
        """The type of the body, in lower case and without parameters; "" if there is no Content-Type."""
        check_header(self.environ, "CONTENT_TYPE", self.max_header_length)
        return super().mimetype

    @property
    def mimetype_params(self) -> dict[str, str]:
        """The parameters of Content-Type."""
        check_header(self.environ, "CONTENT_TYPE", self.max_header_length)
        return super().mimetype_params
