"""The launcher: a process beside a server's, which starts functions for it, and ends them. It is run by its path.

A server's process has threads, handlers of signals and children of its own, so nothing of that is ours to touch there;
and a thread that waits for a slow client cannot look at a clock. The launcher is a process of ours. It has one thread
and only the standard library. It is told of each call in a message of NUL-separated fields (`Order`), with files: one
end of a conversation, what the function reads and writes, and what is held until the function is gone.

It answers in that conversation, and each message is one:

    started 4711        the function runs, and leads the session and the group 4711
    failed 2            it could not be started; the number is an errno
    ended -9 time       it has ended, here by signal 9, and nothing of its group is left; "time", "memory" and
                        "processes" say what it was killed for, "-" that it was not

Whoever asked ends a call by closing its side, which is what the end of a process does too. So functions end with the
server that asked for them, whatever became of it.

What a function starts in a session of its own comes to the launcher when its parent has ended
(`PR_SET_CHILD_SUBREAPER`), and is killed too, unless its call goes on. What is killed this way is told on stderr.
"""

from __future__ import annotations

import os
import re
import resource
import selectors
import signal
import socket
import struct
import time
from contextlib import suppress
from typing import NamedTuple

__all__ = ["IN_A_FILE", "LONGEST_MESSAGE", "MOST_FILES", "Launcher", "Order"]

MOST_FILES = 253
"""What one message can carry (`SCM_MAX_FD`)."""
LONGEST_MESSAGE = 8192
"""Bytes of an order that is a message itself."""
IN_A_FILE = b"\0"
"""The message where the order is longer: it is in a file, which comes behind the conversation."""
LOOK_EVERY = 0.1
"""Seconds between two looks at what functions have started, or twenty times what a look takes."""
LAST_MOMENT = 0.2
"""Seconds in which the rest of a killed group has to be gone, before its call is told to have ended."""
_PR_SET_CHILD_SUBREAPER = 36
_STACK = 2 * 1024 * 1024
_ROOM = 4 * 1024 * 1024
_PAGE = resource.getpagesize()
_CALL_ID = re.compile(rb"FN_CALL_ID=([0-9a-f]{32})")
_NUMBERS = struct.Struct("i")
_HARD = {what: resource.getrlimit(what)[1] for what in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE)}
# Python ignores SIGPIPE and SIGXFSZ, and what is ignored stays so in a function.
_SIGNALS = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}


class Order(NamedTuple):
    """What is to be run, and its limits. `end` is of `time.monotonic()`, which all processes of a Linux share."""

    call_id: str
    end: float
    memory: int
    processes: int
    descriptors: int
    cwd: bytes
    argv: list[bytes]
    env: dict[bytes, bytes]

    def packed(self) -> bytes:
        """As bytes. Nothing that a process can be given holds a NUL."""
        numbers = (repr(self.end), self.memory, self.processes, self.descriptors, len(self.argv))
        return b"\0".join(
            [
                self.call_id.encode("ascii"),
                *(str(number).encode("ascii") for number in numbers),
                self.cwd,
                *self.argv,
                *(name + b"=" + value for name, value in self.env.items()),
            ]
        )

    @classmethod
    def unpacked(cls, data: bytes) -> Order:
        """From bytes that `packed` made."""
        call_id, end, memory, processes, descriptors, count, cwd, *rest = data.split(b"\0")
        limits = int(memory), int(processes), int(descriptors)
        env = dict(line.split(b"=", 1) for line in rest[int(count) :])
        return cls(call_id.decode("ascii"), float(end), *limits, cwd, rest[: int(count)], env)


class _Run:
    """A function that runs, until nothing of its group is left."""

    def __init__(self, order: Order, pid: int, talk: socket.socket, held: list[int]) -> None:
        self.id = order.call_id
        self.end = order.end
        self.memory = order.memory
        self.processes = order.processes
        self.pid = pid
        self.talk = talk
        self.held = held
        self.why = "-"
        self.code: int | None = None

    def kill(self, why: str = "-") -> None:
        """Kill its group. The group is ours as long as its leader, dead or alive, has not been waited for."""
        if self.why == "-":
            self.why = why
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def is_gone(self) -> bool:
        """Whether nothing is left of the group."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # it is another user's, as what is set-user-ID becomes
            return False
        return False

    def close(self) -> None:
        """Tell that it has ended, and let others have what was held for it."""
        _say(self.talk, f"ended {self.code} {self.why}")
        self.talk.close()
        for file in self.held:
            os.close(file)


class _Found(NamedTuple):
    """A process, as `/proc` has it."""

    parent: int
    session: int
    threads: int
    bytes: int


class Launcher:
    """What the launcher does; `source` is where the messages come from."""

    def __init__(self, source: socket.socket, wakeup: int) -> None:
        self._source: socket.socket | None = source
        self._wakeup = wakeup
        self._runs: dict[int, _Run] = {}
        self._leaving: dict[_Run, float] = {}
        self._look_at: float | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(source, selectors.EVENT_READ, self._hear)
        self._selector.register(wakeup, selectors.EVENT_READ, self._wake)

    def run(self) -> None:
        """Go on until there is nobody left to ask, and nothing left that runs."""
        while self._source is not None or self._runs or self._leaving or self._look_at is not None:
            for key, _ in self._selector.select(self._pause()):
                key.data(key.fileobj)
            self._reap()
            now = time.monotonic()
            for run in self._runs.values():
                if run.end <= now:
                    run.kill("time")
            for run, until in list(self._leaving.items()):
                if run.is_gone() or until <= now:
                    del self._leaving[run]
                    run.close()
            if self._look_at is not None and self._look_at <= now:
                self._look()

    def _pause(self) -> float | None:
        now = time.monotonic()
        # What is killed and does not end, in a system call that cannot be broken off, is no reason to be busy.
        times = [run.end for run in self._runs.values() if run.why == "-"]
        times += [now + 0.01] * bool(self._leaving)
        if self._look_at is not None:
            times.append(self._look_at)
        return max(0.0, min(times) - now) if times else None

    def _wake(self, _: object) -> None:
        with suppress(BlockingIOError):
            os.read(self._wakeup, 4096)

    def _hear(self, source: socket.socket) -> None:
        data, ancillary, flags, _ = source.recvmsg(
            LONGEST_MESSAGE, socket.CMSG_SPACE(MOST_FILES * _NUMBERS.size), socket.MSG_CMSG_CLOEXEC
        )
        if not data:
            self._selector.unregister(source)
            source.close()
            self._source = None
            for run in self._runs.values():
                run.kill()
            return
        files = [number for _, _, raw in ancillary for (number,) in _NUMBERS.iter_unpack(raw)]
        if flags & socket.MSG_CTRUNC:  # there are more files than a process may have; who asked hears of it
            for file in files:
                os.close(file)
            return
        talk, *rest = files
        if data == IN_A_FILE:
            written = rest.pop(0)
            data = os.pread(written, os.fstat(written).st_size, 0)
            os.close(written)
        order = Order.unpacked(data)
        known = socket.AF_UNIX, socket.SOCK_SEQPACKET, 0  # what is said is not asked of the system
        self._start(order, socket.socket(*known, fileno=talk), rest[:3], rest[3:])

    def _start(self, order: Order, talk: socket.socket, files: list[int], held: list[int]) -> None:
        """Start the function, so that there is no moment in which it has more memory than us, and it together.

        Nor more files, though as many as it takes to give it its own: it may be faster than `_limit`.
        """
        own = _own_memory()
        most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        try:
            os.chdir(order.cwd)
            _set_soft(resource.RLIMIT_AS, max(order.memory, own + _ROOM))
            _set_soft(resource.RLIMIT_NOFILE, max(order.descriptors, max(files) + 1))
            try:
                pid = os.posix_spawn(
                    order.argv[0],
                    order.argv,
                    order.env,
                    file_actions=[(os.POSIX_SPAWN_DUP2, file, number) for number, file in enumerate(files)],
                    setsid=True,
                    setsigmask=(),
                    setsigdef=_SIGNALS,
                )
            finally:
                _set_soft(resource.RLIMIT_AS, resource.RLIM_INFINITY)
                _set_soft(resource.RLIMIT_NOFILE, most_files)
        except OSError as error:
            _say(talk, f"failed {error.errno}")
            talk.close()
            for file in held:
                os.close(file)
            return
        finally:
            for file in files:
                os.close(file)
        run = _Run(order, pid, talk, held)
        _limit(pid, order)
        self._runs[pid] = run
        self._selector.register(talk, selectors.EVENT_READ, lambda _: self._leave(run))
        _say(talk, f"started {pid}")
        if self._look_at is None:
            self._look_at = time.monotonic() + LOOK_EVERY

    def _leave(self, run: _Run) -> None:
        """Nobody waits for this call any more; there is nothing else that can come from there."""
        self._selector.unregister(run.talk)
        run.kill()

    def _reap(self) -> None:
        """Wait for what has ended; kill what is left of a function that has."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                self._look_at = None  # there is nobody to look for
                return
            if ended is None:
                return
            run = self._runs.pop(ended.si_pid, None)
            if run is not None:
                run.kill()
            _, status = os.waitpid(ended.si_pid, 0)
            if run is not None:
                run.code = os.waitstatus_to_exitcode(status)
                if run.talk in self._selector.get_map():
                    self._selector.unregister(run.talk)
                self._leaving[run] = time.monotonic() + LAST_MOMENT

    def _look(self) -> None:
        """Kill functions that have too much, and what those have left that ended."""
        began = time.monotonic()
        found = _processes()
        had: dict[int, list[int]] = {}
        for pid, process in found.items():
            run = self._owner(pid, found)
            if run is not None:
                had.setdefault(run.pid, []).append(pid)
            elif process.parent == os.getpid():
                self._kill_stray(pid)
        for leader, pids in had.items():
            run = self._runs[leader]
            if sum(found[pid].threads for pid in pids) > run.processes:
                self._kill_all(run, pids, "processes")
            elif sum(found[pid].bytes for pid in pids) > run.memory and sum(map(_memory_of, pids)) > run.memory:
                self._kill_all(run, pids, "memory")
        self._look_at = time.monotonic() + max(LOOK_EVERY, 20 * (time.monotonic() - began))

    def _owner(self, pid: int, found: dict[int, _Found]) -> _Run | None:
        """The function to which a process belongs: by its session, by its ancestors, or by the id of its call."""
        me = os.getpid()
        for _ in found:  # each has an end; but what is found is of more than one moment, and might go round
            process = found.get(pid)
            if process is None:
                break
            run = self._runs.get(process.session) or self._runs.get(pid)
            if run is not None:
                return run
            if process.parent == me:
                ids = {b"FN_CALL_ID=" + run.id.encode("ascii"): run for run in self._runs.values()}
                return next((ids[line] for line in _environ(pid) if line in ids), None)
            pid = process.parent
        return None

    def _kill_stray(self, pid: int) -> None:
        ids = [found[1].decode("ascii") for line in _environ(pid) if (found := _CALL_ID.fullmatch(line))]
        call = ids[0] if ids else "unknown"
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
            _tell(f"microfn: call {call} left process {pid} behind, which was killed\n")

    def _kill_all(self, run: _Run, pids: list[int], why: str) -> None:
        run.kill(why)
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _say(talk: socket.socket, text: str) -> None:
    """Who asked may be gone."""
    with suppress(OSError):
        talk.send(text.encode("ascii"), socket.MSG_DONTWAIT)


def _tell(text: str) -> None:
    with suppress(OSError):
        os.write(2, text.encode("ascii"))


def _set_soft(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY and not 0 <= most <= hard:
        most = hard
    resource.setrlimit(what, (most, hard))


def _limit(pid: int, order: Order) -> None:
    """Set the limits of a function and of all that it starts, so that it cannot raise them."""
    for what, most in ((resource.RLIMIT_AS, order.memory), (resource.RLIMIT_NOFILE, order.descriptors)):
        least = most if _HARD[what] == resource.RLIM_INFINITY else min(most, _HARD[what])
        with suppress(ProcessLookupError, PermissionError):
            resource.prlimit(pid, what, (least, least))


def _own_memory() -> int:
    with open("/proc/self/statm", "rb", buffering=0) as file:
        return int(file.read(64).split()[0]) * _PAGE


def _processes() -> dict[int, _Found]:
    """All processes of this machine."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with suppress(OSError, ValueError), open(f"/proc/{name}/stat", "rb", buffering=0) as file:
                data = file.read(4096)
                fields = data[data.rindex(b")") + 2 :].split()
                found[int(name)] = _Found(int(fields[1]), int(fields[3]), int(fields[17]), int(fields[21]) * _PAGE)
    return found


def _memory_of(pid: int) -> int:
    """The bytes of a process, where what several share is divided by their number."""
    with suppress(OSError), open(f"/proc/{pid}/smaps_rollup", "rb") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(b"Pss:"))
    return 0


def _environ(pid: int) -> list[bytes]:
    """The environment of a process, as lines; none of what is gone, dead, or another user's."""
    with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        return file.read().split(b"\0")
    return []


def main() -> None:  # pragma: no cover - in a process of its own
    """Be the launcher of the process at the other end of stdin."""
    import ctypes  # noqa: PLC0415 - only the launcher needs it, not the server that imports this for `Order`

    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "functions need prctl(PR_SET_CHILD_SUBREAPER)")
    for number in signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, lambda *_: None)  # handlers, since functions would inherit what is ignored
    wakeup, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _set_soft(resource.RLIMIT_STACK, _STACK)
    _set_soft(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    source = socket.socket(fileno=os.dup(0))
    with open("/dev/null", "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    Launcher(source, wakeup).run()


if __name__ == "__main__":  # pragma: no cover
    main()
