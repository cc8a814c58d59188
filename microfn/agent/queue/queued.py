"""The handle that stores the call of a request, and responds with 202 and the URL of its state."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...http.abort import abort
from ...http.request import Request
from ...http.response import Response
from ...log import log_exception
from .record import QueuedCall, StoreError, digest_of, id_of

if TYPE_CHECKING:
    from ...http.types import Params
    from ..wsgi.application import FunctionApp
    from .calls import Calls
    from .handle_function import HandleFunction
    from .store import Store

__all__ = ["LARGEST_BODY", "Queued"]

LARGEST_BODY = 16 * 1024 * 1024
"""Largest request body in bytes, since a call is one row of the store."""
CALL_ID = "Fn-Call-Id"
_LONGEST_KEY = 255
_RETRY_AFTER = 5


class Queued:
    """The handle of a route whose calls are stored, and executed later. `Agent.queued` returns it."""

    def __init__(
        self,
        open_store: Callable[[], Store],
        calls: Calls,
        function: FunctionApp | HandleFunction,
        name: str,
        *,
        retries: int,
        expires: float,
        keep: float,
        timeout: float | None,
        scope: Callable[[Request], str] | None,
    ) -> None:
        self._open_store = open_store
        self._calls = calls
        self.function = function
        self.name = name
        self._retries = retries
        self._expires = expires
        self._keep = keep
        self._timeout = timeout
        self._scope = scope

    def __repr__(self) -> str:
        return f"<Queued {self.name}>"

    def __call__(self, request: Request, params: Params) -> Response:
        """Store the call, and respond with 202 when it is durable."""
        request.max_content_length = min(request.max_content_length or LARGEST_BODY, LARGEST_BODY)
        body = request.get_data()
        if len(body) > LARGEST_BODY:  # middleware read it with a larger limit
            abort(413)
        for option in request.route.checks if request.route is not None else ():
            getattr(request, option)  # 422 now if the request doesn't fit valid= or query=
        path = request.path.replace("?", "%3F")
        query = request.query_string.decode("utf-8", "surrogateescape")
        digest = digest_of(query, body)
        now = time.time()
        call = QueuedCall(
            id=self._id_of(request) or uuid.uuid4().hex,
            function=self.name,
            method=request.method,
            path=f"{path}?{query}" if query else path,
            headers=dict(_headers_of(request)),
            params={name: _plain(value) for name, value in params.items()},
            body=body,
            digest=digest,
            enqueued_at=now,
            expires_at=now + self._expires,
            retries=self._retries,
            keep=self._keep,
            timeout=self._timeout,
        )
        request.environ["microfn.call_id"] = call.id
        try:
            there = self._open_store().put(call)
        except StoreError as error:
            log_exception(error, request.environ)
            return abort(503, "The store of queued calls is unavailable.", retry_after=_RETRY_AFTER)
        if there is not None and there != digest:
            abort(422, "The Idempotency-Key was used for a request with another body or query.")
        response = Response(json.dumps({"id": call.id}), 202, content_type="application/json")
        response.headers[CALL_ID] = call.id
        prefix = _prefix_of(self._calls, request)
        if prefix is not None:
            response.headers["Location"] = f"{request.environ.get('SCRIPT_NAME', '')}{prefix}/{call.id}"
        return response

    def _id_of(self, request: Request) -> str | None:
        """Return the id for the client's Idempotency-Key in its scope, or None without a key."""
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return None
        if not key.strip() or len(key) > _LONGEST_KEY:
            abort(400, f"The Idempotency-Key must have 1 to {_LONGEST_KEY} characters.")
        scope = "" if self._scope is None else self._scope(request)
        if not isinstance(scope, str):
            raise TypeError(f"scope must return a string, got {scope!r:.200}")
        return id_of(self.name, scope, request.method, request.environ.get("SCRIPT_NAME", "") + request.path, key)


def _headers_of(request: Request) -> list[tuple[str, str]]:
    """Return the headers as text, without those that microfn sets. Bytes that are not UTF-8 become surrogates."""
    return [
        (name, value.encode("latin-1").decode("utf-8", "surrogateescape"))
        for name, value in request.headers.items()
        if not name.lower().startswith("fn-") and name.lower() != "content-length"
    ]


def _plain(value: Any) -> Any:
    """Return a param, as a string if JSON cannot represent it."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return str(value)
    return value


def _prefix_of(calls: object, request: Request) -> str | None:
    """Return the prefix of `Agent.calls` in the router of a request, or None if it is not there."""
    router = request.router
    if router is None:
        return None
    mounts = [mount.prefix for mount in router.mounts if mount.application is calls]
    routes = [
        route.pattern.partition("/*")[0]
        for route in router.routes
        if getattr(route, "handle", None) is calls and "/*" in route.pattern
    ]
    return next(iter(mounts + routes), None)
