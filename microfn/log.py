"""Where errors go: the logger `microfn`, and the server's error stream if logging is not set up."""

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
"""Characters that are logged of what a client may have chosen.

A line much longer is cut by what collects logs, and its second half would begin as the client likes.
"""
_MOST_LINES = 1000
logger = logging.getLogger("microfn")
_is_shown: ContextVar[bool] = ContextVar("microfn.is_shown", default=False)
"""Whether the error that is being logged stands in the server's error stream already."""


def log_exception(error: BaseException, environ: WSGIEnvironment, origin: str | None = None) -> None:
    """Log an exception with the request it happened in; nothing that a client chose makes lines of its own.

    `origin` names the handle that returned what cannot be sent.
    That a log cannot be written is no reason to leave the request without an answer, so it is passed over.
    """
    errors = environ.get("microfn.errors")
    if errors is not None:  # the test client raises them
        errors.append(error)
    with suppress(Exception):
        _log(error, environ, origin)


def _log(error: BaseException, environ: WSGIEnvironment, origin: str | None) -> None:
    message = _message(error, environ, origin)
    stream = environ.get("wsgi.errors")
    # Disabled are the loggers that were there before logging.config.dictConfig, unless it is told to leave them alone.
    if stream is not None and (logger.disabled or not logger.hasHandlers()):
        with suppress(Exception):
            stream.write(f"microfn: {message}\n{_text_of(error)}\n".encode("ascii", "backslashreplace").decode())
            stream.flush()
            _is_shown.set(True)
            if logging.lastResort is not None:  # it would show the error on stderr, which many streams are
                logging.lastResort.addFilter(_is_unseen)
    try:
        # Also if nobody listens: what reports errors (Sentry's client, for one) hooks into the logger itself.
        logger.error("%s", message, exc_info=error)
    finally:
        _is_shown.set(False)


def _is_unseen(record: logging.LogRecord) -> bool:  # noqa: ARG001 - it is a filter
    return not _is_shown.get()


def _message(error: BaseException, environ: WSGIEnvironment, origin: str | None) -> str:
    method = _ascii(environ.get("REQUEST_METHOD", ""))
    # A mount has moved its prefix to SCRIPT_NAME; the route has it too.
    mount = environ.get("microfn.mount", "").encode().decode("latin-1")  # as PEP 3333 has text
    path = _ascii(f"{mount}{environ.get('PATH_INFO', '')}")
    route, name = environ.get("microfn.route", "no route"), environ.get("microfn.request_id")
    source = f" for the result of {origin}" if origin else ""
    raised = _printable(f"[{route}] raised {type(error).__name__}{source}")
    return f"{method} {path} {raised}" + (f" (request {_ascii(name)})" if name else "")


def _ascii(value: object) -> str:
    return ascii(value)[1:-1][:LONGEST]


def escape(record: logging.LogRecord) -> bool:
    """Give a record the text of its exception, which a `logging.Formatter` prints as it is where it is there already.

    The exception itself stays with the record, for handlers that do more with it.
    """
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = _text_of(record.exc_info[1])
    return True


logger.addFilter(escape)


def _text_of(error: BaseException) -> str:
    """The traceback, indented, so that no line of an exception's message looks like one of the log."""
    try:
        lines = "".join(traceback.format_exception(error)).splitlines()
    except Exception as format_error:  # an exception may be as odd as it likes
        lines = [f"{type(error).__name__}, without a traceback: formatting it raised {type(format_error).__name__}"]
    return indented(lines)


def indented(lines: list[str]) -> str:
    """Lines that others chose, so that none of them looks like one of the log; of many, the middle is left out."""
    if len(lines) > _MOST_LINES:
        half = _MOST_LINES // 2
        lines = [*lines[:half], f"... and {len(lines) - 2 * half} more lines ...", *lines[-half:]]
    return "\n".join(f"    {_printable(line)}" for line in lines)


def _printable(line: str) -> str:
    """A line without what steers a terminal or begins another line, and no longer than lines may be."""
    if len(line) > LONGEST:
        line = f"{line[:LONGEST]}... and {len(line) - LONGEST} more characters"
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
