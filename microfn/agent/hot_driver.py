"""The driver of hot functions: kept processes on this machine that answer HTTP/1.1 requests on one socket."""

from __future__ import annotations

import logging
import os
import select
import socket
import time
from collections.abc import Hashable
from contextlib import ExitStack, nullcontext
from typing import NamedTuple, cast

from ..fork import ForkSafeLock
from ..log import indented
from .admission.memory_limiter import MemoryLimiter
from .call import Call
from .driver import Head
from .errors import Failed, TimedOut
from .functions.function import LONGEST_TIMEOUT, Function
from .functions.function_process import End
from .functions.output import check_end
from .hot.exchange import Exchange, read_available
from .hot.keeper import Keeper, Lease
from .hot.pool import Profile
from .hot.pool_book import PoolBook
from .hot.protocol import READY, ResponseParser, encode_request
from .launcher.protocol import LaunchSpec
from .memory import MIB
from .order import check_size
from .process import FunctionProcess, ProcessDriver, open_pipe, start_error

__all__ = ["HotDriver"]

_MOMENT = 0.05
"""Seconds that a process has to end after it has closed its socket. Then it is killed."""
logger = logging.getLogger("microfn.agent")


class _Kept(NamedTuple):
    """The settings for the processes of one function. A process of a handle sends `READY` after its start."""

    profile: Profile
    is_handle: bool


class HotDriver:
    """Runs hot functions in processes that belong to this server process.

    `limiter` has the memory of hot and cold functions, and `processes` starts them. Raises TypeError if other server
    processes share that memory.
    """

    def __init__(self, limiter: MemoryLimiter, processes: ProcessDriver) -> None:
        self._limiter = limiter
        self._processes = processes
        self._kept: dict[Function, _Kept] = {}
        self.keeper = Keeper(limiter.total, self._start)
        limiter.move_to(lambda: PoolBook(self.keeper))

    def add(
        self,
        function: Function,
        *,
        is_handle: bool,
        idle_timeout: float = 60.0,
        start_timeout: float = 10.0,
        max_calls: int | None = None,
        max_processes: int | None = None,
    ) -> None:
        """Add a function before its first call. `Agent.hot` describes the options."""
        profile = Profile(
            function,
            function.limits.memory,
            idle_timeout=idle_timeout,
            start_timeout=start_timeout,
            max_calls=max_calls,
            max_processes=max_processes,
        )
        self._kept[function] = _Kept(profile, is_handle)

    def has(self, function: Function) -> bool:
        """Return whether the function was added to this driver."""
        return function in self._kept

    def prepare(self, function: Function) -> None:
        """Raise ValueError if the program is too large for the launcher."""
        check_size(function.program)

    def check(self, call: Call) -> None:
        """Raise `TooLarge` if the call needs more memory than the agent has."""
        self._limiter.check(call.limits.memory)

    def run(self, call: Call) -> HotExecution:
        """Send the call to a process, as `Driver.run` describes."""
        profile = self._kept[cast("Function", call.function)].profile
        with ExitStack() as stack:
            stack.enter_context(call.body or nullcontext())
            lease = self.keeper.acquire(profile, call.deadline.latest_start, call.deadline.end)
            stack.callback(lease.give_back, can_reuse=True)  # if an error occurs before the request is sent
            process = cast("_Process", lease.process)
            process.flush_log()
            call.start()
            length = None
            if call.body is not None:
                length = os.fstat(call.body.fileno()).st_size
                call.body.seek(0)
            end = time.time() + call.deadline.left()
            exchange = Exchange(
                process.talk,
                process.err,
                request=encode_request(call.request, call_id=call.id, end=end, attempt=call.attempt, length=length),
                body=call.body,
                parser=ResponseParser(call.method, call.id),
                deadline=call.deadline,
                limits=call.limits,
                client=call.client,
            )
            stack.pop_all()
        return HotExecution(call, exchange, process, lease)

    def close(self) -> None:
        """Kill all processes, and refuse new calls."""
        self.keeper.close()
        self._processes.close()
        self.keeper.join()

    def _start(self, key: Hashable) -> _Process:
        """Start a process, and wait until it is ready. Raise the errors of `Driver.run`."""
        function = cast("Function", key)
        profile, is_handle = self._kept[function]
        until = time.monotonic() + profile.start_timeout
        try:
            return self._start_until(until, function, is_handle)
        except TimedOut as error:  # that of the start, and not that of the call
            raise Failed("The function cannot be started.", "It did not start within start_timeout.") from error
        except OSError as error:
            raise start_error(error, function) from error

    def _start_until(self, until: float, function: Function, is_handle: bool) -> _Process:
        with ExitStack() as files, ExitStack() as own:
            talk, theirs = socket.socketpair()
            own.callback(talk.close)
            files.callback(theirs.close)
            talk.setblocking(False)
            os.set_blocking(theirs.fileno(), True)  # gevent makes it non-blocking
            err = open_pipe(files, own)
            control, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            files.callback(far.close)
            process = _Process(function, FunctionProcess(control, os.dup(talk.fileno()), err.ours), talk)
            own.pop_all()
            own.callback(process.close)
            sent = [far.fileno(), theirs.fileno(), theirs.fileno(), err.theirs]
            launcher = self._processes.send(_spec(function), sent, files, until)
            files.close()
            process.process.started(launcher, until)
            own.callback(process.flush_log)
            if is_handle:
                _await_ready(talk, until)
            own.pop_all()
        return process


class _Process:
    """A process with its socket. It implements `HotProcess` for the keeper."""

    def __init__(self, function: Function, process: FunctionProcess, talk: socket.socket) -> None:
        self._function = function
        self.process = process
        self.talk = talk
        self.err = process.err
        self.control = process.control
        self._lock = ForkSafeLock()
        """Held while a thread reads the end of the process."""
        self._end: End | None = None

    def has_gone(self) -> bool:
        """Return whether the process and its group are gone. Call this if the control socket is readable."""
        self.end()
        with self._lock.current:
            return self.process.has_gone()

    def stop(self) -> None:
        """Kill the process and its group."""
        self.process.stop()

    def end(self) -> End:
        """Return the end of the process. Call this only if it has been stopped or is ending, since this waits."""
        with self._lock.current:
            if self._end is None:
                self._end = self.process.end()
            return self._end

    def check(self) -> None:
        """Raise `Failed` if the process has ended with an error. Call this if it has closed its socket."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        if self._end is not None or poll.poll(_MOMENT * 1000) or self.process.is_exiting:
            check_end(self.end())

    def flush_log(self) -> None:
        """Log the text that the process has written to stderr since its last call."""
        if text := read_available(self.err):
            lines = text.decode("utf-8", "backslashreplace").splitlines()
            logger.info("call - of %r wrote to stderr:\n%s", self._function, indented(lines))

    def close(self) -> None:
        """Close the files of the process, which makes the launcher kill it."""
        self.talk.close()
        self.process.close()


class HotExecution:
    """A call in a hot process."""

    def __init__(self, call: Call, exchange: Exchange, process: _Process, lease: Lease) -> None:
        self._call = call
        self._exchange = exchange
        self._process = process
        self._lease: Lease | None = lease

    @property
    def log(self) -> bytes:
        """The text that the process wrote to stderr during the call."""
        return bytes(self._exchange.log)

    @property
    def has_ended(self) -> bool:
        """Whether the response is complete."""
        return self._exchange.has_ended

    def read_head(self) -> Head:
        """Return the head of the response, as `Execution.read_head` describes."""
        try:
            return self._exchange.read_head()
        except Failed:
            self._explain()
            raise

    def read(self) -> bytes:
        """Return the next piece of the body, as `Execution.read` describes."""
        try:
            piece = self._exchange.read()
        except Failed:
            self._explain()
            raise
        if self._exchange.has_ended:
            self.close()
        return piece

    def _explain(self) -> None:
        """Raise `Failed` with the end of the process, if it has closed its socket and ended with an error."""
        if self._exchange.is_lost:
            self._process.check()

    def finish(self) -> None:
        """Do nothing, since a complete response ends the call."""

    def close(self) -> None:
        """Return the process to the keeper. Kill it first unless the exchange ended cleanly."""
        lease, self._lease = self._lease, None
        if lease is None:
            return
        can_reuse = False
        try:
            can_reuse = self._exchange.can_reuse
            if not can_reuse:
                self._process.stop()
                self._process.end()
            self._exchange.drain_log()
        finally:
            lease.give_back(can_reuse=can_reuse)
            if self._call.body is not None:
                self._call.body.close()


def _await_ready(talk: socket.socket, until: float) -> None:
    """Wait for `READY` from the worker of a handle. Raise `Failed` if it does not arrive in time."""
    poll = select.poll()
    poll.register(talk, select.POLLIN)
    if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        raise Failed("The function cannot be started.", "The handle was not imported within start_timeout.")
    try:
        said = talk.recv(len(READY))
    except ConnectionResetError:
        said = b""
    if said != READY:
        raise Failed("The function cannot be started.", "The process ended, or the handle cannot be imported.")


def _spec(function: Function) -> LaunchSpec:
    limits, program = function.limits, function.program
    env = {os.fsencode(name): os.fsencode(value) for name, value in program.env.items()}
    return LaunchSpec(
        call_id="-",
        end=time.monotonic() + LONGEST_TIMEOUT,
        memory=limits.memory * MIB,
        addresses=None if limits.addresses is None else limits.addresses * MIB,
        processes=limits.processes,
        descriptors=limits.descriptors,
        cwd=os.fsencode(program.cwd),
        argv=[os.fsencode(text) for text in program.argv],
        env={b"FN_MEMORY": b"%d" % limits.memory, b"MALLOC_ARENA_MAX": b"1", **env},
    )
