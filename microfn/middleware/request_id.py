"""A name for each request: in its answer, and in every log record that is written meanwhile."""

from __future__ import annotations

import logging
import re
import uuid
from contextvars import ContextVar

from ..http.headers import validate_headers
from ..http.request import Request
from ..http.response import Response, replace_headers
from ..http.types import Handle, Middleware, Params

__all__ = ["RequestIdFilter", "request_id"]

# What can stand in a header and in a line of a log, and is short enough for both.
_USABLE = re.compile(r"[A-Za-z0-9._~+/=:@-]{1,128}")
_current: ContextVar[str] = ContextVar("microfn.request_id", default="-")


class RequestIdFilter(logging.Filter):
    """Gives log records a `request_id`: that of the request during which they were written, or "-".

    The logger `microfn` has one; put one on each handler of logs that shows `%(request_id)s`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with its request's id."""
        record.request_id = _current.get()
        return True


def request_id(*, header: str = "X-Request-ID", trust: bool = True) -> Middleware:
    """Take the id from the request's `header` where there is a usable one, else make one; send it with the answer.

    It is `request.context.request_id` and `environ["microfn.request_id"]` too. With `trust=False`, for applications
    that face clients without a proxy between, an id that is sent is never taken. Raises ValueError or TypeError if
    `header` is no name of a header.

    >>> from microfn import Router
    >>> app = Router()
    >>> _ = app.use(request_id())
    >>> app.test_client().get("/", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"]
    'abc-1'
    """
    validate_headers("200 OK", [(header, "")])
    key = "HTTP_" + header.upper().replace("-", "_")
    logger = logging.getLogger("microfn")
    if not any(isinstance(one, RequestIdFilter) for one in logger.filters):
        logger.addFilter(RequestIdFilter())

    def middleware(handle: Handle[Response]) -> Handle[Response]:
        def named(request: Request, params: Params) -> Response:
            given = request.environ.get(key, "") if trust else ""
            name = given if _USABLE.fullmatch(given) else uuid.uuid4().hex
            request.environ["microfn.request_id"] = request.context.request_id = name
            _current.set(name)
            response = handle(request, params)
            replace_headers(response, [(header, name)])
            request.call_on_close(lambda: _current.set("-"))  # behind what is called for those within this one
            return response

        return named

    return middleware
