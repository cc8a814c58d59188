"""The request of a call, in no protocol: each driver spells it for its functions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

from ..http.grammar import HOP_BY_HOP, TOKEN

__all__ = ["CallRequest", "check_target", "request_from_environ", "request_without_http"]

# RFC 3875, section 4.1: the facts that a server knows beside the request. Its other variables stay in the server.
_CONNECTION = (
    "AUTH_TYPE REMOTE_ADDR REMOTE_HOST REMOTE_PORT REMOTE_USER SERVER_NAME SERVER_PORT SERVER_PROTOCOL"
).split()
# A driver knows the length of the body that it sends.
_DROPPED = frozenset(f"HTTP_{name.upper().replace('-', '_')}" for name in ("content-length", *HOP_BY_HOP))
_NO_CONNECTION = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1"}
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_UNQUOTED = "/!$&'()*+,;=:@"
"""Characters that a path may hold as they are, beside letters and digits (RFC 3986, section 3.3)."""


class CallRequest(NamedTuple):
    """A request as WSGI has its texts: each character is one byte, decoded as latin-1 (PEP 3333).

    `path` and `query` are those below `script_name`, the prefix at which the function is mounted. `headers` are all
    but those about the connection and `Content-Length`. `connection` has the variables of RFC 3875, section 4.1, that
    are in none of the others, and `HTTPS`.
    """

    method: str
    path: str
    query: str = ""
    script_name: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    params: Mapping[str, Any] = {}
    connection: Mapping[str, str] = {}

    @property
    def target(self) -> str:
        """The path below the mount and the query, as a request line has them (RFC 9112, section 3.2.1).

        >>> CallRequest("GET", "/a b", "c=d").target
        '/a%20b?c=d'
        """
        path = quote(self.path.encode("latin-1"), safe=_UNQUOTED) or "/"
        return f"{path}?{self.query}" if self.query else path

    @property
    def params_json(self) -> str:
        """The params as ASCII JSON; a value that JSON cannot express, such as infinity, is a text.

        >>> CallRequest("GET", "/", params={"n": 7, "x": float("inf")}).params_json
        '{"n": 7, "x": "inf"}'
        """
        try:
            return _encode_json(dict(self.params))
        except ValueError:
            return _encode_json({name: _plain(value) for name, value in self.params.items()})


# PERF: json.dumps() would make an encoder for each call.
_encode_json = json.JSONEncoder(default=str, allow_nan=False).encode


def _plain(value: object) -> object:
    try:
        _encode_json(value)
    except ValueError:
        return str(value)
    return value


@lru_cache(1024)
def _header_name(key: str) -> str:
    """Return the name of the header with this key in an environ. PERF: most requests have the same headers."""
    return key[5:].replace("_", "-").title()


def request_from_environ(environ: Mapping[str, Any], params: Mapping[str, Any] | None) -> CallRequest:
    """Return the request of a WSGI environ, with the params of its route."""
    # RFC 9110, section 7.6.1, lets a proxy drop the headers that Connection names. A server is not a proxy: a client
    # could name headers that trusted middleware has set.
    headers = [
        (_header_name(name), str(value))
        for name, value in environ.items()
        if name.startswith("HTTP_") and value and name not in _DROPPED
    ]
    if environ.get("CONTENT_TYPE"):
        headers.append(("Content-Type", environ["CONTENT_TYPE"]))
    # A server may give a port as a number.
    connection = {name: str(environ[name]) for name in _CONNECTION if environ.get(name)}
    if environ.get("wsgi.url_scheme") == "https":
        connection["HTTPS"] = "on"
    return CallRequest(
        environ["REQUEST_METHOD"],
        environ.get("PATH_INFO", ""),
        environ.get("QUERY_STRING", ""),
        environ.get("SCRIPT_NAME", ""),
        tuple(headers),
        params or {},
        connection,
    )


def check_target(method: object, path: object) -> None:
    """Raise ValueError for an invalid method or path."""
    if not isinstance(method, str) or not TOKEN.fullmatch(method):
        raise ValueError(f"method must be a token (RFC 9110, section 9.1), got {method!r:.200}")
    if not isinstance(path, str) or not path.startswith("/"):
        raise ValueError(f'path must begin with "/", got {path!r:.200}')


def request_without_http(method: str, path: str, headers: Mapping[str, str], params: Mapping[str, Any]) -> CallRequest:
    """Return the request of a call that was made without HTTP; `path` may have a query.

    Raises TypeError and ValueError for invalid headers and params.
    """
    for argument, mapping in ("headers", headers), ("params", params):
        if not isinstance(mapping, Mapping):
            raise TypeError(f"{argument} must be a mapping, got {mapping!r:.200}")
    for name, value in headers.items():
        if not isinstance(name, str) or not TOKEN.fullmatch(name):
            raise ValueError(f"headers must have valid names (RFC 9110, section 5.1), got {name!r:.200}")
        if not isinstance(value, str):
            raise TypeError(f"header {name} must be a str, got {value!r:.200}")
        if _CONTROL.search(value):
            raise ValueError(f"header {name} must have no control character, got {value!r:.200}")
    path, _, query = path.partition("?")
    dropped = {*HOP_BY_HOP, "content-length"}
    pairs = tuple((name, _as_wsgi(value)) for name, value in headers.items() if name.lower() not in dropped)
    return CallRequest(method, _as_wsgi(path), _as_wsgi(query), "", pairs, dict(params), _NO_CONNECTION)


def _as_wsgi(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
