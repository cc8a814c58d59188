"""A handle in a process of its own, which speaks CGI; `functions.program.handle_program` is the command.

The request is in the environment and on stdin, as CGI has it; the response goes to stdout. Text that the handle prints
would be part of it, so it goes to stderr.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any
from wsgiref.handlers import BaseCGIHandler

from ..http.request import Request
from ..router import Router
from ..routing.handle import Handle
from .deadline import Deadline
from .functions.program import DONE
from .wsgi.application import FunctionApp

__all__ = ["application", "deadline_of", "handle_of", "main"]


def handle_of(reference: str) -> Any:
    """Return the handle of `module:name`. Raises ImportError, AttributeError and TypeError if there is none."""
    module, _, name = reference.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if isinstance(found, FunctionApp):  # it would call itself, in one process within the other
        raise TypeError(f"{reference} must be a handle, got the return value of cold(); bind that to another name")
    return found


def application(handle: Handle, params: Mapping[str, Any], deadline: Deadline | None) -> Router:
    """Return a WSGI application that calls one handle for all requests, with these params."""

    @functools.wraps(handle)
    def called(request: Request, _: object) -> Any:
        if deadline is not None:
            request.deadline = deadline
        return handle(request, params)

    def instead(_: Handle) -> Callable[[Request, object], Any]:
        return called

    app = Router(max_content_length=None)
    app.use(instead)
    return app


class _Handler(BaseCGIHandler):  # pragma: no cover - in a process of its own
    """A response that breaks off makes the process fail, or half of it would count as whole."""

    def handle_error(self) -> None:
        self.log_exception(sys.exc_info())
        raise SystemExit(1)


def main(reference: str) -> None:  # pragma: no cover - in a process of its own
    """Answer the request of this process."""
    answer = os.dup(1)
    out = os.fdopen(answer, "wb", closefd=False)  # its end is that of the answer, or of a process that has failed
    os.dup2(2, 1)
    # A line at a time, so that a handle that is killed has logged what it printed; and whatever the locale is.
    sys.stdout = open(1, "w", 1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115 - as long as the process
    given = os.environ.copy()
    params = json.loads(given.pop("FN_PARAMS", "{}"))
    # As WSGI has it: bytes as latin-1.
    environ = {name: os.fsencode(value).decode("latin-1") for name, value in given.items()}
    environ |= {"microfn.call_id": environ.get("FN_CALL_ID", "-"), "microfn.route": reference}
    app = application(handle_of(reference), params, deadline_of(given.get("FN_DEADLINE", "")))
    _Handler(sys.stdin.buffer, out, sys.stderr, environ, multithread=False, multiprocess=True).run(app)
    out.flush()
    os.close(answer)
    sys.exit(DONE)


def deadline_of(text: str) -> Deadline | None:
    """Return the deadline of `FN_DEADLINE`, a time of day (RFC 3339)."""
    with suppress(ValueError):
        end = datetime.fromisoformat(f"{text.removesuffix('Z')}+00:00")
        left = (end - datetime.now(timezone.utc)).total_seconds()
        return Deadline(time.monotonic(), max(0.001, left))
    return None
