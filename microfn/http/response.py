"""`Response` for handles, with `html` and `redirect`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import urljoin

from markupsafe import Markup, escape
from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.utils import get_content_type
from werkzeug.utils import redirect as _redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from .cached_property import cached_property, default_property
from .conditions import find_range, is_modified
from .content_length import remember_length
from .headers import (
    HTML_HEADER,
    LENGTH_HEADERS,
    LOCATIONS,
    TEXT_HEADER,
    WSGIResponse,
    as_uri,
    missing_headers,
    needs_url,
    own_headers,
    validate_headers,
)
from .limits import check_conditions
from .request import Request
from .streams import as_bytes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = [
    "PendingJSON",
    "Response",
    "add_missing_headers",
    "check_response",
    "copy_response",
    "encode_body",
    "file_response",
    "headers_of",
    "html",
    "json_response",
    "redirect",
    "replace_headers",
]

_PIECES = (str, bytes, bytearray, memoryview)
"""The types of the chunks of a body."""
_REMADE = {"_wsgi", "_status", "_status_code", "headers"}
_LONGEST_TYPE = 128
_STATUS_LINES = {
    status: f"{int(status)} {phrase.upper()}" for status, phrase in HTTP_STATUS_CODES.items() if status >= 200
}
"""The names of headers, capitalized as in werkzeug's Response."""
_REDIRECTING = """<!doctype html>
<html lang=en>
<title>Redirecting...</title>
<h1>Redirecting...</h1>
<p>You should be redirected automatically to the target URL: <a href="%s">%s</a>. If not, click the link.
"""


class Response(WerkzeugResponse):
    """werkzeug's Response. Unlike a tuple, it has cookies, ETags, ranges, and streams with close callbacks.

    >>> response = Response("saved", 201)
    >>> response.set_cookie("seen", "1", httponly=True, samesite="Lax")
    >>> response.status
    '201 CREATED'

    PERF: a response of text and a status alone is the WSGI response to send, in `_wsgi`, until an attribute is read.
    The attributes are cached properties, which store their values beside `_wsgi`. A response without such values is
    unchanged, and `_original_body` tells if at least its body is.
    """

    _wsgi: WSGIResponse
    """The status line, valid headers, and body of the constructor. Missing if werkzeug's constructor ran."""

    def __init__(
        self,
        response: Any = None,
        status: Any = None,
        headers: Any = None,
        mimetype: str | None = None,
        content_type: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        wsgi: WSGIResponse | None
        if type(response) is str and status is headers is mimetype is content_type is None and type(self) is Response:
            content = response.encode()  # PERF: the shortest way for the most frequent type
            self._wsgi = ("200 OK", [TEXT_HEADER, LENGTH_HEADERS[len(content)]], [content])
            if direct_passthrough:
                self.direct_passthrough = True
        elif (
            type(self) is Response
            and (type(response) is str or type(response) is bytes)
            and (wsgi := _make_wsgi(as_bytes(response), status, headers, mimetype, content_type))
        ):
            self._wsgi = wsgi
            if direct_passthrough:
                self.direct_passthrough = True
        else:
            if response is None or type(response) is str or type(response) is bytes:
                pass  # PERF: the most frequent characters
            elif hasattr(response, "__html__"):
                response = response.__html__()
                if mimetype is None and self.default_mimetype == WerkzeugResponse.default_mimetype:
                    is_typed = content_type is not None or "content-type" in WerkzeugHeaders(headers)
                    mimetype = None if is_typed else "text/html"
            else:
                response = _check_body(response)
            super().__init__(response, status, headers, mimetype, content_type, direct_passthrough)
            remember_length(self)

    direct_passthrough = False

    @classmethod
    def _from_wsgi(cls, wsgi: WSGIResponse) -> Response:
        """Return a response object for a WSGI response."""
        response = object.__new__(cls)
        response._wsgi = wsgi
        return response

    # werkzeug's constructor sets these attributes, so the functions run only if there is `_wsgi`.

    @default_property
    def _status(self) -> str:
        return self._wsgi[0]

    @default_property
    def _status_code(self) -> int:
        return int(self._wsgi[0][:3])

    @cached_property
    def headers(self) -> WerkzeugHeaders:
        return _headers_of(self._wsgi[1])

    @cached_property
    def response(self) -> Iterable[bytes]:
        body = self._wsgi[2]
        return body.copy() if type(body) is list else body  # so changes of the list stay with this response

    @cached_property
    def _on_close(self) -> list[Callable[[], Any]]:
        return []

    def make_conditional(
        self, request_or_environ: Any, accept_ranges: bool | str = False, complete_length: int | None = None
    ) -> WerkzeugResponse:
        """Convert it to a 304 if the client has this version, or to a 206 with the requested part.

        The ETag and Last-Modified of this response decide, for GET and HEAD. `accept_ranges` is True if the server can
        send parts; `complete_length` is then the length in bytes. Preconditions come before a range. Invalid dates are
        ignored, and so are requests for several ranges (RFC 9110, sections 13.2 and 14.2). Only a 2xx changes, and only
        a 200 has parts.

        Raises `BadRequest` (400) if a condition is too long, `PreconditionFailed` (412), and
        `RequestedRangeNotSatisfiable` (416).

        >>> from microfn import Router
        >>> app = Router()
        >>> @app.get("/")
        ... def index(request, params):
        ...     response = Response("hello")
        ...     response.add_etag()
        ...     return response.make_conditional(request)
        >>> etag = app.test_client().get("/").headers["ETag"]
        >>> app.test_client().get("/", headers={"If-None-Match": etag}).status
        '304 NOT MODIFIED'
        """
        environ = getattr(request_or_environ, "environ", request_or_environ)
        method = environ["REQUEST_METHOD"]
        own_headers(self)
        status = self.status_code
        if method not in ("GET", "HEAD") or not 200 <= status < 300:
            return self
        check_conditions(environ, Request.max_header_length)
        is_new = is_modified(environ, self)
        may_be_partial = is_new and status == 200 and accept_ranges in (True, "bytes") and complete_length
        part = find_range(environ, self, complete_length) if may_be_partial and complete_length else None
        asked = {"REQUEST_METHOD": method, **({"HTTP_RANGE": part} if part else {})}
        super().make_conditional(asked, accept_ranges, complete_length)
        remember_length(self)  # of the part
        if not is_new:
            self.status_code = 304
        return self

    @property
    def _original_body(self) -> Iterable[bytes] | None:
        """The body in `_wsgi`. None if code has read or set the body or its callbacks, and so may have changed it."""
        state = self.__dict__
        return state["_wsgi"][2] if "_wsgi" in state and "response" not in state and "_on_close" not in state else None

    @property
    def _is_remade(self) -> bool:
        """True if a response from `_to_wsgi` equals a copy of this one, which takes longer."""
        return type(self) is Response and type(self._original_body) is list and self.__dict__.keys() <= _REMADE

    @property
    def is_sequence(self) -> bool:
        own = self._original_body
        return isinstance(self.response if own is None else own, (list, tuple))

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> WerkzeugHeaders:
        """Return werkzeug's headers, even if Location is not a valid URL."""
        own = own_headers(self)
        if not any(name.lower() in LOCATIONS for name, _ in own):
            return super().get_wsgi_headers(environ)
        given = {name.title(): as_uri(own[name]) for name in LOCATIONS if name in own}
        if self.autocorrect_location_header and "Location" in given:
            given["Location"] = urljoin(as_uri(Request(environ).base_url), given["Location"])
        other = copy_response(self)
        for name in given:
            other.headers[name] = "/"
        headers = WerkzeugResponse.get_wsgi_headers(other, environ)
        for name, location in given.items():
            headers[name] = location
        return headers

    def _to_wsgi(self) -> WSGIResponse | None:
        """Return the WSGI response, if it is clear without werkzeug: the body is that of the constructor."""
        state = self.__dict__
        wsgi: WSGIResponse | None = state.get("_wsgi")
        if wsgi is None:
            return None
        line, headers, body = wsgi[0], wsgi[1].copy(), wsgi[2]  # a copy for the server, which changes the list
        if len(state) == 1:  # unchanged
            return line, headers, body
        # PERF: the code of `_original_body`, without a call
        if "response" in state or "_on_close" in state or self.autocorrect_location_header:
            return None
        if "headers" in state:
            headers = own_headers(self).to_wsgi_list()
            names = "\n".join([name for name, _ in headers]).lower()
            if "location" in names and needs_url(headers):
                return None
            if type(body) is list:
                length = LENGTH_HEADERS[sum(map(len, body))]
                lengths = names.count("content-length")
                if not lengths:
                    headers.append(length)
                elif lengths > 1 or length not in headers:
                    return None
        line = state.get("_status", line)
        validate_headers(line, headers)
        return line, headers, body


def _make_wsgi(
    content: bytes, status: Any, headers: Any, mimetype: str | None, content_type: str | None
) -> WSGIResponse | None:
    """Create the state of werkzeug's constructor, in a tenth of the time. Return None for unusual arguments."""
    line = "200 OK" if status is None else _STATUS_LINES.get(status) if isinstance(status, int) else None
    kind = type(headers)
    if line is None or not (headers is None or kind is dict or kind is list) or Response.autocorrect_location_header:
        return None
    try:
        own = TEXT_HEADER if mimetype is content_type is None else _type_header(mimetype, content_type)
        if headers is None:
            return line, [own, LENGTH_HEADERS[len(content)]], [content]
        made = [(name, value) for name, value in (headers.items() if kind is dict else headers)]
        names = [name.lower() for name, _ in made]
        validate_headers(line, made)
    except (AttributeError, TypeError, ValueError):
        return None
    if "content-length" in names or needs_url(made):
        return None
    if "content-type" not in names:
        made.append(own)
    elif own is not TEXT_HEADER or names.count("content-type") > 1:
        return None
    made.append(LENGTH_HEADERS[len(content)])
    return line, made, [content]


@lru_cache(maxsize=256)
def _type_header(mimetype: str | None, content_type: str | None) -> tuple[str, str]:
    """Return the Content-Type for these arguments. Raises AttributeError, TypeError or ValueError if invalid."""
    value = get_content_type(mimetype or "", "utf-8") if content_type is None else content_type
    if len(value) > _LONGEST_TYPE:
        raise ValueError("it is too long to be cached")
    validate_headers("200 OK", [("Content-Type", value)])
    return "Content-Type", value


def copy_response(response: WerkzeugResponse) -> WerkzeugResponse:
    """Return a separate copy. The owner of the original can keep it and return it again."""
    state = response.__dict__
    if type(response) is Response and len(state) == 1 and "_wsgi" in state:  # unchanged
        return Response._from_wsgi(response._wsgi)
    other: WerkzeugResponse
    if type(response) is Response:  # PERF: the work of `copy`, in a third of the time
        other = object.__new__(Response)
        other.__dict__.update(state)
    else:
        other = copy(response)
    if "headers" in state:
        other.headers = _headers_of(own_headers(response))
    for name in "_on_close", "response":
        if isinstance(state.get(name), list):
            setattr(other, name, state[name].copy())
    return other


def encode_body(response: WerkzeugResponse) -> None:
    """Convert the value of `response.response` to str and bytes. Raises TypeError if it is not a body."""
    body: Any = response.__dict__.get("response", ())
    if type(body) is list and len(body) == 1 and type(body[0]) is bytes:  # PERF: the most frequent case
        return
    if isinstance(body, _PIECES):
        response.response = [as_bytes(body)]
    elif isinstance(body, (list, tuple)):
        encoded = [as_bytes(chunk) for chunk in body]  # text too, since a lone surrogate cannot be sent
        if not all(isinstance(chunk, (bytes, str)) for chunk in body):
            response.response = encoded
    else:
        _check_body(body)


def check_response(response: WerkzeugResponse, environ: WSGIEnvironment) -> None:
    """Refuse an invalid response while middleware can still see the error. Raises the errors of its conversion."""
    state = response.__dict__
    headers: list[tuple[str, str]]
    if type(response) is Response and not needs_url(state.get("headers", ())):
        line = state["_status"] if "_status" in state else response._wsgi[0]
        headers = state["headers"].to_wsgi_list() if "headers" in state else []  # others were checked before
    else:
        _, line, headers = response.get_wsgi_response(environ)
    validate_headers(line, headers, is_whole=response.is_sequence)


def _check_body(body: Any) -> Any:
    """Return a body if werkzeug accepts it too. Raises TypeError for other values, such as those for JSON."""
    if isinstance(body, memoryview):
        return bytes(body)
    is_whole = isinstance(body, (list, tuple))
    if (
        isinstance(body, Mapping)
        or (is_whole and not all(isinstance(chunk, _PIECES) for chunk in body))
        or not (
            hasattr(body, "__iter__") or hasattr(body, "__getitem__")
        )  # PEP 3333: a file wrapper can have only the latter
    ):
        raise TypeError(
            f"body must be str, bytes, or an iterable of them, got {body!r:.200}; "
            "use json_response(value, status) for JSON"
        )
    return body


def add_missing_headers(response: WerkzeugResponse, wanted: list[tuple[str, str]]) -> None:
    """Add valid headers unless they exist. PERF: werkzeug's `setdefault` takes five times as long."""
    present = headers_of(response)
    _set_headers(response, [*present, *missing_headers(present, wanted)])


def replace_headers(response: WerkzeugResponse, given: list[tuple[str, str]]) -> None:
    """Replace headers with the same names by valid ones. PERF: for one header, werkzeug takes twice as long."""
    names = {name.lower() for name, _ in given}
    _set_headers(response, [pair for pair in headers_of(response) if pair[0].lower() not in names] + given)


def headers_of(response: WerkzeugResponse) -> list[tuple[str, str]]:
    """Return the names and values of the headers. PERF: a response that nobody changed needs no Headers for it."""
    return response._wsgi[1] if _is_unchanged(response) else own_headers(response)._list


def _set_headers(response: WerkzeugResponse, headers: list[tuple[str, str]]) -> None:
    if _is_unchanged(response):
        line, _, body = response._wsgi
        response._wsgi = line, headers, body  # it stays unchanged, so its headers are not checked again
    else:
        own_headers(response)._list = headers


def _is_unchanged(response: WerkzeugResponse) -> TypeGuard[Response]:
    state = response.__dict__
    return type(response) is Response and len(state) == 1 and "_wsgi" in state


def _headers_of(pairs: Iterable[tuple[str, str]]) -> WerkzeugHeaders:
    """Create Headers from checked pairs. PERF: werkzeug's constructor checks each again, which takes 2 µs."""
    headers = object.__new__(WerkzeugHeaders)
    headers._list = list(pairs)
    return headers


def html(text: str) -> Markup:
    """Mark text as HTML. Any other `str` is sent as text/plain.

    The result is markupsafe's Markup, so `%` and `format` escape their arguments.

    >>> html("<p>%s") % "<script>"
    Markup('<p>&lt;script&gt;')
    """
    # The caller asserts that this text is safe markup.
    return Markup(text)  # nosec B704


class PendingJSON:
    """The body of a `json_response` until the Router that sends it encodes the value."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __iter__(self) -> Iterator[bytes]:
        raise RuntimeError("the body of a json_response exists only after its handle has returned it")


def json_response(value: Any, status: int = 200, headers: Any = None) -> Response:
    """Create a Response with a JSON body (RFC 8259), for example with cookies or another status.

    The Router's codec encodes the value after the handle returns, and before middleware sees the response. `get_data()`
    raises RuntimeError before that. `headers` is a dict, a list of (name, value) pairs or Headers. Content-Type is
    `application/json` unless they contain it. If JSON cannot express the value, the response is a 500.

    >>> from microfn import Router
    >>> app = Router()
    >>> @app.post("/notes")
    ... def create(request, params):
    ...     response = json_response({"id": 7}, 201, {"Location": "/notes/7"})
    ...     response.set_cookie("seen", "7")
    ...     return response
    >>> reply = app.test_client().post("/notes")
    >>> reply.status, reply.json, reply.headers["Set-Cookie"]
    ('201 CREATED', {'id': 7}, 'seen=7; Path=/')
    """
    own = WerkzeugHeaders(headers)
    own.setdefault("Content-Type", "application/json")
    response = Response(None, status, own)
    response.response = PendingJSON(value)
    return response


def file_response(headers: list[tuple[str, str]], body: Iterable[bytes]) -> Response:
    """Create the response of a file, whose body is passed on unchanged. PERF: without werkzeug's constructor."""
    response = Response._from_wsgi(("200 OK", headers, body))
    response.direct_passthrough = True
    return response


def redirect(location: str, code: int = 302) -> Response:
    """Redirect the client with status 301, 302, 303, 307 or 308 (RFC 9110, section 15.4).

    `location` is a path or a URL. If it comes from a client, check it first, since it can lead to another site.
    Raises ValueError if `code` is another status.

    >>> redirect("/login", 303).headers["Location"]
    '/login'
    """
    if code not in (301, 302, 303, 307, 308):
        raise ValueError(f"code must be 301, 302, 303, 307 or 308, got {code!r}")
    url = as_uri(location)
    if Response.autocorrect_location_header:
        return _redirect(url, code, Response)  # type: ignore[return-value]
    shown = escape(url)
    content = (_REDIRECTING % (shown, shown)).encode()
    headers = [HTML_HEADER, LENGTH_HEADERS[len(content)], ("Location", url)]
    return Response._from_wsgi((_STATUS_LINES[code], headers, [content]))
