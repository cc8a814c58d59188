"""The Response that handles may return, and `html` and `redirect`, which say what a text or an answer is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from functools import lru_cache
from typing import TYPE_CHECKING, Any
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
    "html",
    "json_response",
    "redirect",
    "replace_headers",
]

_PIECES = (str, bytes, bytearray, memoryview)
"""The types of the pieces of a body."""
_REMADE = {"_wsgi", "_status", "_status_code", "headers"}
_LONGEST_TYPE = 128
_STATUS_LINES = {
    status: f"{int(status)} {phrase.upper()}" for status, phrase in HTTP_STATUS_CODES.items() if status >= 200
}
"""Those of werkzeug's Response, in capitals."""
_REDIRECTING = """<!doctype html>
<html lang=en>
<title>Redirecting...</title>
<h1>Redirecting...</h1>
<p>You should be redirected automatically to the target URL: <a href="%s">%s</a>. If not, click the link.
"""


class Response(WerkzeugResponse):
    """werkzeug's Response: what it can do and a tuple cannot are cookies, ETags, ranges and streams with a clean-up.

    >>> response = Response("saved", 201)
    >>> response.set_cookie("seen", "1", httponly=True, samesite="Lax")
    >>> response.status
    '201 CREATED'

    PERF: a response made of text and a status alone is the WSGI response that is sent, in `_wsgi`, until something of
    it is asked for: its attributes are cached properties, which put their values beside `_wsgi`. While there is
    nothing beside it, the response is untouched; `_original_body` says whether at least its body is.
    """

    _wsgi: WSGIResponse
    """The status line, headers and body that it was made of; missing if it was made by werkzeug's constructor."""

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
            content = response.encode()  # PERF: the shortest way for the most
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
                pass  # PERF: most are these
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
        """Return what is sent as an object again."""
        response = object.__new__(cls)
        response._wsgi = wsgi
        return response

    # werkzeug's constructor sets what these return, so they are called only if there is `_wsgi`.

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
        return body.copy() if type(body) is list else body  # changes of the list stay with this response

    @cached_property
    def _on_close(self) -> list[Callable[[], Any]]:
        return []

    def make_conditional(
        self, request_or_environ: Any, accept_ranges: bool | str = False, complete_length: int | None = None
    ) -> WerkzeugResponse:
        """Make it a 304 if the client has it already, or a 206 with the part that the client asks for.

        It goes by the ETag and Last-Modified that it has, for GET and HEAD. `accept_ranges` is True if parts of it may
        be sent; `complete_length` is then its length in bytes. RFC 9110, sections 13.2 and 14.2: preconditions come
        before a range, a date that cannot be read is ignored, and so is a request for several ranges. Any status but a
        2xx stays as it is, and only a 200 has parts.

        Raises `BadRequest` (400) for a condition that is too long, `PreconditionFailed` (412), and
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
        """The body of `_wsgi`; None if that, or what its end calls, was asked for or set: it may be another now."""
        state = self.__dict__
        return state["_wsgi"][2] if "_wsgi" in state and "response" not in state and "_on_close" not in state else None

    @property
    def _is_remade(self) -> bool:
        """Whether a response made of what `_to_wsgi` returns is the same as a copy of this one, which takes longer."""
        return type(self) is Response and type(self._original_body) is list and self.__dict__.keys() <= _REMADE

    @property
    def is_sequence(self) -> bool:
        own = self._original_body
        return isinstance(self.response if own is None else own, (list, tuple))

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> WerkzeugHeaders:
        """werkzeug's; also where Location is text that is no URL."""
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
        """Return what is sent, if that is clear without werkzeug: the body is the one that it was made with."""
        state = self.__dict__
        wsgi: WSGIResponse | None = state.get("_wsgi")
        if wsgi is None:
            return None
        line, headers, body = wsgi[0], wsgi[1].copy(), wsgi[2]  # it may be sent again, and servers change the list
        if len(state) == 1:  # it is untouched
            return line, headers, body
        # PERF: `_original_body`, in place of a call
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
    """Make what werkzeug's constructor would, in a tenth of its time; return None for what is not plain."""
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
    """The Content-Type by these arguments. Raises AttributeError, TypeError or ValueError if it is none."""
    value = get_content_type(mimetype or "", "utf-8") if content_type is None else content_type
    if len(value) > _LONGEST_TYPE:
        raise ValueError("it is too long to be cached")
    validate_headers("200 OK", [("Content-Type", value)])
    return "Content-Type", value


def copy_response(response: WerkzeugResponse) -> WerkzeugResponse:
    """The same answer, to be changed by itself: whoever made this one may keep it and return it again."""
    state = response.__dict__
    if type(response) is Response and len(state) == 1 and "_wsgi" in state:  # it is untouched
        return Response._from_wsgi(response._wsgi)
    other: WerkzeugResponse
    if type(response) is Response:  # PERF: what `copy` does, in a third of the time
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
    """Make str and bytes of what was assigned to `response.response`. Raises TypeError for what is no body."""
    body: Any = response.__dict__.get("response", ())
    if type(body) is list and len(body) == 1 and type(body[0]) is bytes:  # PERF: most are so
        return
    if isinstance(body, _PIECES):
        response.response = [as_bytes(body)]
    elif isinstance(body, (list, tuple)):
        encoded = [as_bytes(chunk) for chunk in body]  # of text too: half a surrogate pair cannot be sent
        if not all(isinstance(chunk, (bytes, str)) for chunk in body):
            response.response = encoded
    else:
        _check_body(body)


def check_response(response: WerkzeugResponse, environ: WSGIEnvironment) -> None:
    """Refuse what could not be sent, while middleware can still see that. Raises what its conversion would."""
    state = response.__dict__
    headers: list[tuple[str, str]]
    if type(response) is Response and not needs_url(state.get("headers", ())):
        line = state["_status"] if "_status" in state else response._wsgi[0]
        headers = state["headers"].to_wsgi_list() if "headers" in state else []  # others were looked at before
    else:
        _, line, headers = response.get_wsgi_response(environ)
    validate_headers(line, headers, is_whole=response.is_sequence)


def _check_body(body: Any) -> Any:
    """Return a body that is one for werkzeug too. Raises TypeError for what is no body, as a value for JSON."""
    if isinstance(body, memoryview):
        return bytes(body)
    is_whole = isinstance(body, (list, tuple))
    if (
        isinstance(body, Mapping)
        or (is_whole and not all(isinstance(chunk, _PIECES) for chunk in body))
        or not (hasattr(body, "__iter__") or hasattr(body, "__getitem__"))  # PEP 3333's file wrapper has the latter
    ):
        raise TypeError(
            f"body must be str, bytes, or an iterable of them, got {body!r:.200}; "
            "use json_response(value, status) for JSON"
        )
    return body


def add_missing_headers(response: WerkzeugResponse, wanted: list[tuple[str, str]]) -> None:
    """Add headers, each unless it is there. PERF: werkzeug's `setdefault` would take five times as long."""
    own = own_headers(response)
    own._list += missing_headers(own, wanted)


def replace_headers(response: WerkzeugResponse, given: list[tuple[str, str]]) -> None:
    """Set headers in place of those of the same names. PERF: werkzeug takes twice as long for one."""
    own, names = own_headers(response), {name.lower() for name, _ in given}
    own._list = [pair for pair in own if pair[0].lower() not in names] + given


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


class PendingJSON:
    """The body of a `json_response` until the Router that sends it encodes the value."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __iter__(self) -> Iterator[bytes]:
        raise RuntimeError("the body of a json_response exists only after its handle has returned it")


def json_response(value: Any, status: int = 200, headers: Any = None) -> Response:
    """Make a Response of a value that goes out as JSON (RFC 8259), for one with cookies or another status.

    The Router's own codec encodes it after the handle has returned it and before middleware sees it. `get_data()`
    raises RuntimeError before that. `headers` is a dict, a list of (name, value) or Headers; Content-Type is
    `application/json` unless they say otherwise. A value that JSON cannot express is a 500.

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
    """Make the answer of a file, which is passed on as it is. PERF: without werkzeug's constructor."""
    response = Response._from_wsgi(("200 OK", headers, body))
    response.direct_passthrough = True
    return response


def redirect(location: str, code: int = 302) -> Response:
    """Send the client elsewhere: 301, 302, 303, 307 or 308 (RFC 9110, section 15.4).

    `location` is a path or a URL; where it comes from a client, check it first: it may lead to another site.
    Raises ValueError for another code.

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
