"""A slot: a process that answers calls, with the memory that it holds."""

from __future__ import annotations

from .admission.token import Token, release_all
from .functions.function_process import Process

__all__ = ["Slot"]


class Slot:
    """Room for one process: memory that has been acquired, and then the process that holds it."""

    __slots__ = ("_tokens", "process")

    def __init__(self, *tokens: Token) -> None:
        self._tokens: list[Token] = [*tokens]
        self.process: Process | None = None

    @property
    def files(self) -> list[int]:
        """The locked files of its tokens: the process has to keep them open."""
        return [file for token in self._tokens for file in getattr(token, "files", ())]

    def hand_over(self, process: Process) -> None:
        """Give the room to this process, which holds the locked files from now on."""
        self.process = process
        for token in [token for token in self._tokens if hasattr(token, "files")]:
            self._tokens.remove(token)
            token.release()

    def reclaim(self) -> None:
        """Release the memory if the process has ended, even if nobody has read all of its output."""
        if self.process is not None and self.process.has_ended:
            self.release()

    def release(self) -> None:
        """Release the memory. Twice, or from two threads, releases once."""
        release_all(self._tokens)
