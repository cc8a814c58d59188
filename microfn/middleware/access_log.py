"""One line of JSON for each request, when its answer has been sent."""

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
    """Log `method`, `pattern`, `path`, `status`, `bytes`, `ms` and `id` of each request when its body has ended.

    `pattern` is null where there was no route, `id` without `request_id`, which goes around this one. All that a client
    sent is escaped, and cut at 1000 characters: the line is ASCII. `write` gets the line; without it, the logger
    `microfn.access` does, at level INFO, and shows it on stderr where logging is not set up.

    Paths in the environment variable MICROFN_NO_LOG are left out; it holds them as a URL does, separated by blanks.
    `microfn serve --no-log` sets it, and leaves out the server's own line for a request that has one here.

    `pattern` begins with the prefixes of the mounts that the request came through. `"complete": false` is added if the
    answer broke off: its body failed, or the client left before the end.

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
                write(json.dumps(line).replace("\x7f", r"\u007f"))  # which is ASCII, and a control character

            request.call_on_close(end)
            return response

        return logged

    return middleware


def _logger() -> logging.Logger:
    """The logger of access logs; it shows lines on stderr if nothing else does."""
    logger = logging.getLogger(_NAME)
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        # Logging may be set up later. Then there would be two lines.
        handler.addFilter(lambda _: list(_handlers(logger)) == [handler])
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    return logger


def _handlers(logger: logging.Logger | None) -> Iterator[logging.Handler]:
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None


def _count(request: Request, response: Response) -> Callable[[], int | None]:
    """What tells the bytes of the body when it has been sent."""
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
    remember_length(response)  # which is the same
    return lambda: size
