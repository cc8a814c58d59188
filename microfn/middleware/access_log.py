"""An access log with one line of JSON for each request, written after its response."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..http.content_length import remember_length
from ..http.request import Request
from ..http.response import Response
from ..http.types import Handle, Middleware, Params
from ..log import LONGEST
from ..server_log import IS_LOGGED, unlogged_paths

__all__ = ["access_log"]

_NAME = "microfn.access"


def access_log(write: Callable[[str], object] | None = None) -> Middleware:
    """Log `method`, `pattern`, `path`, `status`, `bytes`, `ms` and `id` of each request after the end of its body.

    `pattern` is null without a route, and `id` is null unless `request_id` runs around this middleware. `ms` is the
    time in milliseconds. Values of the client are escaped to ASCII and cut at 1000 characters. `write` gets the line.
    By default, the logger `microfn.access` does, at level INFO, and prints it on stderr unless logging is configured.

    Paths in the environment variable MICROFN_NO_LOG are omitted. The variable has them as in a URL, separated by
    spaces. `microfn serve --no-log` sets it, and also removes the line of the server for requests with a line here.

    `pattern` begins with the prefixes of the mounts of the request. `"complete": false` is added if the response is
    incomplete: the body failed, or the client disconnected.

    >>> from microfn import Router
    >>> app, lines = Router(), []
    >>> _ = app.use(access_log(lines.append))
    >>> _ = app.test_client().get("/nothing")
    >>> json.loads(lines[0])["status"]
    404
    """
    logger, unlogged = (_logger() if write is None else None), unlogged_paths()
    write = write or logging.getLogger(_NAME).info

    def middleware(handle: Handle[Response]) -> Handle[Response]:
        def logged(request: Request, params: Params) -> Response:
            environ = request.environ
            if unlogged and environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "") in unlogged:
                return handle(request, params)
            if logger is None or logger.isEnabledFor(logging.INFO):
                environ[IS_LOGGED] = True
            began = time.perf_counter()
            response = handle(request, params)
            counted = _count(request, response)

            def end() -> None:
                route, name = request.environ.get("microfn.route"), request.environ.get("microfn.request_id")
                line = {
                    "method": request.method[:LONGEST],
                    "pattern": route,
                    "path": request.path[:LONGEST],
                    "status": response.status_code,
                    "bytes": counted(),
                    "ms": round((time.perf_counter() - began) * 1000, 3),
                    "id": name,
                }
                if not request._is_complete:
                    line["complete"] = False
                write(json.dumps(line).replace("\x7f", r"\u007f"))  # an ASCII control character

            request.call_on_close(end)
            return response

        return logged

    return middleware


def _logger() -> logging.Logger:
    """Return the logger of access logs. It prints lines on stderr if no other handler does."""
    logger = logging.getLogger(_NAME)
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        # Logging may be configured later. Without the filter, there would be two lines.
        handler.addFilter(lambda _: list(_handlers(logger)) == [handler])
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    return logger


def _handlers(logger: logging.Logger | None) -> Iterator[logging.Handler]:
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None


def _count(request: Request, response: Response) -> Callable[[], int | None]:
    """Return a function that returns the bytes of the body, once it has been sent."""
    if request.method == "HEAD" or response.status_code in (204, 205, 304):
        return lambda: 0
    body = response._original_body if isinstance(response, Response) else None
    if type(body) is list:
        size = sum(map(len, body))
        return lambda: size
    if response.is_sequence:
        return lambda: response.content_length or response.calculate_content_length()
    chunks, size = response.response, 0

    def passed_on() -> Iterator[Any]:
        nonlocal size
        for chunk in chunks:
            size += len(chunk)
            yield chunk

    response.response = passed_on()
    remember_length(response)  # of the same body
    return lambda: size
