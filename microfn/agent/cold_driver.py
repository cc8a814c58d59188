"""Cold functions: each call is answered by a process of its own, which speaks CGI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext

from ..fork import register_fork_reset
from .admission.memory_limiter import MemoryLimiter
from .call import Call
from .driver import Head
from .functions.cgi_response import read_response
from .functions.function import Function
from .functions.output import Output
from .process import ProcessDriver
from .slot import Slot

__all__ = ["ColdDriver"]


class ColdDriver:
    """Runs each call in a new process on this machine. `limiter` has the memory, and `processes` starts processes.

    Raises RuntimeError if the platform cannot do that.
    """

    def __init__(self, limiter: MemoryLimiter, processes: ProcessDriver | None = None) -> None:
        self._limiter = limiter
        self._processes = ProcessDriver() if processes is None else processes
        limiter.reclaim_with(self._reclaim)
        self.reset_after_fork()
        register_fork_reset(self)

    def reset_after_fork(self) -> None:
        """In a child: processes are the parent's."""
        self._slots: set[Slot] = set()

    def prepare(self, function: Function) -> None:
        """Raise ValueError for a program that no process could be given."""
        self._processes.prepare(function)

    def check(self, call: Call) -> None:
        """Raise `TooLarge` if there is never so much memory, `Failed` if the program could not be started just now."""
        self._limiter.check(call.limits.memory)
        _function_of(call).check_start()

    def run(self, call: Call) -> ColdExecution:
        """Start a process for the call, as `Driver.run` says."""
        function = _function_of(call)
        with call.body or nullcontext():
            slot = Slot(self._limiter.acquire(call.limits.memory, call.deadline.latest_start))
            try:
                call.start()
                process = self._processes.run(call, slot.files)
            except BaseException:
                slot.release()
                raise
            slot.hand_over(process)
            self._slots.add(slot)
            output = Output(
                process, call.deadline, most_output=call.limits.output, most_log=call.limits.log, client=call.client
            )
            return ColdExecution(call.method, function, output, lambda: self._leave(slot))

    def close(self) -> None:
        """Kill all processes, and start no others."""
        self._processes.close()

    def _leave(self, slot: Slot) -> None:
        self._slots.discard(slot)
        slot.release()

    def _reclaim(self) -> None:
        """Release the memory of processes that have ended, and whose clients read slowly."""
        for slot in list(self._slots):
            slot.reclaim()


def _function_of(call: Call) -> Function:
    if call.function is None:
        raise TypeError(f"{call!r} has no function")
    return call.function


class ColdExecution:
    """A call that one process answers, and the room of that process."""

    def __init__(self, method: str, function: Function, output: Output, leave: Callable[[], None]) -> None:
        self._method = method
        self._function = function
        self._output = output
        self._leave = leave
        self._body: Iterator[bytes] = iter(())

    @property
    def log(self) -> bytes:
        """The text that the process wrote to stderr."""
        return bytes(self._output.log)

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended, and it is known how."""
        return self._output.end is not None

    def read_head(self) -> Head:
        """Return the head of its CGI response, as `Execution.read_head` says."""
        response = read_response(self._function, self._method, self._output.read)
        self._body = response.body
        return Head(response.status, response.headers)

    def read(self) -> bytes:
        """Return the next piece of its body, as `Execution.read` says."""
        return next(self._body, b"")

    def finish(self) -> None:
        """Wait until the process has ended, at the latest until the deadline."""
        self._output.finish()

    def close(self) -> None:
        """Kill all that is left of the process, and release its memory."""
        try:
            self._output.close()
        finally:
            self._leave()
