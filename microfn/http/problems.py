"""Errors as responses.

A browser gets a small HTML page, a client that prefers plain text gets that, and other clients get JSON (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from markupsafe import escape
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import BadRequestKeyError, HTTPException, InternalServerError
from werkzeug.http import parse_accept_header

from .headers import HTML, LENGTH_HEADERS, TEXT, Headers, WSGIResponse, status_line, validate_headers
from .json import text_encoder
from .limits import is_readable_accept

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["CachedErrorPage", "error_page", "internal_error", "preferred_type"]

PROBLEM = "application/problem+json"
_LONGEST_ACCEPT = 2048
_encode_json = text_encoder()
_NO_MEMBERS: Mapping[str, Any] = {}

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{status} {title}</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem;
color: #222 }}
h1 {{ font-size: 1.5rem }} b {{ color: #666 }}</style>
<h1><b>{status}</b> {title}</h1>
<p>{detail}</p>
"""


def preferred_type(accept: str) -> str:
    """Return the media type for an error, according to the Accept header (RFC 9110, section 12.5.1).

    HTML if the client prefers it to JSON, plain text if it prefers that to both, else `application/problem+json`.

    >>> preferred_type("text/html,application/xhtml+xml,*/*;q=0.8")
    'text/html; charset=utf-8'
    >>> preferred_type("*/*")
    'application/problem+json'
    """
    return _preferred_type(accept) if 0 < len(accept) <= _LONGEST_ACCEPT else PROBLEM


@lru_cache(maxsize=128)
def _preferred_type(accept: str) -> str:
    """Do the work. PERF: browsers send a few values of Accept, and each takes 50 µs to parse."""
    if not is_readable_accept(accept, _LONGEST_ACCEPT):
        return PROBLEM
    # Parameters (`;charset=utf-8`) don't change the type.
    accepted = MIMEAccept([(name.partition(";")[0].strip(), q) for name, q in parse_accept_header(accept, MIMEAccept)])
    json = max(accepted.quality("application/json"), accepted.quality(PROBLEM))
    html = accepted.quality("text/html")
    text = accepted.quality("text/plain")
    if text > html and text > json:
        return TEXT
    return HTML if html > json else PROBLEM


def error_page(error: HTTPException, environ: WSGIEnvironment, sent: Collection[object] = ()) -> WSGIResponse:
    """Return the built-in response to an error, in the type that the client prefers.

    `sent` holds the values that the client sent. The page names a missing key only if one of these lacks it.
    """
    status = error.code or 500
    extra = extra_headers(error, environ)
    detail = f"The request has no {error.args[0]!r}." if _is_missing_key(error, sent) else str(error.description or "")
    members = getattr(error, "members", {})
    line, headers, content = _render(status, detail, tuple(extra), environ.get("HTTP_ACCEPT", ""), members)
    validate_headers(line, headers)
    return line, headers, [content]


def _is_missing_key(error: HTTPException, sent: Collection[object]) -> bool:
    """Return True if a value of the client lacks the key. A MultiDict of the application does not count."""
    trace = error.__traceback__
    if not isinstance(error, BadRequestKeyError) or not error.args or trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    searched = trace.tb_frame.f_locals.get("self")  # the `self` of `__getitem__`
    return any(searched is one for one in sent)


class CachedErrorPage(dict[str, tuple[str, Headers, bytes]]):
    """The pages of an error of the framework, by Accept: status line, headers and content.

    PERF: the cache saves three quarters of the time of a 404. If a client fills it, other pages are created each time,
    in a few µs.
    """

    def __init__(self, status: int, detail: str, *extra: tuple[str, str]) -> None:
        super().__init__()
        self._parts = (status, detail, extra)

    def __missing__(self, accept: str) -> tuple[str, Headers, bytes]:
        error_page = _render(*self._parts, accept)
        if len(self) < 64 and len(accept) <= _LONGEST_ACCEPT:
            self[accept] = error_page
        return error_page


def _render(
    status: int, detail: str, extra: tuple[tuple[str, str], ...], accept: str, members: Mapping[str, Any] = _NO_MEMBERS
) -> tuple[str, Headers, bytes]:
    line = status_line(status)
    title, content_type = line[4:], preferred_type(accept)
    if content_type == HTML:
        text = _PAGE.format(status=status, title=escape(title), detail=escape(detail))
    elif content_type == TEXT:
        text = f"{line}\n{detail}\n"
    else:
        text = _encode_json({"type": "about:blank", "title": title, "status": status, "detail": detail, **members})
    content = text.encode(errors="backslashreplace")
    headers = [("Content-Type", content_type), LENGTH_HEADERS[len(content)], ("Vary", "Accept"), *extra]
    return line, headers, content


def extra_headers(error: HTTPException, environ: WSGIEnvironment) -> Headers:
    """Return the headers of an error: Allow, WWW-Authenticate, Retry-After, Content-Range."""
    return [pair for pair in error.get_headers(environ) if pair[0].lower() != "content-type"]


def internal_error(error: BaseException) -> InternalServerError:
    """Return a 500 for an unexpected exception, without any details."""
    return InternalServerError(original_exception=error)
