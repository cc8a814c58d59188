"""Where errors go: the logger `microfn`, or the server's error stream where logging is not set up."""

from __future__ import annotations

import logging
import re
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["log_exception"]

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
logger = logging.getLogger("microfn")


def log_exception(error: BaseException, environ: WSGIEnvironment) -> None:
    """Log an exception with the request it happened in; method and path are escaped, and stay on their line.

    The exception itself goes to a logger as it is, and its handlers decide how it looks.

    That a log cannot be written is no reason to leave the request without an answer, so it is passed over.
    """
    with suppress(Exception):
        _log(error, environ)


def _log(error: BaseException, environ: WSGIEnvironment) -> None:
    method = ascii(environ.get("REQUEST_METHOD", ""))[1:-1][:1000]
    path = ascii(environ.get("PATH_INFO", ""))[1:-1][:1000]
    route = environ.get("microfn.route", "no route")
    name = environ.get("microfn.request_id")
    message = f"{method} {path} [{route}] raised {type(error).__name__}" + (f" (request {name})" if name else "")
    if logger.hasHandlers():
        logger.error("%s", message, exc_info=error)
        return
    stream = environ.get("wsgi.errors")
    if stream is not None:
        # Indented, and without control characters, so that no message of an exception looks like a line of the log.
        lines = "".join(traceback.format_exception(error)).splitlines()
        shown = [_CONTROL.sub(lambda found: ascii(found[0])[1:-1], line) for line in lines]
        text = "\n    ".join([f"microfn: {message}", *shown]) + "\n"
        stream.write(text.encode("ascii", "backslashreplace").decode())
        stream.flush()
