"""A generated request, the conditions for its response, and the conditions for every response."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...wsgi import Reply, call, environ_of

SECRET = "what nobody may see"
SECONDS = 0.5
"""CPU time that no request may take."""

# RFC 9110, section 5.6.2; PEP 3333 has no control characters at all in values.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile("[ -~\x80-\xff]*")
# RFC 3986: path-absolute, which begins with one slash, and a query.
_PCHAR = r"[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2}"
_LOCATION = re.compile(rf"/(?!/)(?:{_PCHAR})*(?:\?(?:{_PCHAR}|\?)*)?")
# The methods that wsgiref.validate knows. It warns about others.
_METHODS = {"GET", "HEAD", "POST", "OPTIONS", "PATCH", "PUT", "DELETE", "TRACE"}
_REQUIRED = (
    "SCRIPT_NAME SERVER_NAME SERVER_PORT QUERY_STRING wsgi.version wsgi.input wsgi.errors wsgi.url_scheme".split()
)
_REQUIRED += "wsgi.multithread wsgi.multiprocess wsgi.run_once".split()


@dataclass
class Exchange:
    """One request to an application; `check` gets the reply and asserts its conditions."""

    app: Any
    check: Callable[[Reply], None]
    method: str | None = "GET"
    path: str | None = "/"
    """As WSGI has it, bytes decoded as latin-1."""
    query: str | None = ""
    body: bytes = b""
    extra: dict[str, Any] = field(default_factory=dict)
    """More of the environ, the dots of its keys as two underscores; None leaves a key out."""
    chunks: int | None = None
    """After so many the client leaves."""
    is_validated: bool = True
    """Whether wsgiref.validate may look on; it refuses some names of headers that RFC 9110 has."""
    may_fail: bool = False
    """Whether a 500, or an exception after the headers, is right; `check` says when."""

    def options(self) -> dict[str, Any]:
        named = {"REQUEST_METHOD": self.method, "PATH_INFO": self.path, "QUERY_STRING": self.query}
        return {"body": self.body, **named, **self.extra}

    def send(self) -> Reply:
        standard = self.is_validated and is_standard(environ_of(**self.options()))
        return call(self.app, validate=standard, chunks=self.chunks, **self.options())

    def judge(self) -> Reply:
        reply, began = None, time.thread_time()
        gc.disable()  # old logs of a long run are not garbage of this request
        try:
            reply = self.send()
            spent = time.thread_time() - began
            assert spent < SECONDS, f"it took {spent:.2f} s"
            check_reply(self, reply)
            self.check(reply)
        except Exception as error:
            raise AssertionError(f"{self.story()}: {error!r}; {reply!r:.800}") from error
        finally:
            gc.enable()
        return reply

    def story(self) -> str:
        return f"{self.method} {self.path!r:.300} ?{self.query!r:.300} {self.extra!r:.500} {self.body!r:.300}"


class Pair(NamedTuple):
    """A hostile request, and the harmless one that is like it."""

    hostile: Exchange
    twin: Exchange


def is_standard(environ: dict[str, Any]) -> bool:
    """Return True if an environ complies with PEP 3333, so that wsgiref.validate can check it."""
    script, path = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
    length = environ.get("CONTENT_LENGTH")
    return (
        environ.get("REQUEST_METHOD") in _METHODS
        and all(name in environ for name in _REQUIRED)
        and (not length or (length.isascii() and length.isdigit() and len(length) < 1000))
        and (path[:1] == "/" if path else bool(script))
        and script != "/"
        and script[:1] in ("", "/")
        and all(type(value) is str for name, value in environ.items() if "." not in name)
    )


def check_reply(exchange: Exchange, reply: Reply) -> None:
    """Assert the conditions of every response."""
    if not exchange.may_fail:
        assert reply.error is None, reply.error
        assert reply.code < 500
    assert 200 <= reply.code <= 599
    assert SECRET.encode() not in reply.body
    for name, value in reply.header_list:
        assert _TOKEN.fullmatch(name), name
        assert _VALUE.fullmatch(value), value
    _check_length(exchange, reply)
    if reply.code in (301, 307, 308):
        assert _LOCATION.fullmatch(reply.headers["location"]), reply.headers["location"]
    if reply.code == 405:
        allow = reply.headers["allow"].split(", ")
        assert allow == sorted(set(allow))
        assert exchange.method not in allow


def _check_length(exchange: Exchange, reply: Reply) -> None:
    lengths = [value for name, value in reply.header_list if name.lower() == "content-length"]
    assert len(lengths) <= 1
    if exchange.method == "HEAD" or reply.code in (204, 205, 304):
        assert reply.body == b""
        assert reply.code != 204 or not lengths
    elif lengths and exchange.chunks is None and reply.error is None:
        assert lengths == [str(len(reply.body))]


def is_code(*codes: int) -> Callable[[Reply], None]:
    """The check that only looks at the status."""

    def check(reply: Reply) -> None:
        assert reply.code in codes, f"{reply.code} is not one of {codes}"

    return check


def is_text(text: str) -> Callable[[Reply], None]:
    """The check that a handle was reached, and answered this."""

    def check(reply: Reply) -> None:
        assert (reply.code, reply.text) == (200, text)

    return check


def is_json(value: Any) -> Callable[[Reply], None]:
    """The same, in JSON."""

    def check(reply: Reply) -> None:
        assert reply.code == 200
        assert reply.json == value

    return check


def is_sorted_json(value: list[Any]) -> Callable[[Reply], None]:
    """Return the same check for a list in any order, such as that of a MultiDict."""

    def check(reply: Reply) -> None:
        assert (reply.code, sorted(reply.json)) == (200, sorted(value))

    return check


def tunnelled(text: str) -> str:
    """Text as WSGI has it."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")
