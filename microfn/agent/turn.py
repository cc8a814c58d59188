"""The turn of a call: it begins when the agent admits the call, and ends once."""

from __future__ import annotations

from collections.abc import Callable

from .admission.token import Token, release_all
from .call import Call

__all__ = ["Turn"]


class Turn:
    """The turn of one call in this process, with the tokens that the call holds; `engine` is its agent's.

    `leave` is called once, when the turn ends, with the turn and the error that ended the call.
    """

    __slots__ = ("_leave", "_tokens", "call", "engine")

    def __init__(self, call: Call, engine: object, leave: Callable[[Turn, BaseException | None], None]) -> None:
        self.call = call
        self.engine = engine
        self._tokens: list[Token] = []
        self._leave: Callable[[Turn, BaseException | None], None] | None = leave

    def hold(self, token: Token) -> None:
        """Release this token when the turn ends, or before."""
        self._tokens.append(token)

    @property
    def holds_tokens(self) -> bool:
        """Whether it has tokens that are not released."""
        return bool(self._tokens)

    def release(self) -> None:
        """Release the tokens. Twice, or from two threads, releases once."""
        release_all(self._tokens)

    def close(self, error: BaseException | None = None) -> None:
        """End the turn, and the call with this error or with a response. Closing twice closes once."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave(self, error)
