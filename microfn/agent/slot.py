"""A slot: a place in which one call is executed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from .call import Call
from .driver import Process

__all__ = ["Slot"]


class _Token(Protocol):
    def give_back(self) -> None: ...


class Slot:
    """A place for one call in this process, with what the call has taken for it; `agent` is who gave it.

    A cold slot has a `process`, which executes the call; else the thread of the request does.
    The call leaves it once; `leave` is called then, with the slot and the error that ended the call.
    """

    __slots__ = ("_leave", "_tokens", "agent", "call", "process")

    def __init__(self, call: Call, agent: object, leave: Callable[[Slot, BaseException | None], None]) -> None:
        self.call = call
        self.agent = agent
        self.process: Process | None = None
        self._tokens: list[_Token] = []
        self._leave: Callable[[Slot, BaseException | None], None] | None = leave

    def hold(self, token: _Token) -> None:
        """Have this token given back when the call leaves, or before."""
        self._tokens.append(token)

    @property
    def files(self) -> list[int]:
        """The files that are locked for it, which whoever executes the call has to keep open."""
        return [file for token in self._tokens for file in getattr(token, "files", ())]

    def give_back(self) -> None:
        """Give back what it took. Twice, or from two threads, gives back once."""
        with suppress(IndexError):
            while True:
                self._tokens.pop().give_back()

    def reclaim(self) -> None:
        """Give it back if the process has ended, even if nobody has read all of its answer."""
        if self.process is not None and self.process.has_ended:
            self.give_back()

    def hand_over(self, process: Process) -> None:
        """This process executes the call, and holds the files that are locked for it from now on."""
        self.process = process
        for token in [token for token in self._tokens if hasattr(token, "files")]:
            self._tokens.remove(token)
            token.give_back()

    def close(self, error: BaseException | None = None) -> None:
        """Leave the place to others; the call has ended, with this error or with an answer."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave(self, error)
