"""Hot functions: processes of this machine that answer call after call, in HTTP/1.1 on one socket."""

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
from .errors import Failed
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
"""Seconds in which a process ends that has closed its socket; after them it is killed."""
logger = logging.getLogger("microfn.agent")


class _Kept(NamedTuple):
    """How the processes of one function are kept. `is_handle` tells that they say when they are ready."""

    profile: Profile
    is_handle: bool


class HotDriver:
    """Runs hot functions in processes of this one's own, in the memory that `limiter` has for cold functions too.

    Raises TypeError if that memory is shared with other processes.
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
        """Know how the processes of a function are kept, before its first call. `Agent.hot` explains the options."""
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
        """Return whether this is a function of this driver."""
        return function in self._kept

    def prepare(self, function: Function) -> None:
        """Raise ValueError for a program that no process could be given."""
        check_size(function.program)

    def check(self, call: Call) -> None:
        """Raise `TooLarge` if there is never so much memory."""
        self._limiter.check(call.limits.memory)

    def run(self, call: Call) -> HotExecution:
        """Give the call to a process, as `Driver.run` says."""
        profile = self._kept[cast("Function", call.function)].profile
        with ExitStack() as stack:
            stack.enter_context(call.body or nullcontext())
            lease = self.keeper.acquire(profile, call.deadline.latest_start, call.deadline.end)
            stack.callback(lease.give_back, can_reuse=True)  # unless it was sent something
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
        """Kill all processes, and start no others."""
        self.keeper.close()
        self._processes.close()
        self.keeper.join()

    def _start(self, key: Hashable) -> _Process:
        """Start a process, and wait until it is ready. Raises the errors of `Driver.run`."""
        function = cast("Function", key)
        profile, is_handle = self._kept[function]
        until = time.monotonic() + profile.start_timeout
        with ExitStack() as files, ExitStack() as own:
            talk, theirs = socket.socketpair()
            own.callback(talk.close)
            files.callback(theirs.close)
            talk.setblocking(False)
            os.set_blocking(theirs.fileno(), True)  # gevent's sockets do not block, and a function knows no gevent
            err = open_pipe(files, own)
            control, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            files.callback(far.close)
            process = _Process(function, FunctionProcess(control, os.dup(talk.fileno()), err.ours), talk)
            own.pop_all()
            own.callback(process.close)
            sent = [far.fileno(), theirs.fileno(), theirs.fileno(), err.theirs]
            launcher = self._processes.send(_spec(function), sent, files, until)
            files.close()
            try:
                process.process.started(launcher, until)
            except OSError as error:
                raise start_error(error, function) from error
            own.callback(process.flush_log)
            if is_handle:
                _await_ready(talk, until)
            own.pop_all()
        return process


class _Process:
    """A process with its socket, and the `HotProcess` of its keeper."""

    def __init__(self, function: Function, process: FunctionProcess, talk: socket.socket) -> None:
        self._function = function
        self.process = process
        self.talk = talk
        self.err = process.err
        self.control = process.control
        self._lock = ForkSafeLock()
        """One thread at a time reads how it ended."""
        self._end: End | None = None

    def has_gone(self) -> bool:
        """Return whether it and its group are gone. Its control socket is readable."""
        self.end()
        with self._lock.current:
            return self.process.has_gone()

    def stop(self) -> None:
        """Kill it, and its group."""
        self.process.stop()

    def end(self) -> End:
        """Return how it ended, a moment after it was stopped or seen to end."""
        with self._lock.current:
            if self._end is None:
                self._end = self.process.end()
            return self._end

    def check(self) -> None:
        """Raise `Failed` if it has ended badly: it has closed its socket."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        if self._end is not None or poll.poll(_MOMENT * 1000) or self.process.is_exiting:
            check_end(self.end())

    def flush_log(self) -> None:
        """Log the text that it has written to stderr since its last call."""
        if text := read_available(self.err):
            lines = text.decode("utf-8", "backslashreplace").splitlines()
            logger.info("call - of %r wrote to stderr:\n%s", self._function, indented(lines))

    def close(self) -> None:
        """Close its files, and have it killed."""
        self.talk.close()
        self.process.close()


class HotExecution:
    """A call that a hot process answers."""

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
        """Whether the response is whole."""
        return self._exchange.has_ended

    def read_head(self) -> Head:
        """Return the head of the response, as `Execution.read_head` says."""
        try:
            return self._exchange.read_head()
        except Failed:
            self._explain()
            raise

    def read(self) -> bytes:
        """Return the next piece of the body, as `Execution.read` says."""
        try:
            piece = self._exchange.read()
        except Failed:
            self._explain()
            raise
        if self._exchange.has_ended:
            self.close()
        return piece

    def _explain(self) -> None:
        """Raise `Failed` with the end of the process, if its response is cut and it ended badly."""
        if self._exchange.is_lost:
            self._process.check()

    def finish(self) -> None:
        """Do nothing: a whole response is all of it."""

    def close(self) -> None:
        """Give the process back, or kill it first unless the exchange was clean."""
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
    """Wait until the worker of a handle says that it is ready. Raises `Failed` if it does not."""
    poll = select.poll()
    poll.register(talk, select.POLLIN)
    if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        raise Failed("The function cannot be started.", "It took too long.")
    try:
        said = talk.recv(len(READY))
    except ConnectionResetError:
        said = b""
    if said != READY:
        raise Failed("The function cannot be started.", "Its process ended, or its handle cannot be imported.")


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
