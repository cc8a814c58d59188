"""A call that a process is answering."""

from __future__ import annotations

import logging

from ..log import indented
from .dispatch import Dispatch
from .driver import Process
from .function import Function
from .slot import Slot

__all__ = ["Execution"]

logger = logging.getLogger("microfn.agent")


class Execution:
    """A slot with a process in it. Closing it kills what is left, and only then is the call over."""

    def __init__(self, slot: Slot, function: Function, process: Process) -> None:
        self._slot = slot
        self.function = function
        self._dispatch = Dispatch(process, slot.call.deadline, most_output=function.output, most_log=function.log)

    def read(self) -> bytes:
        """The next piece of its output, nothing at its end. Raises `TimedOut` and `Failed`."""
        return self._dispatch.read()

    @property
    def has_ended(self) -> bool:
        """Whether its process has, and it is known how."""
        return self._dispatch.end is not None

    def finish(self) -> None:
        """Let it end by itself, until its deadline."""
        self._dispatch.finish()

    def close(self, error: BaseException | None = None) -> None:
        """End it, and the call with this error or with an answer. Closing twice closes once."""
        try:
            self._dispatch.close()
            call = self._slot.call
            if not call.log and self._dispatch.log:
                call.log = bytes(self._dispatch.log)
                lines = call.log.decode("utf-8", "backslashreplace").splitlines()
                is_well = error is None and not (call.status or "").startswith("5")
                level = logging.INFO if is_well else logging.WARNING
                logger.log(level, "call %s wrote to stderr:\n%s", call.id, indented(lines))
        finally:  # a server's timeout, or a Control-C, may come here too
            self._slot.close(error)
