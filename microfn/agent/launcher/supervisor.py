"""Start functions, watch them, and end them on time: the launcher's loop."""

from __future__ import annotations

import os
import re
import selectors
import socket
import time
from contextlib import nullcontext, suppress

from .cgroup import Group, Groups
from .kill import kill
from .notices import Notices
from .processes import Seen, descendants, environ_of, memory_of, seen
from .protocol import Request, receive, reply
from .run import Run
from .spawn import spawn

__all__ = ["Launcher"]

FIRST_LOOK, LOOK_EVERY = 0.01, 0.1
"""Seconds from a start to the first look at the processes of functions, and between later ones.

The pauses between double. Each is at least twenty times the processor time of a look.
"""
LAST_MOMENT = 0.2
"""Seconds in which the rest of a killed group has to be gone, before its end is told."""
_REMEMBERED = 10.0
"""Seconds in which nothing is said of processes that a killed function has left."""
_CALL_ID = re.compile(rb"FN_CALL_ID=([0-9a-f]{32})")


class Launcher:
    """The launcher; `source` is the socket of requests, `wakeup` a pipe that is readable after a signal.

    A process that leaves its session becomes the launcher's child when its parent has ended, since the launcher is a
    subreaper. It is killed unless its call goes on, and a line on stderr says so, unless its call was killed too.
    `guard` is a file that is readable if the guard has died. `groups` has the control groups of calls, or is None.
    """

    def __init__(
        self, source: socket.socket, wakeup: int, notices: Notices, guard: int, groups: Groups | None = None
    ) -> None:
        self._source: socket.socket | None = source
        self._wakeup = wakeup
        self._notices = notices
        self._groups = groups
        self._runs: dict[int, Run] = {}
        self._leaving: dict[Run, float] = {}
        self._look_at: float | None = None
        self._rest = LOOK_EVERY
        self._rested_at = 0.0
        self._dying: set[int] = set()
        self._killed: dict[str, float] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(source, selectors.EVENT_READ, self._receive)
        self._selector.register(wakeup, selectors.EVENT_READ, self._wake)
        self._selector.register(guard, selectors.EVENT_READ, self._lose_guard)

    def run(self) -> None:
        """Go on until no asker is left, and no function runs."""
        while self._source is not None or self._runs or self._leaving or self._look_at is not None:
            for key, _ in self._selector.select(self._pause()):
                key.data(key.fileobj)
            self._reap()
            now = time.monotonic()
            for run in self._runs.values():
                if run.end <= now and run.why == "-":
                    self._kill(run, "time")
            for run, until in list(self._leaving.items()):
                if run.is_gone() or until <= now:
                    del self._leaving[run]
                    run.close()
                    self._leave_group(run.group)
            if self._look_at is not None and self._look_at <= now:
                self._look()

    def _pause(self) -> float | None:
        now = time.monotonic()
        # A killed process may be in a system call that cannot be interrupted, so it is not polled.
        times = [run.end for run in self._runs.values() if run.why == "-"]
        times += [now + 0.01] * bool(self._leaving)
        times += [now + LOOK_EVERY] * (self._groups is not None and self._groups.clean())
        if self._look_at is not None:
            times.append(self._look_at)
        return max(0.0, min(times) - now) if times else None

    def _wake(self, _: object) -> None:
        with suppress(BlockingIOError):
            os.read(self._wakeup, 4096)

    def _receive(self, source: socket.socket) -> None:
        try:
            request = receive(source)
        except EOFError:
            self._end_all()
            return
        if request is not None:
            self._start(request)

    def _lose_guard(self, guard: int) -> None:
        self._selector.unregister(guard)
        self._end_all()

    def _end_all(self) -> None:
        """End all functions, and take no request any more: the server is gone, or the guard."""
        source, self._source = self._source, None
        if source is not None:
            self._selector.unregister(source)
            source.close()
        for run in self._runs.values():
            self._kill(run)

    def _start(self, request: Request) -> None:
        control, spec = request.control, request.spec
        group = None if self._groups is None else self._groups.make(spec.call_id)
        try:
            with nullcontext() if group is None else group.entered():
                pid = spawn(spec, request.files)
        except OSError as error:
            self._leave_group(group)
            reply(control, f"failed {error.errno}")
            control.close()
            for file in request.held:
                os.close(file)
            return
        finally:
            for file in request.files:
                os.close(file)
        if group is not None:
            group.limit(spec.memory, spec.processes)
        run = self._runs[pid] = Run(request, pid, group)
        self._selector.register(control, selectors.EVENT_READ, lambda _: self._leave(run))
        reply(control, f"started {pid}")
        # A fork bomb doubles in a millisecond, and memory is filled by gigabytes a second: the first look is early.
        self._rest = FIRST_LOOK
        soon = max(time.monotonic() + FIRST_LOOK, self._rested_at)
        self._look_at = soon if self._look_at is None else min(self._look_at, soon)

    def _leave(self, run: Run) -> None:
        """End a function for which nobody waits any longer: the server sends nothing else on a control socket."""
        self._selector.unregister(run.control)
        self._kill(run)

    def _leave_group(self, group: Group | None) -> None:
        if self._groups is not None and group is not None:
            self._groups.leave(group)

    def _kill(self, run: Run, why: str = "-") -> None:
        """Kill the group of a function, and look at once for processes that have left it."""
        run.kill(why)
        self._killed[run.id] = self._look_at = time.monotonic()

    def _reap(self) -> None:
        """Wait for ended processes, and kill the rest of a function whose leader has ended."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                self._look_at = None  # no process is left to look at
                return
            if ended is None:
                return
            run = self._runs.pop(ended.si_pid, None)
            if run is not None:
                run.kill()
            _, status = os.waitpid(ended.si_pid, 0)
            if run is not None:
                run.note_exit(os.waitstatus_to_exitcode(status))
                if run.control in self._selector.get_map():
                    self._selector.unregister(run.control)
                if not run.is_gone():
                    run.tell_exit()
                self._leaving[run] = time.monotonic() + LAST_MOMENT

    def _look(self) -> None:
        """Kill functions beyond their limits, and processes that ended functions have left behind."""
        began, used = time.monotonic(), time.thread_time()
        self._killed = {call: at for call, at in self._killed.items() if began - at < _REMEMBERED}
        found = seen()
        had: dict[Run, list[int]] = {}
        strays: list[int] = []
        for pid in descendants(os.getpid(), found):
            if not found[pid].is_exiting:
                run = self._owner(pid, found)
                if run is None:
                    strays.append(pid)
                else:
                    had.setdefault(run, []).append(pid)
        killed: set[int] = set()
        for run, pids in had.items():
            if not run.is_killed:
                self._check(run, pids, found)
            if run.is_killed:
                killed.update(filter(kill, pids))
        killed.update(self._kill_strays(strays, found))
        now = time.monotonic()
        self._rested_at = now + 20 * (time.thread_time() - used)
        self._rest = min(LOOK_EVERY, 2 * self._rest)
        self._look_at = began if killed - self._dying else max(self._rested_at, now + self._rest)
        self._dying = killed

    def _check(self, run: Run, pids: list[int], found: dict[int, Seen]) -> None:
        if sum(found[pid].threads for pid in pids) > run.processes:
            self._kill(run, "processes")
        elif sum(found[pid].bytes for pid in pids) > run.memory and sum(map(memory_of, pids)) > run.memory:
            self._kill(run, "memory")

    def _owner(self, pid: int, found: dict[int, Seen]) -> Run | None:
        """Return the function of a descendant: by its session, its ancestors, or the id of its call."""
        me, first = os.getpid(), pid
        while True:
            process = found[pid]
            run = self._runs.get(process.session) or self._runs.get(pid)
            if run is not None:
                return run
            if process.parent == me:
                ids = {b"FN_CALL_ID=" + run.id.encode("ascii"): run for run in self._runs.values()}
                # The ancestor may have ended since the scan, and has no environment then.
                lines = [*environ_of(first), *environ_of(pid)]
                return next((ids[line] for line in lines if line in ids), None)
            pid = process.parent

    def _kill_strays(self, strays: list[int], found: dict[int, Seen]) -> set[int]:
        """Kill processes that left their function, and log it once for each call that was not killed itself."""
        left: dict[str, list[int]] = {}
        leaving = {run.pid for run in self._leaving}
        for pid in strays:
            ids = [line[1].decode("ascii") for text in environ_of(pid) if (line := _CALL_ID.fullmatch(text))]
            call = ids[0] if ids else "unknown"
            if kill(pid) and pid not in self._dying and found[pid].session not in leaving and call not in self._killed:
                left.setdefault(call, []).append(pid)
        for call, pids in left.items():
            more = f" and {len(pids) - 1} more" if len(pids) > 1 else ""
            self._notices.write(f"microfn: call {call} left process {pids[0]} behind{more}: killed")
        return set(strays)
