"""From what a handle returned to what WSGI takes.

Everything that leaves the application goes through here: `answer` turns a value into a status line, headers and a body,
`gate` looks at what the user wrote of them, and the body is taken away where HTTP has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.utils import redirect as _redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from .codec import Codec
from .errors import name_of
from .lazy import Lazy

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["Made", "Response", "answer", "html", "redirect", "status_line"]

Headers = list[tuple[str, str]]

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"

# RFC 9110, section 5.6.2: a token.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# PEP 3333: no control characters; what is not latin-1 cannot be sent at all.
_UNSENDABLE = re.compile("[^ -~\x80-\xff]")
_STATUS_LINE = re.compile("[2-5][0-9]{2} [ -~\x80-\xff]*")
# PEP 3333, "Other HTTP Features": the connection is the server's business.
_HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization te trailer trailers transfer-encoding upgrade".split()
)
_NO_CONTENT = ("204", "205", "304")

TEXT_HEADER = ("Content-Type", TEXT)
_HTML_HEADER = ("Content-Type", HTML)
_BYTES_HEADER = ("Content-Type", BYTES)
_JSON_HEADER = ("Content-Type", JSON)

Made = tuple[str, Headers, Iterable[bytes]]
"""A response as WSGI has it: status line, headers, body. PERF: a NamedTuple takes four times as long to make."""
Encoders = dict[type, Callable[[Any], Made]]
"""How a plain value becomes an answer, by its type."""


class _LengthHeaders(dict[int, tuple[str, str]]):
    """The header that says how long a body is. PERF: those of short bodies are made once."""

    def __missing__(self, size: int) -> tuple[str, str]:
        return ("Content-Length", str(size))


LENGTH_HEADERS = _LengthHeaders({size: ("Content-Length", str(size)) for size in range(1024)})


def encoders_for(codec: Codec) -> Encoders:
    """The types whose every value is an answer by itself, and how it is made."""

    def of_text(value: str) -> Made:
        content = value.encode()
        return "200 OK", [TEXT_HEADER, LENGTH_HEADERS[len(content)]], [content]

    def of_bytes(value: bytes) -> Made:
        return "200 OK", [_BYTES_HEADER, LENGTH_HEADERS[len(value)]], [value]

    def of_json(value: Any) -> Made:
        content = _encode_json(codec, value)
        return "200 OK", [_JSON_HEADER, LENGTH_HEADERS[len(content)]], [content]

    return {str: of_text, bytes: of_bytes, dict: of_json, list: of_json}


def _encode_json(codec: Codec, value: Any) -> bytes:
    text = codec.dumps(value)
    # Half a surrogate pair, which UTF-8 cannot say, becomes \ud800: JSON's own way to say it.
    return text.encode(errors="backslashreplace") if isinstance(text, str) else text


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
            self.content = response.encode()
            self.direct_passthrough = direct_passthrough
            if status is not None:
                self.status = status
        else:
            super().__init__(response, status, headers, mimetype, content_type, direct_passthrough)

    if not TYPE_CHECKING:
        _status, _status_code = "200 OK", 200

        @Lazy
        def headers(self) -> WerkzeugHeaders:
            return WerkzeugHeaders([TEXT_HEADER, LENGTH_HEADERS[len(self.content)]])

        @Lazy
        def response(self) -> Iterable[bytes]:
            return [self.content]

        @Lazy
        def _on_close(self) -> list[Callable[[], Any]]:
            return []

    @property
    def is_untouched(self) -> bool:
        """Whether it is still nothing but a status and text."""
        state = self.__dict__
        return "content" in state and "headers" not in state and "response" not in state and "_on_close" not in state

    def as_made(self) -> Made:
        """What is sent of an untouched one."""
        line, content = self._status, self.content
        if "_status" in self.__dict__:
            gate(line, [])
        return line, [TEXT_HEADER, LENGTH_HEADERS[len(content)]], [content]


def html(text: str) -> Markup:
    """Say that this text is HTML; any other `str` goes out as text/plain.

    It is markupsafe's Markup, so `%` and `format` escape what they put in.

    >>> html("<p>%s") % "<script>"
    Markup('<p>&lt;script&gt;')
    """
    return Markup(text)


def redirect(location: str, code: int = 302) -> Response:
    """Send the client elsewhere: 301, 302, 303, 307 or 308 (RFC 9110, section 15.4).

    `location` is a path or a URL; where it comes from a client, check it first: it may lead to another site.
    Raises ValueError for another code.

    >>> redirect("/login", 303).headers["Location"]
    '/login'
    """
    if code not in (301, 302, 303, 307, 308):
        raise ValueError(f"{code!r} is no redirect; those are 301, 302, 303, 307 and 308")
    response = _redirect(location, code, Response)
    assert isinstance(response, Response)
    return response


_STATUS_LINES = {status: f"{status} {phrase}" for status, phrase in HTTP_STATUS_CODES.items()}


def status_line(status: int | str) -> str:
    """The status with its phrase: `404 Not Found`; a str is one already.

    Raises TypeError for what is neither.
    """
    if isinstance(status, str):
        return status
    if not isinstance(status, int):
        raise TypeError(f"a status is an int, or a str like '404 Not Found'; not {status!r} (body, status, headers)")
    return _STATUS_LINES.get(status) or f"{int(status)} Unknown"


def answer(result: Any, environ: WSGIEnvironment, encoders: Encoders, *, origin: object, status: int = 200) -> Made:
    """The answer that is meant by `result`, which `origin` returned; `status` is what a plain value gets.

    Raises TypeError or ValueError for what cannot be sent, and whatever a stream raises before its first chunk. What
    `result` holds is closed then; else it is closed by whoever closes the answer's body.
    """
    kind = type(result)
    encode = encoders.get(kind)
    if encode is not None and status == 200:
        made = encode(result)
    elif kind is Response and result.is_untouched:
        made = result.as_made()
    else:
        made = _general_answer(result, environ, encoders, origin, status)
    if environ["REQUEST_METHOD"] == "HEAD" or made[0].startswith(_NO_CONTENT):
        return _without_body(*made)
    return made


def _general_answer(result: Any, environ: WSGIEnvironment, encoders: Encoders, origin: object, status: int) -> Made:
    body, given_status, given_headers = _unpack(result, origin) if isinstance(result, tuple) else (result, None, [])
    if isinstance(body, HTTPException):
        raise body
    if isinstance(body, WerkzeugResponse):
        line, headers, content = _of_response(body, environ)
    elif callable(body) and not (hasattr(body, "__html__") or hasattr(body, "__next__")):
        line, headers, content = _of_application(body, environ)
    else:
        line, headers, content = _of_value(body, encoders, origin)
        if given_status is None:
            given_status = status
    try:
        if given_status is not None:
            line = status_line(given_status)
        if given_headers:
            is_whole = isinstance(content, list) and environ["REQUEST_METHOD"] != "HEAD"
            headers = _merge(headers, given_headers, is_whole=is_whole)
        gate(line, headers)
    except BaseException:
        close(content)
        raise
    return line, headers, content


def close(body: object) -> None:
    """Call `close()` where there is one, as a WSGI server does (PEP 3333)."""
    if hasattr(body, "close"):
        body.close()


class Stream:
    """A body that comes piece by piece, begun already: what fails before the first chunk can still become a clean 500.

    However often it is closed, what it came from is closed once.
    """

    def __init__(self, chunks: Iterable[str | bytes], owner: object = None) -> None:
        self._chunks = iter(chunks)
        self._owner = chunks if owner is None else owner
        self._is_closed = False
        self._first: list[bytes] = []
        self.is_text = True
        try:
            for chunk in self._chunks:
                self.is_text = isinstance(chunk, str)
                self._first.append(_encode(chunk))
                break
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._first.pop() if self._first else _encode(next(self._chunks))

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            close(self._owner)


def _encode(chunk: str | bytes) -> bytes:
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, str):
        return chunk.encode()
    raise TypeError(f"a stream yields str or bytes, not {type(chunk).__name__}")


def _unpack(result: tuple[Any, ...], origin: object) -> tuple[Any, int | str | None, Headers]:
    """`(body, status)` or `(body, status, headers)`."""
    try:
        if len(result) == 2:
            return result[0], result[1], []
        if len(result) == 3:
            return result[0], result[1], _header_list(result[2])
        raise TypeError(f"{name_of(origin)} returned a tuple of {len(result)}; it is (body, status[, headers])")
    except BaseException:
        close(result[0] if result else None)
        raise


def _header_list(headers: Any) -> Headers:
    pairs = list(headers.items() if hasattr(headers, "items") else headers if isinstance(headers, Iterable) else [None])
    listed: Headers = []
    if isinstance(headers, (str, bytes)) or not all(
        isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs
    ):
        raise TypeError(f"headers are a dict, or a list of (name, value); not {headers!r:.200}")
    for name, value in pairs:
        for item in value if isinstance(value, (list, tuple)) else (value,):
            listed.append((name, str(item) if type(item) is int else item))
    return listed


def _of_value(body: Any, encoders: Encoders, origin: object) -> Made:
    encode = encoders.get(type(body))
    if encode is not None:
        return encode(body)
    if hasattr(body, "__html__"):
        content = body.__html__().encode()
        return "200 OK", [_HTML_HEADER, LENGTH_HEADERS[len(content)]], [content]
    if hasattr(body, "__next__"):
        stream = Stream(body)
        return "200 OK", [TEXT_HEADER if stream.is_text else _BYTES_HEADER], stream
    for kind, encode in encoders.items():
        if isinstance(body, kind):
            return encode(body)
    close(body)
    raise TypeError(_complaint(body, origin))


def _complaint(body: object, origin: object) -> str:
    if body is None:
        return f'{name_of(origin)} returned None; did you forget to return? (An empty answer is "", 204)'
    return (
        f"{name_of(origin)} returned {type(body).__name__}, which is no answer; it can be str, bytes, dict, list, "
        "an iterator of str or bytes, a Response, any WSGI application, or a tuple (body, status[, headers])"
    )


def _of_response(response: WerkzeugResponse, environ: WSGIEnvironment) -> Made:
    try:
        body, status, headers = response.get_wsgi_response(environ)
    except BaseException:
        response.close()
        raise
    if not response.is_sequence and not response.direct_passthrough:
        body = Stream(body)
    return status, headers, body


def _of_application(application: WSGIApplication, environ: WSGIEnvironment) -> Made:
    """Run a WSGI application to its first chunk; no later it has told its status and headers (PEP 3333)."""
    started: list[tuple[str, Headers]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], object]:
        if exc_info is None and started:
            raise AssertionError("start_response was called twice, the second time without exc_info (PEP 3333)")
        if exc_info is not None and is_sent:
            raise exc_info[1]
        started[:] = [(status, headers)]
        return written.append

    is_sent = False
    body = application(environ, start_response)
    if not started or not _is_file(body, environ):
        body = Stream(_with_written(written, body), body)
    if not started:
        close(body)
        raise AssertionError(f"{name_of(application)} did not call start_response (PEP 3333)")
    is_sent = True
    return (*started[0], body)


def _with_written(written: list[bytes], body: Iterable[bytes]) -> Iterator[bytes]:
    """What an application sent through `write()`, in its place before the chunks that came later."""
    for chunk in body:
        while written:
            yield written.pop(0)
        yield chunk
    while written:
        yield written.pop(0)


def _is_file(body: object, environ: WSGIEnvironment) -> bool:
    """Whether the server knows how to send this faster than chunk by chunk (PEP 3333, wsgi.file_wrapper)."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


def _merge(headers: Headers, given: Headers, *, is_whole: bool) -> Headers:
    """The given headers replace those of the same name; only the length of a body that is whole is known better."""
    if is_whole:
        given = [pair for pair in given if _lower(pair[0]) != "content-length"]
    names = {_lower(name) for name, _ in given}
    return [pair for pair in headers if pair[0].lower() not in names] + given


def _lower(name: object) -> str:
    return name.lower() if isinstance(name, str) else ""


def _without_body(line: str, headers: Headers, body: Iterable[bytes]) -> Made:
    """An answer to HEAD, or a 204, 205 or 304 (RFC 9110, sections 9.3.2, 15.3.5, 15.3.6 and 15.4.5)."""
    close(body)
    return line, _without_content(line, headers), []


def _without_content(line: str, headers: Headers) -> Headers:
    """What is left of the headers where there is no content. A HEAD keeps all that GET would have had."""
    if line.startswith(("204", "304")):
        return [pair for pair in headers if pair[0].lower() not in ("content-type", "content-length")]
    if line.startswith("205"):
        return [pair for pair in headers if pair[0].lower() != "content-length"] + [("Content-Length", "0")]
    return headers


def gate(line: str, headers: Headers) -> None:
    """Refuse what a server would send as something else, or not at all. Raises ValueError or TypeError."""
    if not _STATUS_LINE.fullmatch(line):
        raise ValueError(f"{line!r} is no status line: a final status (200 to 599), a space and a phrase")
    for name, value in headers:
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"the header {name!r} is {value!r}; name and value are str")
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header (RFC 9110, section 5.1)")
        if _UNSENDABLE.search(value):
            raise ValueError(f"the header {name!r} holds what cannot be sent, in {value!r}")
        if name.lower() in _HOP_BY_HOP:
            raise ValueError(f"the header {name!r} is about the connection, which is the server's (PEP 3333)")
