"""Headers that enable security features of browsers."""

from __future__ import annotations

from ..arguments import check_size
from ..http.headers import validate_headers
from ..http.request import Request
from ..http.response import Response, add_missing_headers
from ..http.types import Handle, Middleware, Params

__all__ = ["security_headers"]

CSP = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def security_headers(
    *,
    content_security_policy: str | None = CSP,
    frame_options: str | None = "DENY",
    referrer_policy: str | None = "strict-origin-when-cross-origin",
    opener_policy: str | None = "same-origin",
    hsts: int | None = None,
) -> Middleware:
    """Send the headers that OWASP recommends, unless the response has them. None omits a header.

    `hsts` is the time in seconds for which browsers use only HTTPS. It is sent over HTTPS only, and hard to revert.
    X-Content-Type-Options is always "nosniff". Raises ValueError or TypeError if a value is invalid in a header.

    >>> from microfn import Router
    >>> app = Router()
    >>> _ = app.use(security_headers(hsts=31536000))
    >>> app.test_client().get("/", base_url="https://localhost").headers["Strict-Transport-Security"]
    'max-age=31536000'
    """
    check_size("hsts", hsts, optional=True)
    given = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": content_security_policy,
        "X-Frame-Options": frame_options,
        "Referrer-Policy": referrer_policy,
        "Cross-Origin-Opener-Policy": opener_policy,
    }
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} must be a str or None, got {value!r}")
    always = [(name, value) for name, value in given.items() if value is not None]
    validate_headers("200 OK", always)
    over_https = [] if hsts is None else [("Strict-Transport-Security", f"max-age={hsts}")]

    def middleware(handle: Handle[Response]) -> Handle[Response]:
        def careful(request: Request, params: Params) -> Response:
            response = handle(request, params)
            add_missing_headers(response, always + over_https if request.scheme == "https" else always)
            return response

        return careful

    return middleware
