"""Records of a store: a call as it was asked, and its outcome, as JSON with base64 for what a client sent."""

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
"""States that no call leaves by itself."""
STATES = ("queued", "running", *FINAL)


class StoreError(Exception):
    """The store cannot be reached, or it cannot be written."""


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _packed_json(value: object) -> str:
    # Surrogates stand for bytes that are no UTF-8; as escapes they survive every database.
    return _packed(json.dumps(value).encode("ascii"))


def _unpacked_json(text: str) -> Any:
    return json.loads(base64.b64decode(text))


@dataclass(frozen=True)
class QueuedCall:
    """A call to be executed: the request, and how often and until when it is tried.

    `path` may have a query. Times are seconds since 1970, durations are seconds. `executions` is the number of
    executions before this record, `failures` and `losses` those of them that failed, and that lost their worker.
    `link` is 0, and one more each time that the call is put back.
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
    """The final state of the call if there is no time for another execution: the state after the last failure."""

    @property
    def key(self) -> str:
        """The engine's name for this record: the id, and a number for a call that was put back."""
        return self.id if not self.link else f"{self.id}-{self.link:06}"

    def again(self, **changes: Any) -> QueuedCall:
        """Return the record with which the call is put back."""
        return replace(self, link=self.link + 1, **changes)

    def to_json(self) -> dict[str, Any]:
        """Return what is stored."""
        request = {name: getattr(self, name) for name in ("method", "path", "params")} | {"headers": dict(self.headers)}
        plain = {name: value for name, value in vars(self).items() if name not in (*request, "body")}
        return plain | {"request": _packed_json(request), "body": _packed(self.body)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> QueuedCall:
        """Return the record that was stored."""
        plain = {name: value for name, value in stored.items() if name != "request"}
        return cls(**{**plain, **_unpacked_json(stored["request"]), "body": base64.b64decode(stored["body"])})


@dataclass(frozen=True)
class Outcome:
    """The end of a call: its final state, and the response of its function if it is "success".

    The state "again" is that of a record whose call was put back.
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
        """Return what is stored."""
        packed = {
            "headers": _packed_json(self.headers),
            "body": _packed(self.body),
            "log": _packed(self.log),
        }
        return vars(self) | packed

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Outcome:
        """Return the outcome that was stored."""
        headers = tuple((name, value) for name, value in _unpacked_json(stored["headers"]))
        body, log = (base64.b64decode(stored[name]) for name in ("body", "log"))
        return cls(**{**stored, "headers": headers, "body": body, "log": log})


@dataclass(frozen=True)
class Entry:
    """A call in a store, with its state now. `outcome` is None until the state is final, and in lists."""

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
        """Whether the state stays as it is."""
        return self.state in FINAL


def id_of(*parts: str) -> str:
    """Return the id of all calls with these parts, 128 bits as hexadecimal digits.

    >>> id_of("thumb", "", "POST", "/thumb", "key-1")
    '36149abc28054a9917b7936e35d66a52'
    """
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()[:32]


def digest_of(query: str, body: bytes) -> str:
    """Return a hash of what a client sent, which tells two requests with one Idempotency-Key apart."""
    return hashlib.sha256(query.encode("utf-8", "surrogateescape") + b"\0" + body).hexdigest()


def iso(seconds: float | None) -> str | None:
    """Return a time as RFC 3339 has it, in UTC, to the millisecond."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
