"""The application that serves the states and results of queued calls."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...http.abort import abort
from ...http.headers import HTML, validate_headers
from ...http.problems import error_page, preferred_type
from ...http.request import Request
from ...http.response import Response
from ...log import log_exception
from .page import page
from .record import Entry, StoreError, iso

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from .store import Store

__all__ = ["Calls", "described"]

CALL_ID = "Fn-Call-Id"
_PATH = re.compile(r"/?([0-9a-f]{32})(/result)?")
_OURS = ("cache-control", "content-length", "fn-call-id", "retry-after")


class Calls:
    """The state of a call at `/<id>`, and its result at `/<id>/result`.

    An instance is a WSGI application that can be mounted, and the handle of a catch-all route.
    """

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open_store = open_store

    def __repr__(self) -> str:
        return "<Calls>"

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Respond as an application to `(environ, start_response)`, or as a handle to `(request, params)`."""
        if isinstance(environ, Request):
            params = start_response if isinstance(start_response, Mapping) else {}
            return self._answer(environ, str(next(iter(params.values()), environ.path)))
        return self._answer_wsgi(environ, start_response)

    def _answer_wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        from werkzeug.exceptions import HTTPException, InternalServerError  # noqa: PLC0415 - for errors alone

        request = Request(environ)
        try:
            response = self._answer(request, request.path)
        except HTTPException as error:
            line, headers, content = error_page(error, environ)
            start_response(line, headers)
            return [] if request.method == "HEAD" else content
        except Exception as error:
            log_exception(error, environ)
            line, headers, content = error_page(InternalServerError(), environ)
            start_response(line, headers)
            return [] if request.method == "HEAD" else content
        return response(environ, start_response)

    def _answer(self, request: Request, path: str) -> Response:
        if request.method not in ("GET", "HEAD"):
            abort(405, valid_methods=["GET", "HEAD"])
        found = _PATH.fullmatch(path)
        try:
            entry = self._open_store().status(found[1]) if found else None
        except StoreError as error:
            log_exception(error, request.environ)
            return abort(503, "The store of queued calls is unavailable.", retry_after=5)
        if found is None or entry is None:
            return abort(404, "No such call.")
        response = _result(entry) if found[2] else _state(entry, request)
        if not entry.is_final:
            response.headers["Retry-After"] = "1"
        response.headers[CALL_ID] = entry.id
        response.headers["Cache-Control"] = "no-store"
        return response


def described(entry: Entry) -> dict[str, Any]:
    """Return the description of a call, with values that JSON can represent."""
    log = entry.outcome.log if entry.outcome is not None else b""
    return {
        "id": entry.id,
        "function": entry.function,
        "state": entry.state,
        "attempts": entry.executions,
        "enqueued_at": iso(entry.enqueued_at),
        "started_at": iso(entry.started_at),
        "ended_at": iso(entry.ended_at),
        "expires_at": iso(entry.expires_at),
        "error": entry.error,
        "log": log.decode("utf-8", "backslashreplace"),
    }


def _state(entry: Entry, request: Request) -> Response:
    """Return the description of a call as JSON, or as a page if the client prefers HTML."""
    description = described(entry)
    if preferred_type(request.environ.get("HTTP_ACCEPT", "")) == HTML:
        has_result = entry.outcome is not None and entry.outcome.status is not None
        response = Response(page(description, is_final=entry.is_final, has_result=has_result), content_type=HTML)
    else:
        response = _json(description)
    response.headers["Vary"] = "Accept"
    return response


def _result(entry: Entry) -> Response:
    """Return the response of the function: 409 if the call has not ended, 410 if it ended without a response."""
    outcome = entry.outcome
    if not entry.is_final:
        response = _json({"id": entry.id, "state": entry.state}, 409)
    elif outcome is None or outcome.status is None:
        response = _json({"id": entry.id, "state": entry.state, "error": entry.error}, 410)
    else:
        headers = [(name, value) for name, value in outcome.headers if name.lower() not in _OURS]
        validate_headers(outcome.status, headers)
        response = Response(outcome.body, outcome.status, content_type=None)
        response.headers.clear()
        response.headers.extend(headers)
        if not outcome.status.startswith(("204", "304")):
            response.headers["Content-Length"] = str(len(outcome.body))
    return response


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")
