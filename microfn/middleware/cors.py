"""Cross-origin requests (the Fetch standard, "CORS protocol")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import cast

from ..arguments import check_names, check_size
from ..http.grammar import NAME, TOKEN
from ..http.request import Request
from ..http.response import Response, headers_of, replace_headers
from ..http.types import Handle, Middleware, Params

__all__ = ["cors"]

_PORTS = {"http": 80, "https": 443}


def cors(
    origins: str | Iterable[str] | Callable[[str], bool],
    *,
    methods: Iterable[str] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
    headers: Iterable[str] | None = None,
    expose: Iterable[str] = (),
    credentials: bool = False,
    max_age: int = 600,
) -> Middleware:
    """Allow pages of other origins to use the application. `origins` is "*", a list, or a callable of the origin.

    The middleware responds to the preflight of an allowed origin. A preflight has no credentials, so add this before
    middleware that requires them. `headers` are the allowed request headers, None for all. `expose` are the response
    headers that pages can read. `max_age` is the lifetime of a preflight in browsers, in seconds.

    Raises ValueError if an origin is not in the form that browsers send, such as `https://X.com` or `https://x.com:443`,
    and for invalid names of headers or methods. "null" is the origin of any page in a sandbox, by any author. So it is
    refused with credentials, even if a callable allows it.

    >>> from microfn import Router
    >>> app = Router()
    >>> _ = app.use(cors(["https://www.example.com"]))
    >>> app.test_client().get("/", headers={"Origin": "https://www.example.com"}).headers["Access-Control-Allow-Origin"]
    'https://www.example.com'
    """
    is_allowed = (
        (lambda origin: origin.isprintable() and origins(origin))
        if callable(origins)
        else _among(origins, credentials=credentials)
    )
    if origins == "*" and credentials:
        raise ValueError('origins must be a list if credentials is True, got "*"; browsers reject "*" with credentials')
    check_size("max_age", max_age)
    exposed = _tokens("expose", expose, credentials=credentials)
    wanted = _tokens("headers", () if headers is None else headers, credentials=credentials)
    allowed_methods = _tokens("methods", methods, credentials=credentials)
    by_origin = [("Vary", "Origin")]
    always = [("Access-Control-Allow-Credentials", "true")] if credentials else []
    exposing = [("Access-Control-Expose-Headers", exposed)] if exposed else []
    told = {"Access-Control-Allow-Methods": allowed_methods, "Access-Control-Max-Age": str(max_age)}

    def preflight(request: Request) -> Response:
        response = Response("", 204, told)
        response.vary.update(("Access-Control-Request-Method", "Access-Control-Request-Headers"))
        asked = request.headers.get("Access-Control-Request-Headers", "") if headers is None else wanted
        if asked and asked.isascii() and asked.isprintable():  # other values are not names of headers
            response.headers["Access-Control-Allow-Headers"] = asked
        return response

    def middleware(handle: Handle[Response]) -> Handle[Response]:
        def shared(request: Request, params: Params) -> Response:
            origin = request.environ.get("HTTP_ORIGIN", "")
            is_known = origins == "*" or (
                origin.isascii() and bool(origin) and (origin != "null" or not credentials) and is_allowed(origin)
            )
            is_preflight = request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.environ
            response = preflight(request) if is_known and origin and is_preflight else handle(request, params)
            if origins != "*" and any(name.lower() == "vary" for name, _ in headers_of(response)):
                response.vary.add("Origin")
            elif origins != "*":  # even if it is refused, so that caches keep the responses apart
                replace_headers(response, by_origin)
            if is_known:
                allowed = [("Access-Control-Allow-Origin", "*" if origins == "*" else origin), *always]
                replace_headers(response, allowed if is_preflight else allowed + exposing)
            return response

        return shared

    return middleware


def _among(origins: str | Iterable[str], *, credentials: bool) -> Callable[[str], bool]:
    if origins == "*":
        return bool
    listed = _texts("origins", origins)
    for one in listed or [""]:
        sent = one if one == "null" else _as_sent(one)
        if sent is None:
            raise ValueError(
                f"origins must be like 'https://www.example.com', got {one!r}; cors(\"*\") allows all of them"
            )
        if sent != one:
            raise ValueError(f"origins must be written as browsers send them, got {one!r}; did you mean {sent!r}?")
    if credentials and "null" in listed:
        raise ValueError('origins must be without "null" if credentials is True, since any page can have that origin')
    return listed.__contains__


def _as_sent(origin: str) -> str | None:
    """Return an origin as browsers send it (RFC 6454, section 6.2; the URL standard, "host serializing"), or None.

    The hosts of schemes such as `chrome-extension` are not network hosts, and stay unchanged.
    """
    match = re.fullmatch(
        r"([A-Za-z][A-Za-z0-9+.-]*)://(\[[0-9A-Fa-f:.]+\]|[^/?#@:*\[\]\s]+)(?::([0-9]{0,5}))?/?", origin
    )
    if match is None:
        return None
    scheme, host, port = match[1].lower(), match[2], match[3] or ""
    if scheme in _PORTS:
        try:
            host = _host_as_sent(host)
        except ValueError:
            return None
        port = "" if not port or int(port) == _PORTS[scheme] else str(int(port))
    if not host.isascii() or not host.isprintable() or (port and not 0 < int(port) < 65536):
        return None
    return f"{scheme}://{host}:{port}" if port else f"{scheme}://{host}"


def _host_as_sent(host: str) -> str:
    """Return a network host: a name in lower case and ASCII, or an address. Raises ValueError if it is neither."""
    if host.startswith("["):
        from ipaddress import IPv6Address  # noqa: PLC0415 - such addresses are rare

        return f"[{IPv6Address(host[1:-1]).compressed}]"
    name = host.encode("idna").decode().lower()
    if not re.fullmatch(rf"{NAME}\.?", name):
        raise ValueError("it is not a valid name")
    return name


def _tokens(name: str, values: Iterable[str], *, credentials: bool) -> str:
    """Return a list of tokens (RFC 9110, section 5.6.2) for a header. Raises ValueError if one is not a token."""
    listed = _texts(name, values)
    for one in listed:
        if not TOKEN.fullmatch(one):
            kind = "methods" if name == "methods" else "names of headers"
            raise ValueError(f"{name} must be a list of {kind}, got {one!r}")
        if name == "methods" and one != one.upper():
            raise ValueError(f"methods must be in upper case, got {one!r}; did you mean {one.upper()!r}?")
        if credentials and one == "*":
            raise ValueError(
                f'{name} must be without "*" if credentials is True, since browsers then treat it as a name'
            )
    return ", ".join(listed)


def _texts(name: str, values: Iterable[str]) -> list[str]:
    listed = values if isinstance(values, str) or not isinstance(values, Iterable) else list(values)
    check_names(name, listed)
    return cast("list[str]", listed)
