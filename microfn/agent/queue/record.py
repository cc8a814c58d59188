"""Records of a store: a call and its outcome, as JSON. Data of clients is in base64."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

__all__ = ["FINAL", "STATES", "Entry", "Outcome", "QueuedCall", "StoreError", "digest_of", "id_of", "iso"]

FINAL = ("success", "error", "timeout", "expired", "dead")
"""The final states. Only `microfn calls retry` takes a call out of one."""
STATES = ("queued", "running", *FINAL)


class StoreError(Exception):
    """The store cannot be opened, read or written."""


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _packed_json(value: object) -> str:
    # Surrogates represent bytes that are not UTF-8. No database accepts them unescaped.
    return _packed(json.dumps(value).encode("ascii"))


def _unpacked_json(text: str) -> Any:
    return json.loads(base64.b64decode(text))


@dataclass(frozen=True)
class QueuedCall:
    """A stored call: the request, and the limits of its executions.

    `path` may have a query. Times are seconds since 1970, and durations are seconds. `executions` is the number of
    executions before this record. `failures` of them failed, and `losses` of them lost their worker. `link` is 0 for
    the first record of a call, and one more each time that the call is queued again.
    """

    id: str
    function: str
    method: str
    path: str
    headers: Mapping[str, str]
    params: Mapping[str, Any]
    body: bytes
    digest: str
    enqueued_at: float
    expires_at: float
    retries: int
    keep: float
    timeout: float | None = None
    link: int = 0
    executions: int = 0
    failures: int = 0
    losses: int = 0
    started_at: float | None = None
    error: str | None = None
    state: str = "queued"
    """The state after the last failure. It becomes final if the call expires before another execution."""

    @property
    def key(self) -> str:
        """The id of this record's workflow: the id of the call, and the link if it is not 0."""
        return self.id if not self.link else f"{self.id}-{self.link:06}"

    def again(self, **changes: Any) -> QueuedCall:
        """Return the record that queues the call again."""
        return replace(self, link=self.link + 1, **changes)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON for the store."""
        request = {name: getattr(self, name) for name in ("method", "path", "params")} | {"headers": dict(self.headers)}
        plain = {name: value for name, value in vars(self).items() if name not in (*request, "body")}
        return plain | {"request": _packed_json(request), "body": _packed(self.body)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> QueuedCall:
        """Return the record with this JSON."""
        plain = {name: value for name, value in stored.items() if name != "request"}
        return cls(**{**plain, **_unpacked_json(stored["request"]), "body": base64.b64decode(stored["body"])})


@dataclass(frozen=True)
class Outcome:
    """The end of a call: its final state, and the response of its function if the state is "success".

    A record whose call was queued again has the state "again".
    """

    state: str
    executions: int
    started_at: float | None = None
    ended_at: float | None = None
    error: str | None = None
    status: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    log: bytes = b""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON for the store."""
        packed = {
            "headers": _packed_json(self.headers),
            "body": _packed(self.body),
            "log": _packed(self.log),
        }
        return vars(self) | packed

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Outcome:
        """Return the outcome with this JSON."""
        headers = tuple((name, value) for name, value in _unpacked_json(stored["headers"]))
        body, log = (base64.b64decode(stored[name]) for name in ("body", "log"))
        return cls(**{**stored, "headers": headers, "body": body, "log": log})


@dataclass(frozen=True)
class Entry:
    """A call in a store, with its current state. `outcome` is None until the state is final."""

    id: str
    function: str
    state: str
    executions: int
    enqueued_at: float
    expires_at: float
    started_at: float | None = None
    ended_at: float | None = None
    error: str | None = None
    digest: str = ""
    outcome: Outcome | None = None

    @property
    def is_final(self) -> bool:
        """Whether the state is final."""
        return self.state in FINAL


def id_of(*parts: str) -> str:
    """Return the id of a call with an Idempotency-Key: 128 bits of a hash of these parts, in hexadecimal.

    >>> id_of("thumb", "", "POST", "/thumb", "key-1")
    '36149abc28054a9917b7936e35d66a52'
    """
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()[:32]


def digest_of(query: str, body: bytes) -> str:
    """Return a hash that distinguishes requests with the same Idempotency-Key."""
    return hashlib.sha256(query.encode("utf-8", "surrogateescape") + b"\0" + body).hexdigest()


def iso(seconds: float | None) -> str | None:
    """Return a time in UTC with milliseconds, in the format of RFC 3339."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
