"""Convert the result of a handle to a WSGI response.

Every response leaves the application through `to_wsgi`. The function converts a value to a status line, headers and a
body. It removes the body if HTTP does not allow one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from ..log import log_exception
from .content_length import forget_length, keep_length, with_own_length
from .file_body import is_file
from .grammar import STATUSES_WITHOUT_CONTENT
from .headers import (
    BYTES_HEADER,
    HTML_HEADER,
    JSON_HEADER,
    LENGTH_HEADERS,
    TEXT_HEADER,
    Headers,
    WSGIResponse,
    status_line,
    validate_headers,
)
from .json import Codec
from .response import PendingJSON, Response, copy_response, encode_body
from .result_tuple import merge_headers, unpack_tuple
from .streams import CloseOnce, ResponseEnd, Stream, close_body, hold_file
from .unsupported import describe_unsupported
from .wsgi_application import run_application

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Encoders", "encode_response", "encoders_for", "finish", "to_wsgi"]

Encoders = dict[type, Callable[[Any], WSGIResponse]]
"""The conversions of plain values, by type."""


def encoders_for(codec: Codec) -> Encoders:
    """Return the conversions of all types that are responses by themselves."""

    def of_text(value: str) -> WSGIResponse:
        content = value.encode()
        return "200 OK", [TEXT_HEADER, LENGTH_HEADERS[len(content)]], [content]

    def of_bytes(value: bytes) -> WSGIResponse:
        return "200 OK", [BYTES_HEADER, LENGTH_HEADERS[len(value)]], [value]

    def of_json(value: Any) -> WSGIResponse:
        content = _encode_json(codec, value)
        return "200 OK", [JSON_HEADER, LENGTH_HEADERS[len(content)]], [content]

    def of_buffer(value: Any) -> WSGIResponse:
        return of_bytes(bytes(value))

    return {str: of_text, bytes: of_bytes, dict: of_json, list: of_json, bytearray: of_buffer, memoryview: of_buffer}


def _encode_json(codec: Codec, value: Any) -> bytes:
    text = codec.dumps(value)
    # A lone surrogate, which UTF-8 cannot encode, becomes \ud800, its escape in JSON.
    return text.encode(errors="backslashreplace") if isinstance(text, str) else text


def to_wsgi(
    result: Any,
    environ: WSGIEnvironment,
    encoders: Encoders,
    *,
    origin: object,
    status: int = 200,
    is_final: bool = True,
) -> WSGIResponse:
    """Convert `result` to a WSGI response. `status` applies if the result has none; errors name `origin`, its function.

    A response that is not final, because middleware sees it, keeps its body even if HTTP does not allow one.
    Raises TypeError or ValueError if the result cannot be sent, and errors of a stream before its first chunk. In that
    case `result` is closed. Otherwise the owner of the body closes it.
    """
    kind = type(result)
    response: WSGIResponse | None = None
    if kind is Response:
        response = result._to_wsgi()
    elif kind in encoders and status == 200:
        response = encoders[kind](result)
    if response is None:
        response = _convert(result, environ, encoders, origin, status)
    if not is_final or (type(response[2]) is list and response[0] == "200 OK" and environ["REQUEST_METHOD"] != "HEAD"):
        return response  # PERF: the most frequent case, without a call
    return finish(environ, response)


def finish(environ: WSGIEnvironment, response: WSGIResponse) -> WSGIResponse:
    """Return the response to send: without a body if HTTP does not allow one, at most as long as its Content-Length."""
    if environ["REQUEST_METHOD"] == "HEAD" or response[0][:3] in STATUSES_WITHOUT_CONTENT:
        return _without_body(environ, *response)
    return response if type(response[2]) is list else keep_length(*response, environ)


def _convert(result: Any, environ: WSGIEnvironment, encoders: Encoders, origin: object, status: int) -> WSGIResponse:
    body, given_status = result, None
    given_headers: Headers = []
    if isinstance(result, tuple):
        body, given_status, given_headers = unpack_tuple(result, origin)
    if isinstance(body, HTTPException):
        raise body
    if isinstance(body, WerkzeugResponse):
        body = encode_response(body, encoders)
        line, headers, content = _from_response(body, environ)
    elif callable(body) and not (hasattr(body, "__html__") or hasattr(body, "__next__")):
        line, headers, content = run_application(body, environ)
    else:
        line, headers, content = _from_value(body, encoders, origin)
        given_status = status if given_status is None else given_status
    try:
        if given_status is not None:
            line = status_line(given_status)
        if given_headers:
            is_whole = isinstance(content, list) or (isinstance(body, WerkzeugResponse) and body.is_sequence)
            # A HEAD route can report the length of a body that it does not create.
            is_empty = environ["REQUEST_METHOD"] == "HEAD" and content == [b""]
            headers = merge_headers(headers, given_headers, is_whole=is_whole and not is_empty)
        # PERF: a plain value has only headers of ours, which are valid.
        validate_headers(line, headers if given_headers or type(body) not in encoders else [])
    except BaseException:
        close_body(content)
        raise
    return line, headers, content


def _from_value(body: Any, encoders: Encoders, origin: object) -> WSGIResponse:
    encode = encoders.get(type(body))
    if encode is not None:
        return encode(body)
    if hasattr(body, "__html__"):
        content = body.__html__().encode()
        return "200 OK", [HTML_HEADER, LENGTH_HEADERS[len(content)]], [content]
    if hasattr(body, "__next__"):
        stream = Stream(body)
        return "200 OK", [TEXT_HEADER if stream.is_text else BYTES_HEADER], stream
    for kind, encode in encoders.items():
        if isinstance(body, kind):
            return encode(body)
    if hasattr(type(body), "__dataclass_fields__"):
        return encoders[dict](body)
    close_body(body)
    raise TypeError(describe_unsupported(body, origin))


def encode_response(response: WerkzeugResponse, encoders: Encoders) -> WerkzeugResponse:
    """Return the response with a body of str or bytes. If the assigned body is invalid, close the response."""
    encoded = response
    pending: Any = response.__dict__.get("response")
    try:
        if type(pending) is PendingJSON:
            (content,) = encoders[dict](pending.value)[2]
            encoded = copy_response(response)  # the handle may return its response again, and another Router send it
            encoded.set_data(content)
        else:
            encode_body(response)
    except BaseException:
        response.close()
        raise
    return encoded


def _from_response(response: WerkzeugResponse, environ: WSGIEnvironment) -> WSGIResponse:
    forget_length(response)
    try:
        if response.direct_passthrough:
            hold_file(response, environ)
        body, status, headers = response.get_wsgi_response(environ)
    except BaseException:
        response.close()
        raise
    if response._on_close:
        body = CloseOnce(body, ResponseEnd(response, environ))
    if response.is_sequence:
        headers = with_own_length(response, headers, environ)
    elif not (isinstance(body, Stream) or (response.direct_passthrough and is_file(body, environ))):
        body = Stream(body)
    return status, headers, body


def _without_body(environ: WSGIEnvironment, line: str, headers: Headers, body: Iterable[bytes]) -> WSGIResponse:
    """Return a response to HEAD, or a 204, 205 or 304 (RFC 9110, sections 9.3.2, 15.3.5, 15.3.6 and 15.4.5)."""
    if type(body) is not list:
        try:
            close_body(body)
        except Exception as error:  # the client gets no body, so the response does not change
            log_exception(error, environ)
    return line, _without_content(line, headers) if line[:3] in STATUSES_WITHOUT_CONTENT else headers, []


def _without_content(line: str, headers: Headers) -> Headers:
    """Return the headers of a status that has no content."""
    if line.startswith("205"):
        return [pair for pair in headers if pair[0].lower() != "content-length"] + [("Content-Length", "0")]
    return [pair for pair in headers if pair[0].lower() not in ("content-type", "content-length")]
