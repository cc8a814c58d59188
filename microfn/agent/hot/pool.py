"""The pool of processes: launches, gives, evictions and refusals. A pure state machine.

Events go in, with their time, and decisions come out. There is no clock, socket, process, lock or thread in here.

A hot process is launched once, becomes free, is given to a call, becomes free again, and so on, until it is evicted
or dies. A cold process is launched for one call. Both hold their memory from the decision to launch them until they
have died, so that an evicted process makes room only when it is gone.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

__all__ = ["Decision", "Evict", "Give", "Launch", "Pool", "Profile", "Refuse"]

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
"""Seconds in which a function is not launched again after a failed launch: the first time, and at most."""


Reason = Literal["large", "launch", "closed"]


class Profile(NamedTuple):
    """A function as the pool sees it. Equal keys have equal profiles, and their processes are interchangeable.

    `memory` has the unit of the pool's total, and timeouts are in seconds. A cold function, whose processes answer one
    call, is not `is_hot`; its calls may differ in memory.
    """

    key: Hashable
    memory: int
    is_hot: bool = True
    idle_timeout: float = 60.0
    start_timeout: float = 10.0
    max_calls: int | None = None
    max_processes: int | None = None


class Launch(NamedTuple):
    """Launch a process. It is for this call if the function is cold, else for the first call that wants it."""

    process: int
    profile: Profile
    call: Hashable


class Give(NamedTuple):
    """Give the call to this process, which is ready and free."""

    call: Hashable
    process: int


class Evict(NamedTuple):
    """Kill this process, and report that it has died."""

    process: int


class Refuse(NamedTuple):
    """Refuse the call: it is larger than all memory, its launch failed, or the pool is closed."""

    call: Hashable
    reason: Reason


Decision = Launch | Give | Evict | Refuse


@dataclass(eq=False)
class _Process:
    """A process from the decision to launch it until it has died; `since` is when it came into its state."""

    number: int
    profile: Profile
    call: Hashable
    since: float
    state: Literal["launching", "idle", "busy", "ending"]
    calls: int = 0


class _Waiter(NamedTuple):
    profile: Profile
    since: float


@dataclass(eq=False)
class _Kept:
    """The processes of one hot function; those that are idle are sorted, the newest is the last."""

    idle: list[_Process] = field(default_factory=list)
    launching: int = 0
    ending: int = 0
    alive: int = 0
    pause: float = 0.0
    not_before: float = -math.inf

    @property
    def usable(self) -> int:
        """The number of processes from which a call can hope for a turn."""
        return self.alive - self.ending


class Pool:
    """Processes of hot and cold functions, which have so much memory together.

    Each event returns the decisions that follow from it, in order. `now` never goes back. Events of processes may come
    late or twice, and count for nothing then. A call is known by its key from `ask` until it is given, launched (cold),
    refused or `cancelled`.

    1. A free process goes to the oldest call of its function, and a call takes the process that became free last.
    2. A call that finds none waits for a free process, for memory and for its launch at once. There are never more
       processes being launched for calls than calls that wait; a launch outlives the call that asked for it.
    3. Memory goes to the oldest call that fits. Idle processes give way to it, the longest idle first, and only if that
       suffices. A call without any process that has waited for `patience` seconds comes before all younger calls: no
       memory goes to them, and no idle process that it could use up.
    4. If a launch fails, the call that asked for it is refused. The function is launched again after a pause, which
       doubles with each failure; meanwhile new calls of it are refused, if none of its processes is left.

    >>> pool, thumb = Pool(512), Profile("thumb", 256)
    >>> pool.ask("a", thumb, now=0.0) == [Launch(1, thumb, "a")]
    True
    >>> pool.launched(1, now=0.1)
    [Give(call='a', process=1)]
    >>> pool.free(1, now=0.2)
    []
    >>> report = Profile("report", 500, is_hot=False)
    >>> pool.ask("b", report, now=0.3)
    [Evict(process=1)]
    >>> pool.died(1, now=0.4) == [Launch(2, report, "b")]
    True
    """

    def __init__(self, total: int, *, patience: float = 0.25) -> None:
        self.total = total
        self._patience = patience
        self._now = -math.inf
        self._is_closed = False
        self._launches = 0
        self._processes: dict[int, _Process] = {}
        self._waiters: OrderedDict[Hashable, _Waiter] = OrderedDict()
        self._kept: dict[Hashable, _Kept] = {}
        self._idle: OrderedDict[int, _Process] = OrderedDict()
        self._used = 0
        self._used_by_idle = 0
        self._used_by_ending = 0

    @property
    def free_memory(self) -> int:
        """The memory that no process holds."""
        return self.total - self._used

    @property
    def waiting(self) -> int:
        """The number of calls that wait."""
        return len(self._waiters)

    @property
    def processes(self) -> int:
        """The number of processes that have not died, whatever their state."""
        return len(self._processes)

    @property
    def alarm(self) -> float:
        """The time of the next `tick` that may decide something, infinity if there is none."""
        return min(self._alarms(), default=math.inf)

    # Events of calls

    def ask(self, call: Hashable, profile: Profile, now: float) -> list[Decision]:
        """Let a call ask for a process. Raises ValueError if its key waits already."""
        if call in self._waiters:
            raise ValueError(f"call must be new, got {call!r:.200} again")
        self._now = now
        reason = self._reason_to_refuse(profile)
        if reason is not None:
            return self._settle([Refuse(call, reason)])  # time has passed all the same
        self._waiters[call] = _Waiter(profile, now)
        return self._settle([])

    def cancelled(self, call: Hashable, now: float) -> list[Decision]:
        """Let a call wait no longer. Its process, if it has one, is its own until it is free, spoiled or dead."""
        self._now = now
        self._waiters.pop(call, None)
        return self._settle([])

    # Events of processes

    def launched(self, number: int, now: float) -> list[Decision]:
        """Note that a hot process has started, and is ready for its first call."""
        self._now = now
        process = self._processes.get(number)
        if process is not None and process.state == "launching":
            kept = self._kept[process.profile.key]
            kept.launching -= 1
            kept.pause, kept.not_before = 0.0, -math.inf
            self._shelve(process)
        return self._settle([])

    def free(self, number: int, now: float) -> list[Decision]:
        """Note that a process has ended its call cleanly; a hot one is ready for the next."""
        self._now = now
        decisions: list[Decision] = []
        process = self._processes.get(number)
        if process is not None and process.state == "busy":
            if self._is_closed or process.calls == _most_calls(process.profile):
                self._evict(process, decisions)
            else:
                self._shelve(process)
        return self._settle(decisions)

    def spoiled(self, number: int, now: float) -> list[Decision]:
        """Evict a process whose call did not end cleanly, or that sent data without a request."""
        self._now = now
        decisions: list[Decision] = []
        process = self._processes.get(number)
        if process is not None and process.state != "ending":
            self._evict(process, decisions)
        return self._settle(decisions)

    def died(self, number: int, now: float) -> list[Decision]:
        """Forget a process that has ended, and free its memory."""
        self._now = now
        decisions: list[Decision] = []
        process = self._processes.get(number)
        if process is not None:
            if process.state == "launching":
                self._note_failed_launch(process, decisions)
            self._leave_state(process)
            self._forget(process)
        return self._settle(decisions)

    # Events of time and of the agent

    def tick(self, now: float) -> list[Decision]:
        """Evict processes that were idle, or were launching, for too long."""
        self._now = now
        decisions: list[Decision] = []
        for process in list(self._processes.values()):
            if process.state == "idle" and now >= process.since + process.profile.idle_timeout:
                self._evict(process, decisions)
            elif process.state == "launching" and now >= process.since + process.profile.start_timeout:
                self._note_failed_launch(process, decisions)
                self._evict(process, decisions)
        return self._settle(decisions)

    def close(self, now: float) -> list[Decision]:
        """Refuse all calls that wait or come, and evict all processes, those that answer a call when they are free."""
        self._now = now
        self._is_closed = True
        decisions: list[Decision] = [Refuse(call, "closed") for call in self._waiters]
        self._waiters.clear()
        for process in list(self._processes.values()):
            if process.state in ("idle", "launching"):
                self._evict(process, decisions)
        return decisions

    # Decisions

    def _reason_to_refuse(self, profile: Profile) -> Reason | None:
        if self._is_closed:
            return "closed"
        if profile.memory > self.total:
            return "large"
        kept = self._kept.get(profile.key)
        return "launch" if kept is not None and not kept.usable and self._now < kept.not_before else None

    def _settle(self, decisions: list[Decision]) -> list[Decision]:
        """Make all possible decisions for the calls that wait."""
        if self._waiters:
            self._give(decisions)
            self._launch(decisions)
        return decisions

    def _give(self, decisions: list[Decision]) -> None:
        """Give idle processes to the calls of their functions, but make room first for an older call that starves."""
        claimed = 0
        for call, waiter in list(self._waiters.items()):
            kept = self._kept.get(waiter.profile.key)
            if kept is not None and kept.idle:
                process = kept.idle[-1]
                self._leave_state(process)
                process.state = "busy"
                process.calls += 1
                del self._waiters[call]
                decisions.append(Give(call, process.number))
            elif self._is_starving(waiter) and self._make_room(claimed + waiter.profile.memory, decisions):
                claimed += waiter.profile.memory

    def _launch(self, decisions: list[Decision]) -> None:
        """Launch processes for the calls that wait, the oldest first, as far as there is memory for them."""
        claimed = 0  # by older calls, for which evicted processes have yet to die
        seen: dict[Hashable, int] = {}
        for call, waiter in list(self._waiters.items()):
            profile = waiter.profile
            seen[profile.key] = seen.get(profile.key, 0) + 1
            if not self._may_launch(profile, seen[profile.key]):
                continue
            needed = claimed + profile.memory
            if not self._make_room(needed, decisions):
                if self._is_starving(waiter):
                    break
            elif needed > self.free_memory:
                claimed = needed
            else:
                self._start(call, profile, decisions)

    def _may_launch(self, profile: Profile, rank: int) -> bool:
        """Return whether another process may be launched for the call of this rank among those of its function."""
        kept = self._kept.get(profile.key)
        if kept is None:
            return True
        is_full = profile.max_processes is not None and kept.alive >= profile.max_processes
        return rank > kept.launching and not is_full and self._now >= kept.not_before

    def _is_starving(self, waiter: _Waiter) -> bool:
        """Return whether a call has waited for long, and for memory alone."""
        kept = self._kept.get(waiter.profile.key)
        is_alone = kept is None or (not kept.usable and self._may_launch(waiter.profile, 1))
        return is_alone and self._now >= waiter.since + self._patience

    def _make_room(self, needed: int, decisions: list[Decision]) -> bool:
        """Return whether so much memory is free, or will be when all evicted processes have died.

        Idle processes are evicted if that is so afterwards.
        """
        room = self.free_memory + self._used_by_ending
        if needed > room + self._used_by_idle:
            return False
        while needed > self.free_memory + self._used_by_ending:
            self._evict(next(iter(self._idle.values())), decisions)
        return True

    def _start(self, call: Hashable, profile: Profile, decisions: list[Decision]) -> None:
        self._launches += 1
        process = _Process(self._launches, profile, call, self._now, "launching")
        self._processes[process.number] = process
        self._used += profile.memory
        if profile.is_hot:
            kept = self._kept.setdefault(profile.key, _Kept())
            kept.alive += 1
            kept.launching += 1
        else:
            process.state = "busy"
            process.calls = 1
            del self._waiters[call]
        decisions.append(Launch(process.number, profile, call))

    def _shelve(self, process: _Process) -> None:
        """Let a process be idle until a call takes it."""
        process.state, process.since = "idle", self._now
        self._kept[process.profile.key].idle.append(process)
        self._idle[process.number] = process
        self._used_by_idle += process.profile.memory

    def _evict(self, process: _Process, decisions: list[Decision]) -> None:
        self._leave_state(process)
        process.state = "ending"
        self._used_by_ending += process.profile.memory
        if process.profile.is_hot:
            self._kept[process.profile.key].ending += 1
        decisions.append(Evict(process.number))

    def _leave_state(self, process: _Process) -> None:
        """Take a process out of the counts of its state."""
        profile = process.profile
        if process.state == "idle":
            self._kept[profile.key].idle.remove(process)
            del self._idle[process.number]
            self._used_by_idle -= profile.memory
        elif process.state == "launching":
            self._kept[profile.key].launching -= 1
        elif process.state == "ending":
            self._used_by_ending -= profile.memory
            if profile.is_hot:
                self._kept[profile.key].ending -= 1

    def _forget(self, process: _Process) -> None:
        profile = process.profile
        del self._processes[process.number]
        self._used -= profile.memory
        if profile.is_hot:
            kept = self._kept[profile.key]
            kept.alive -= 1
            if not kept.alive and not kept.pause:
                del self._kept[profile.key]

    def _note_failed_launch(self, process: _Process, decisions: list[Decision]) -> None:
        """Refuse the call that asked for this launch, if it still waits, and pause."""
        kept = self._kept[process.profile.key]
        kept.pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * kept.pause))
        kept.not_before = self._now + kept.pause
        waiter = self._waiters.pop(process.call, None)
        if waiter is not None:
            decisions.append(Refuse(process.call, "launch"))

    def _alarms(self) -> Iterator[float]:
        for process in self._processes.values():
            if process.state == "idle":
                yield process.since + process.profile.idle_timeout
            elif process.state == "launching":
                yield process.since + process.profile.start_timeout
        for waiter in self._waiters.values():
            kept = self._kept.get(waiter.profile.key)
            if kept is not None and kept.not_before > self._now:
                yield kept.not_before
            if waiter.since + self._patience > self._now:
                yield waiter.since + self._patience


def _most_calls(profile: Profile) -> int | None:
    return profile.max_calls if profile.is_hot else 1
