"""Error logs: the logger `microfn`, and the server's error stream unless logging is configured."""

from __future__ import annotations

import logging
import traceback
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["LONGEST", "escape", "log_exception"]

LONGEST = 1000
"""Maximum characters of a logged value of a client.

Log collectors split much longer lines. The second half would begin with text that a client has chosen.
"""
_MOST_LINES = 1000
logger = logging.getLogger("microfn")
_is_shown: ContextVar[bool] = ContextVar("microfn.is_shown", default=False)
"""True if the server's error stream already has the current error."""


def log_exception(error: BaseException, environ: WSGIEnvironment, origin: str | None = None) -> None:
    """Log an exception with its request. Values of clients cannot start new lines.

    `origin` names the handle whose result cannot be sent.
    If logging itself fails, the failure is ignored, so that the client still gets a response.
    """
    errors = environ.get("microfn.errors")
    if errors is not None:  # the test client raises them
        errors.append(error)
    with suppress(Exception):
        _log(error, environ, origin)


def _log(error: BaseException, environ: WSGIEnvironment, origin: str | None) -> None:
    message = _message(error, environ, origin)
    stream = environ.get("wsgi.errors")
    # logging.config.dictConfig disables existing loggers by default.
    if stream is not None and (logger.disabled or not logger.hasHandlers()):
        with suppress(Exception):
            stream.write(f"microfn: {message}\n{_text_of(error)}\n".encode("ascii", "backslashreplace").decode())
            stream.flush()
            _is_shown.set(True)
            if logging.lastResort is not None:  # it prints to stderr, which many error streams are
                logging.lastResort.addFilter(_is_unseen)
    try:
        # Called even without handlers, since error reporters such as Sentry's client hook into the logger.
        logger.error("%s", message, exc_info=error)
    finally:
        _is_shown.set(False)


def _is_unseen(record: logging.LogRecord) -> bool:  # noqa: ARG001 - it is a filter
    return not _is_shown.get()


def _message(error: BaseException, environ: WSGIEnvironment, origin: str | None) -> str:
    method = _ascii(environ.get("REQUEST_METHOD", ""))
    # A mount has moved its prefix to SCRIPT_NAME. The route has the prefix too.
    mount = environ.get("microfn.mount", "").encode().decode("latin-1")  # as PEP 3333 has text
    path = _ascii(f"{mount}{environ.get('PATH_INFO', '')}")
    route, name = environ.get("microfn.route", "no route"), environ.get("microfn.request_id")
    source = f" for the result of {origin}" if origin else ""
    raised = _printable(f"[{route}] raised {type(error).__name__}{source}")
    return f"{method} {path} {raised}" + (f" (request {_ascii(name)})" if name else "")


def _ascii(value: object) -> str:
    return ascii(value)[1:-1][:LONGEST]


def escape(record: logging.LogRecord) -> bool:
    """Set the text of the exception of a record, so that a `logging.Formatter` prints it unchanged.

    The record keeps the exception itself for other handlers.
    """
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = _text_of(record.exc_info[1])
    return True


logger.addFilter(escape)


def _text_of(error: BaseException) -> str:
    """Return the traceback, indented, so that no line of a message looks like a line of the log."""
    try:
        lines = "".join(traceback.format_exception(error)).splitlines()
    except Exception as format_error:  # formatting can run code of the exception
        lines = [f"{type(error).__name__}, without a traceback: formatting it raised {type(format_error).__name__}"]
    return indented(lines)


def indented(lines: list[str]) -> str:
    """Indent foreign lines, so that none looks like a line of the log. Of many lines, omit the middle."""
    if len(lines) > _MOST_LINES:
        half = _MOST_LINES // 2
        lines = [*lines[:half], f"... and {len(lines) - 2 * half} more lines ...", *lines[-half:]]
    return "\n".join(f"    {_printable(line)}" for line in lines)


def _printable(line: str) -> str:
    """Return a line without control characters and line breaks, cut to the maximum."""
    if len(line) > LONGEST:
        line = f"{line[:LONGEST]}... and {len(line) - LONGEST} more characters"
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
