"""The calls that a request is: one of each agent around its handle."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ..turn import Turn

__all__ = ["CALL_ID", "CALL_ID_KEY", "enclosing_turns", "turns"]

CALL_ID = "Fn-Call-Id"
CALL_ID_KEY = "microfn.call_id"
turns: ContextVar[tuple[Turn, ...]] = ContextVar("microfn.turns", default=())
"""The turns of the request that a thread answers, the outermost first."""


def enclosing_turns(environ: Mapping[str, Any]) -> tuple[Turn, ...]:
    """Return the turns that this request has already, by middleware of agents; the outermost is the first."""
    found = turns.get()
    # A thread may answer several requests one within the other, as a test client in a handle does.
    return found if found and found[0].call.id == environ.get(CALL_ID_KEY) else ()
