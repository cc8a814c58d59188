"""Cross-origin requests (the Fetch standard, "CORS protocol")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ..arguments import check_names, check_size
from ..http.request import Request
from ..http.response import Response, replace_headers
from ..http.types import Handle, Middleware, Params

__all__ = ["cors"]


def cors(
    origins: str | Iterable[str] | Callable[[str], bool],
    *,
    methods: Iterable[str] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
    headers: Iterable[str] | None = None,
    expose: Iterable[str] = (),
    credentials: bool = False,
    max_age: int = 600,
) -> Middleware:
    """Let pages of other origins use the application: `origins` is "*", a list, or a callable that is asked.

    The preflight of an allowed origin is answered here; it comes without credentials, so this goes around what asks for
    them. `headers` are the request headers that are allowed, None for all; `expose` are the response headers that pages
    may read; `max_age` is how many seconds browsers may keep the answer. ValueError is raised for what is no origin.

    "null" is the origin of any page in a sandbox, whoever made it: it is refused with credentials, also where a
    callable allows it.

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
        raise ValueError('origins is "*", which browsers refuse with credentials; list the origins')
    check_size("max_age", max_age)
    exposed, wanted = check_names("expose", expose), check_names("headers", headers or ())
    by_origin = [("Vary", "Origin")]
    always = [("Access-Control-Allow-Credentials", "true")] if credentials else []
    exposing = [("Access-Control-Expose-Headers", exposed)] if exposed else []
    told = {"Access-Control-Allow-Methods": check_names("methods", methods), "Access-Control-Max-Age": str(max_age)}

    def preflight(request: Request) -> Response:
        response = Response("", 204, told)
        response.vary.update(("Access-Control-Request-Method", "Access-Control-Request-Headers"))
        asked = request.headers.get("Access-Control-Request-Headers", "") if headers is None else wanted
        if asked and asked.isascii() and asked.isprintable():  # what cannot be sent is no header's name either
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
            if origins != "*" and "Vary" in response.headers:
                response.vary.add("Origin")
            elif origins != "*":  # also where it is not allowed: caches are not to mix them up
                replace_headers(response, by_origin)
            if is_known:
                allowed = [("Access-Control-Allow-Origin", "*" if origins == "*" else origin), *always]
                replace_headers(response, allowed if is_preflight else allowed + exposing)
            return response

        return shared

    return middleware


def _among(origins: str | Iterable[str], *, credentials: bool) -> Callable[[str], bool]:
    listed = check_names("origins", origins).split(", ") if origins != "*" else []
    for one in listed:
        if not re.fullmatch(r"null|[a-z][a-z0-9+.-]*://[^/?#\s*]+", one):
            raise ValueError(f"{one!r} is no origin, like 'https://www.example.com'; all of them are cors(\"*\")")
    if credentials and "null" in listed:
        raise ValueError('origins must be without "null" if credentials is True, since any page can be of that origin')
    return listed.__contains__ if listed else bool
