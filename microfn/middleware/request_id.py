"""An id for each request, in its response and in all log records of the request."""

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

# Characters that are safe in a header and in a line of a log, with a length that suits both.
_USABLE = re.compile(r"[A-Za-z0-9._~+/=:@-]{1,128}")
_current: ContextVar[str] = ContextVar("microfn.request_id", default="-")


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to log records: the id of the current request, or "-".

    The logger `microfn` has this filter. Add it to each log handler whose format has `%(request_id)s`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Accept every record, and add the id of its request."""
        record.request_id = _current.get()
        return True


def request_id(*, header: str = "X-Request-ID", trust: bool = True) -> Middleware:
    """Use the id in the request's `header` if it is valid, or create one, and send it with the response.

    `request.context.request_id` and `environ["microfn.request_id"]` have it too. Use `trust=False` if clients reach the
    application without a proxy; then the id is always new. Raises ValueError or TypeError if `header` is not a valid
    name.

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
            request.call_on_close(lambda: _current.set("-"))  # after the callbacks of inner middleware and handles
            return response

        return named

    return middleware
