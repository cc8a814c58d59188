"""The keeper of the hot processes of one server process. It adds a clock, threads and processes to the pool."""

from __future__ import annotations

import math
import os
import select
import socket
import threading
import time
import weakref
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial
from typing import Protocol, cast

from ...fork import ForkSafeLock, register_fork_reset
from ..errors import Busy, CallError, Closed, Failed, TooLarge
from .exchange import is_quiet
from .pool import Decision, Evict, Give, Launch, Pool, Profile, Refuse

__all__ = ["HotProcess", "Keeper", "Lease", "Waiter"]

_REASONS: dict[str, Callable[[], CallError]] = {
    "large": partial(TooLarge, "The call needs more memory than the agent has."),
    "launch": partial(Failed, "The function cannot be started."),
    "closed": partial(Closed, "The server is being stopped."),
}
_LONGEST_SLEEP = 0.4
"""Longest pause of the watching thread, in seconds. With a limit, a call need not wake it for its deadline."""
_GRACE = 0.1
"""Seconds that a call has after its deadline to stop its process itself."""
_PATIENCE = 5.0
"""Seconds that `join` waits for the watching thread."""
Event = Callable[[float], list[Decision]]


class HotProcess(Protocol):
    """A process that answers calls on `talk` and logs to `err`. `control` becomes readable if the process ends."""

    talk: socket.socket
    err: int
    control: int

    def has_gone(self) -> bool:
        """Read `control`, and return whether the process and its group are gone."""

    def stop(self) -> None:
        """Kill the process and its group."""

    def flush_log(self) -> None:
        """Log the text that the process has written to `err` since its last call."""

    def close(self) -> None:
        """Close the files of the process."""


class Waiter(Protocol):
    """A call that waits for a process, or for the memory of a cold process."""

    def decide(self, number: int, reason: str) -> None:
        """Receive the number of a process, or 0 and the reason for a refusal. The keeper holds its lock."""

    def __hash__(self) -> int: ...


class Lease:
    """A process that belongs to one call until `give_back`."""

    def __init__(self, keeper: Keeper, number: int, process: HotProcess) -> None:
        self._keeper: Keeper | None = keeper
        self._number = number
        self.process = process

    def give_back(self, *, can_reuse: bool) -> None:
        """Return the process to the keeper, which kills it unless it `can_reuse` it. Repeated calls do nothing."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.take_back(self._number, self.process, can_reuse=can_reuse)


class _Caller:
    """A call of a hot function that waits for a decision of the keeper."""

    def __init__(self) -> None:
        self.is_decided = threading.Event()
        self.number = 0
        self.reason = ""
        self.error: Exception | None = None

    def decide(self, number: int, reason: str) -> None:
        self.number, self.reason = number, reason
        self.is_decided.set()


class Keeper:
    """Launches, assigns and evicts the processes of hot functions.

    Hot and cold processes share `total` MiB. `start` starts a process of the function with this key, and returns when
    it is ready. The call that needed the launch raises the errors of `start`. Threads launch and watch processes, and
    end if there are no processes.
    """

    def __init__(self, total: int, start: Callable[[Hashable], HotProcess]) -> None:
        self.total = total
        self._start = start
        self._lock = ForkSafeLock()
        self._processes: dict[int, HotProcess] = {}
        self._wake_up: tuple[int, int] | None = None
        self.reset_after_fork()
        register_fork_reset(self)

    def reset_after_fork(self) -> None:
        """Forget the processes in a forked child, since they belong to the parent."""
        for process in self._processes.values():
            process.close()
        for file in self._wake_up or ():
            os.close(file)
        self._pool = Pool(self.total)
        self._processes = {}
        self._launching = 0
        self._ends: dict[int, float] = {}
        """The busy processes, each with the time at which its call must end."""
        self._stopping: set[int] = set()
        self._gone: set[int] = set()
        self._unused: weakref.WeakSet[HotProcess] = weakref.WeakSet()
        self._new: list[tuple[int, HotProcess]] = []
        """Processes that the watching thread does not know yet."""
        self._thread: threading.Thread | None = None
        self._wake_up = None
        self._sleeps_until = math.inf
        self._is_closed = False

    # For calls of hot functions

    def acquire(self, profile: Profile, until: float, end: float) -> Lease:
        """Return a process for one call. Wait for it until `until` at most; the call must end at `end`.

        Both are times of `time.monotonic()`. Raises `Busy`, `Closed`, `TooLarge`, and the error of the launch for this
        call. Raises `Failed` if a new process ends before its first call, so that it is not launched repeatedly.
        """
        while True:
            lease = self._acquire_any(profile, until, end)
            is_new = lease.process in self._unused
            self._unused.discard(lease.process)
            if is_quiet(lease.process.talk):
                return lease
            lease.give_back(can_reuse=False)  # the idle process has ended, or has written to stdout
            if is_new:
                reason = "The process ended, or wrote to stdout, before its first call."
                raise Failed("The function cannot be started.", reason)

    def _acquire_any(self, profile: Profile, until: float, end: float) -> Lease:
        caller = _Caller()
        self.ask(caller, profile)
        try:
            if not caller.is_decided.wait(max(0.0, until - time.monotonic())):
                self.cancel(caller)
        except BaseException:  # a server's timeout, or a Control-C
            self.cancel(caller)
            if caller.number:
                self.take_back(caller.number, self._processes[caller.number], can_reuse=True)
            raise
        if caller.reason:
            error = caller.error or _REASONS[caller.reason]()
            raise error
        if not caller.number:
            raise Busy("No process is free for the call.")
        self._ends[caller.number] = end
        return Lease(self, caller.number, self._processes[caller.number])

    def take_back(self, number: int, process: HotProcess, *, can_reuse: bool) -> None:
        """Offer a process to the next call, or kill it."""
        if self._processes.get(number) is not process:  # it belongs to the parent of a fork
            return
        with self._lock.current:
            del self._ends[number]
            has_gone = number in self._gone
            if has_gone:
                self._gone.discard(number)
                del self._processes[number]
        if has_gone:
            process.flush_log()
            process.close()
        else:
            self._handle(partial(self._pool.free if can_reuse else self._pool.spoiled, number))

    # For calls of cold functions too

    def ask(self, waiter: Waiter, profile: Profile) -> None:
        """Request a process for a call, or memory if its function is cold."""
        self._handle(partial(self._pool.ask, waiter, profile))

    def cancel(self, waiter: Waiter) -> None:
        """Stop waiting. If the call has received a process meanwhile, it keeps it."""
        self._handle(partial(self._pool.cancelled, waiter))

    def release(self, number: int) -> None:
        """Free the memory of a cold process."""
        self._handle(partial(self._pool.died, number))

    # For all together

    def close(self) -> None:
        """Refuse all calls, and kill all processes. A busy process is killed when its call returns it."""
        self._is_closed = True
        self._handle(self._pool.close)

    def join(self) -> None:
        """Wait up to 5 seconds until all processes are gone."""
        thread = self._thread
        if thread is not None:
            with suppress(RuntimeError):  # the thread has not been started
                thread.join(_PATIENCE)

    @property
    def counts(self) -> dict[str, int]:
        """The free MiB, the number of waiting calls, and the number of processes, including cold ones."""
        with self._lock.current:
            pool = self._pool
            return {"free": pool.free_memory, "waiting": pool.waiting, "processes": pool.processes}

    def _handle(self, event: Event) -> None:
        """Send an event to the pool, and carry out its decisions."""
        with self._lock.current:
            actions = self._note(event(time.monotonic()))
        for act in actions:
            act()

    def _note(self, decisions: list[Decision]) -> list[Callable[[], object]]:
        """Pass the decisions to their calls, and return the actions that must run without the lock."""
        actions: list[Callable[[], object]] = []
        for decision in decisions:
            if isinstance(decision, Give):
                self._ends[decision.process] = math.inf
                _waiter(decision.call).decide(decision.process, "")
            elif isinstance(decision, Refuse):
                _waiter(decision.call).decide(0, decision.reason)
            elif isinstance(decision, Evict):
                self._stopping.add(decision.process)
                if decision.process in self._processes:
                    actions.append(self._processes[decision.process].stop)
            elif decision.profile.is_hot:
                self._launching += 1
                actions.append(partial(self._begin_launch, decision))
            else:
                _waiter(decision.call).decide(decision.process, "")
        return actions + self._watch()

    def _watch(self) -> list[Callable[[], object]]:
        """Start the watching thread, or wake it up if it has new work.

        PERF: a call that takes and returns an idle process does not wake the thread.
        """
        if self._wake_up is None:
            if self._has_work:
                self._wake_up = os.pipe()
                for file in self._wake_up:
                    os.set_blocking(file, False)
                self._thread = threading.Thread(target=self._look, args=self._wake_up, name="microfn-hot", daemon=True)
                return [partial(self._start_thread, self._thread)]
        elif self._new or self._is_closed or self._pool.alarm < self._sleeps_until:
            with suppress(BlockingIOError):
                os.write(self._wake_up[1], b"x")
        return []

    @property
    def _has_work(self) -> bool:
        return bool(self._launching or len(self._processes) > len(self._gone) or self._pool.alarm < math.inf)

    # Threads of the keeper

    def _start_thread(self, thread: threading.Thread) -> None:
        try:
            thread.start()
        except RuntimeError:  # the process cannot have another thread now; the next event tries again
            with self._lock.current:
                self._forget_thread()

    def _forget_thread(self) -> None:
        for file in self._wake_up or ():
            os.close(file)
        self._wake_up = self._thread = None
        self._sleeps_until = math.inf

    def _begin_launch(self, launch: Launch) -> None:
        try:
            threading.Thread(target=self._launch, args=(launch,), name="microfn-launch", daemon=True).start()
        except RuntimeError:
            self._fail_launch(launch, Busy("The server has no room for another process."))

    def _launch(self, launch: Launch) -> None:
        try:
            process = self._start(launch.profile.key)
        except Exception as error:  # the call raises it
            self._fail_launch(launch, error)
            return
        number = launch.process
        with self._lock.current:
            self._launching -= 1
            self._processes[number] = process
            self._unused.add(process)
            self._new.append((number, process))
            is_stopped = number in self._stopping
            actions = self._note(self._pool.launched(number, time.monotonic()))
        if is_stopped:
            process.stop()
        for act in actions:
            act()

    def _fail_launch(self, launch: Launch, error: Exception) -> None:
        with self._lock.current:
            self._launching -= 1
            self._stopping.discard(launch.process)
            cast("_Caller", launch.call).error = error
            actions = self._note(self._pool.died(launch.process, time.monotonic()))
        for act in actions:
            act()

    def _look(self, wake_up: int, _: int) -> None:
        """Watch for processes that end and for alarms of the pool, until there is no work."""
        poll = select.poll()
        poll.register(wake_up, select.POLLIN)
        watched: dict[int, tuple[int, HotProcess]] = {}
        while True:
            with self._lock.current:
                now = time.monotonic()
                actions = self._note(self._pool.tick(now)) if now >= self._pool.alarm else []
                new, self._new = self._new, []
                actions += self._overdue(now)
                if not self._has_work:
                    self._forget_thread()
                    break
                self._sleeps_until = min(self._pool.alarm, now + _LONGEST_SLEEP)
                seconds = self._sleeps_until - now
            for act in actions:
                act()
            for number, process in new:
                watched[process.control] = number, process
                poll.register(process.control, select.POLLIN)
            for file, _events in poll.poll(math.ceil(max(0.0, seconds) * 1000)):
                if file == wake_up:
                    os.read(wake_up, 65536)
                elif watched[file][1].has_gone():
                    poll.unregister(file)
                    self._bury(*watched.pop(file))

    def _overdue(self, now: float) -> list[Callable[[], object]]:
        """Return the kills of processes whose calls exceed their deadlines, for example if a client reads slowly."""
        late = [number for number, end in self._ends.items() if end + _GRACE <= now]
        for number in late:
            self._ends[number] = math.inf
        return [self._processes[number].stop for number in late]

    def _bury(self, number: int, process: HotProcess) -> None:
        """Free the memory of a process that is gone. If it has a call, its files stay open until the call ends."""
        with self._lock.current:
            self._stopping.discard(number)
            if number in self._ends:
                self._gone.add(number)
            else:
                del self._processes[number]
            is_free = number not in self._gone
            actions = self._note(self._pool.died(number, time.monotonic()))
        if is_free:
            process.flush_log()
            process.close()
        for act in actions:
            act()


def _waiter(call: Hashable) -> Waiter:
    return cast("Waiter", call)
