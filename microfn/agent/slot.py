"""A slot: a place in which one call is executed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from .call import Call

__all__ = ["Slot"]


class Slot:
    """A place for one call in this process, with what the call has taken for it; `agent` is who gave it.

    The call leaves it once; `leave` is called then, with the slot and the error that ended the call.
    """

    __slots__ = ("_leave", "agent", "call", "tokens")

    def __init__(self, call: Call, agent: object, leave: Callable[[Slot, BaseException | None], None]) -> None:
        self.call = call
        self.agent = agent
        self.tokens = ExitStack()
        self._leave: Callable[[Slot, BaseException | None], None] | None = leave

    def close(self, error: BaseException | None = None) -> None:
        """Leave the place to others; the call has ended, with this error or with an answer."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave(self, error)
