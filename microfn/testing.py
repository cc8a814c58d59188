"""The client for tests: requests without a server."""

from __future__ import annotations

from contextlib import ExitStack
from io import BytesIO
from typing import TYPE_CHECKING, Any

from werkzeug.test import Client as WerkzeugClient
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from .arguments import check_flags
from .http.response import Response
from .http.streams import close_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from typing_extensions import Self
    from werkzeug.datastructures import Headers
    from werkzeug.test import TestResponse

__all__ = ["Client"]


class Client(WerkzeugClient):
    """werkzeug's client, which reads each response to its end and closes it, as a server does.

    At the end of a `with` statement, it closes the responses that were not read to their end.
    """

    def __init__(self, application: WSGIApplication, *, use_cookies: bool = True, raise_exceptions: bool = False):
        check_flags(use_cookies=use_cookies, raise_exceptions=raise_exceptions)
        super().__init__(application, Response, use_cookies=use_cookies)
        self._raises_exceptions = raise_exceptions
        self._open_responses = ExitStack()
        self._is_entered = False

    def __enter__(self) -> Self:
        self._is_entered = True
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._is_entered = False
        self._open_responses.close()

    def open(self, *args: Any, buffered: bool = True, follow_redirects: bool = False, **kwargs: Any) -> TestResponse:
        """Send a request, as werkzeug's client does. With `buffered=False`, the caller reads and closes the response.

        Read an endless stream with `next(response.iter_encoded())`, then `response.close()`.
        """
        with ExitStack() as stack:
            if kwargs or len(args) != 1 or not isinstance(args[0], (EnvironBuilder, Request, dict)):
                args, kwargs = (_build_request(stack, *args, **kwargs),), {}
            response = super().open(*args, buffered=buffered, follow_redirects=follow_redirects, **kwargs)
            response.call_on_close(stack.pop_all().close)
        if buffered:
            response.close()
        elif self._is_entered:
            self._open_responses.callback(response.close)
        return response

    def run_wsgi_app(
        self, environ: WSGIEnvironment, buffered: bool = False
    ) -> tuple[Iterable[bytes], str, Headers]:  # werkzeug's `open` calls it
        """Call the application. Raise the exception that it logged, if the client has `raise_exceptions`."""
        environ.setdefault("REMOTE_ADDR", "127.0.0.1")
        errors: list[Exception] = []
        if self._raises_exceptions:
            environ["microfn.errors"] = errors
        try:
            parts = super().run_wsgi_app(environ, buffered)
        finally:
            environ.pop("microfn.errors", None)
        if errors:
            close_body(parts[0])
            raise errors[0]
        return parts

    def resolve_redirect(self, response: TestResponse, buffered: bool = False) -> TestResponse:
        """Follow a redirect. The body is sent again from its start (RFC 9110, sections 15.4.8 and 15.4.9)."""
        response.request.environ["wsgi.input"].seek(0)
        return super().resolve_redirect(response, buffered)


def _build_request(stack: ExitStack, *args: Any, **kwargs: Any) -> Request:
    """Build a request. A large upload is written to a temporary file, which `stack` closes."""
    builder = EnvironBuilder(*args, **kwargs)
    is_given = builder.input_stream is not None
    try:
        request = builder.get_request()
    finally:
        builder.close()
    body = request.environ["wsgi.input"]
    if not is_given and not isinstance(body, BytesIO):
        stack.callback(body.close)
    return request
