"""The Response that handles may return, and `html` and `redirect`, which say what a text or an answer is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.http import is_resource_modified, parse_date
from werkzeug.utils import redirect as _redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from .cached import cached_property
from .headers import LENGTH_HEADERS, LOCATIONS, TEXT_HEADER, WSGIResponse, as_uri, validate_headers
from .limits import check_conditions, check_header
from .request import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Response", "copy_response", "forget_length", "html", "redirect"]


class Response(WerkzeugResponse):
    """werkzeug's Response: what it can do and a tuple cannot are cookies, ETags, ranges and streams with a clean-up.

    >>> response = Response("saved", 201)
    >>> response.set_cookie("seen", "1", httponly=True, samesite="Lax")
    >>> response.status
    '201 CREATED'

    PERF: made of text and a status alone, it keeps just these until something else of it is asked for.
    """

    def __init__(
        self,
        response: Any = None,
        status: Any = None,
        headers: Any = None,
        mimetype: str | None = None,
        content_type: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        if type(response) is str and headers is mimetype is content_type is None and type(self) is Response:
            content = response.encode()
            self._made: WSGIResponse = ("200 OK", [TEXT_HEADER, LENGTH_HEADERS[len(content)]], [content])
            if direct_passthrough:
                self.direct_passthrough = True
            if status is not None:
                self.status = status
        else:
            super().__init__(response, status, headers, mimetype, content_type, direct_passthrough)

    direct_passthrough = False

    @classmethod
    def _from_wsgi(cls, made: WSGIResponse) -> Response:
        """What is sent, as an object again. PERF: it stays what it is until something of it is asked for."""
        response = object.__new__(cls)
        response._made = made
        return response

    @cached_property
    def _status(self) -> str:
        return self._made[0]

    @cached_property
    def _status_code(self) -> int:
        return int(self._made[0][:3])

    @cached_property
    def headers(self) -> WerkzeugHeaders:
        return _headers_of(self._made[1])

    @cached_property
    def response(self) -> Iterable[bytes]:
        body = self._made[2]
        return body.copy() if type(body) is list else body  # what is done to it stays with this answer

    @cached_property
    def _on_close(self) -> list[Callable[[], Any]]:
        return []

    def make_conditional(
        self, request_or_environ: Any, accept_ranges: bool | str = False, complete_length: int | None = None
    ) -> WerkzeugResponse:
        """werkzeug's, but a date that is none is ignored, and preconditions come before a range (RFC 9110, section 13).

        Raises `BadRequest` (400) for a condition that is too long to be read.
        """
        environ = getattr(request_or_environ, "environ", request_or_environ)
        check_conditions(environ, Request.max_header_length)
        check_header(environ, "HTTP_RANGE", Request.max_header_length)
        kept = {name: value for name, value in environ.items() if name not in _DATES or _is_readable(value)}
        is_other = "HTTP_IF_RANGE" in environ and "HTTP_IF_RANGE" not in kept
        headers = self.headers
        if is_other or not is_resource_modified(kept, headers.get("ETag"), last_modified=headers.get("Last-Modified")):
            kept.pop("HTTP_RANGE", None)
        return super().make_conditional(kept, accept_ranges, complete_length)

    @property
    def _original_body(self) -> Iterable[bytes] | None:
        """The body that it was made with; None where that was asked for, and may be another now."""
        state = self.__dict__
        made: WSGIResponse | None = state.get("_made")
        return None if made is None or "response" in state or "_on_close" in state else made[2]

    @property
    def is_sequence(self) -> bool:
        own = self._original_body
        return isinstance(self.response if own is None else own, (list, tuple))

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> WerkzeugHeaders:
        """werkzeug's; also where Location is text that is no URL."""
        given = {name.title(): as_uri(self.headers[name]) for name in LOCATIONS if name in self.headers}
        if not given:
            return super().get_wsgi_headers(environ)
        other = copy_response(self)
        for name in given:
            other.headers[name] = "/"
        headers = WerkzeugResponse.get_wsgi_headers(other, environ)
        for name, location in given.items():
            headers[name] = location
        return headers

    def _to_wsgi(self) -> WSGIResponse | None:
        """What is sent of it, where that is clear without werkzeug: it has the body that it was made with."""
        state = self.__dict__
        made: WSGIResponse | None = state.get("_made")
        if made is None:
            return None
        if len(state) == 1:
            return made[0], made[1].copy(), made[2]  # it may be sent again, and servers change the list
        if "response" in state or "_on_close" in state:
            return None
        line, headers, body = made[0], made[1].copy(), made[2]
        if "headers" in state:
            headers = self.headers.to_wsgi_list()
            names = [name.lower() for name, _ in headers]
            if "location" in names or "content-location" in names:
                return None
            if type(body) is list:
                length = LENGTH_HEADERS[sum(map(len, body))]
                if "content-length" not in names:
                    headers.append(length)
                elif length not in headers or names.count("content-length") > 1:
                    return None
        if "_status" in state or "headers" in state:
            line = self._status
            validate_headers(line, headers)
        return line, headers, body


_DATES = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE")


def _is_readable(value: str) -> bool:
    """Whether werkzeug reads this as a date, or as none, without an exception."""
    try:
        parse_date(value)
    except (ValueError, ArithmeticError):
        return False
    return True


def copy_response(response: WerkzeugResponse) -> WerkzeugResponse:
    """The same answer, to be changed by itself: whoever made this one may keep it and return it again."""
    state = response.__dict__
    if type(response) is Response and len(state) == 1 and "_made" in state:
        return Response._from_wsgi(response._made)
    other: WerkzeugResponse
    if type(response) is Response:  # PERF: what `copy` does, in a third of the time
        other = object.__new__(Response)
        other.__dict__.update(state)
    else:
        other = copy(response)
    if "headers" in state:
        other.headers = _headers_of(response.headers)
    for name in "_on_close", "response":
        if isinstance(state.get(name), list):
            setattr(other, name, state[name].copy())
    if other.is_sequence:
        other.__dict__["_whole_length"] = other.headers.get("Content-Length")
    return other


def forget_length(response: WerkzeugResponse) -> None:
    """Drop the length of a whole body, where a stream was put in its place."""
    state = response.__dict__
    made: WSGIResponse | None = state.get("_made")
    known = [state.get("_whole_length")]
    if made is not None and state.get("response", made[2]) is not made[2]:
        known += [value for name, value in made[1] if name.lower() == "content-length"]
    length = response.headers.get("Content-Length")
    if length is not None and length in known:
        del response.headers["Content-Length"]


def _headers_of(pairs: Iterable[tuple[str, str]]) -> WerkzeugHeaders:
    """Headers that were looked at before. PERF: werkzeug's constructor would look at each again, which takes 2 µs."""
    headers = object.__new__(WerkzeugHeaders)
    headers._list = list(pairs)
    return headers


def html(text: str) -> Markup:
    """Say that this text is HTML; any other `str` goes out as text/plain.

    It is markupsafe's Markup, so `%` and `format` escape what they put in.

    >>> html("<p>%s") % "<script>"
    Markup('<p>&lt;script&gt;')
    """
    # It is called to say that this very text is markup, of which whoever calls it is sure.
    return Markup(text)  # nosec B704


def redirect(location: str, code: int = 302) -> Response:
    """Send the client elsewhere: 301, 302, 303, 307 or 308 (RFC 9110, section 15.4).

    `location` is a path or a URL; where it comes from a client, check it first: it may lead to another site.
    Raises ValueError for another code.

    >>> redirect("/login", 303).headers["Location"]
    '/login'
    """
    if code not in (301, 302, 303, 307, 308):
        raise ValueError(f"{code!r} is no redirect; those are 301, 302, 303, 307 and 308")
    response: Response = _redirect(as_uri(location), code, Response)  # type: ignore[assignment]
    return response
