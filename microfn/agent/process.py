"""Functions as processes of this machine (Linux): the server's side of the launcher."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import time
import weakref
from array import array
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import NamedTuple

from ..fork import register_fork_reset
from .call import Call
from .delegation import Delegation, find_delegation
from .errors import Busy, Closed, Failed, Refused, TimedOut
from .functions.function import Function
from .functions.function_process import End
from .interpreter import interpreter
from .launcher.guard import KILL_LAUNCHER
from .launcher.protocol import IN_A_FILE, LONGEST_MESSAGE, LaunchSpec
from .order import check_size, launch_spec

__all__ = ["FunctionProcess", "ProcessDriver", "open_pipe", "start_error"]

PIPE = 1024 * 1024
"""Bytes of output that wait for a slow client, so that the function can end meanwhile."""
GRACE = 0.3
"""Seconds beyond a deadline for which a reply of the launcher is awaited."""
F_SETPIPE_SZ = getattr(fcntl, "F_SETPIPE_SZ", 1031)
_PATIENCE = 2.0
"""Seconds in which a launcher has to start, and to end if it is not used any more."""
_PAUSE = 0.01
"""Seconds between two tries to send it something."""
_OF_PYTHON = ("LD_LIBRARY_PATH",)
"""Variables that a Python may need to start at all; functions get none of them."""
_LOST = End(-signal.SIGKILL, "lost")
_TOO_LONG = "The function took too long."
_FULL = "The server has no room for another process."
_PF_EXITING = 4
_NO_ROOM = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)


class FunctionProcess:
    """A function that runs in a process of its own."""

    def __init__(self, control: socket.socket, out: int, err: int, done: int = 0) -> None:
        """`done` is the exit code of a program that has answered to the end."""
        self._done = done
        self._socket: socket.socket | None = control
        self._launcher: _Launcher | None = None
        self.out, self.err, self.control = out, err, control.fileno()
        self._end: End | None = None
        self.pid = 0
        register_fork_reset(self)

    def started(self, launcher: _Launcher, until: float) -> None:
        """Wait until it runs.

        Raises OSError if it cannot be started, `TimedOut` if there was no reply until then, `Failed` if the launcher is
        gone.
        """
        self._launcher = launcher
        launcher.functions.add(self)
        try:
            reply = self._receive(until)
        except TimedOut:
            launcher.is_lost = launcher.is_old()
            raise
        if not reply:
            launcher.is_lost = True
            raise Failed("The function was lost.")
        word, value = reply.split()
        if word == "failed":
            raise OSError(int(value), os.strerror(int(value)))
        self.pid = int(value)

    @property
    def has_ended(self) -> bool:
        """Whether it has ended, and all that it started in its group: the launcher closes its side after that."""
        return self._socket is None or _is_hung_up(self.control, 0.0)

    @property
    def is_exiting(self) -> bool:
        """Whether it is on its way out, though its launcher has not told that yet (proc(5): the state and the flags).

        A process that dies closes its files before its parent can see that, long before if the machine is busy.
        """
        with suppress(OSError, ValueError), open(f"/proc/{self.pid}/stat", "rb", buffering=0) as file:
            data = file.read(4096)
            state, *fields = data[data.rindex(b")") + 2 :].split()
            return state in b"ZX" or bool(int(fields[5]) & _PF_EXITING)
        return True

    def has_gone(self, seconds: float = 0.0) -> bool:
        """Return whether its group is gone, and wait up to `seconds` for that. Call this after `end`."""
        until = time.monotonic() + seconds
        with suppress(ConnectionResetError):
            while _is_readable(self.control, until - time.monotonic()):
                if not os.read(self.control, 256):  # gevent reports the end of a file, but no hang-up
                    return True
            return False
        return True

    def stop(self) -> None:
        """Kill it, and its group."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def end(self) -> End:
        """Return how it ended. It was stopped or seen to end before, so this waits only a moment."""
        if self._end is None and self._socket is None:  # This is a forked child, and it was its parent's.
            return _LOST
        if self._end is None:
            reply = ""
            try:
                reply = self._receive(time.monotonic() + GRACE)
            except TimedOut:
                # A launcher that is silent has not waited for the leader, so the group is still its own. If it is gone,
                # its guard kills the group, and the id may be another's by now.
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
            if reply:
                _, code, why = reply.split()
                self._end = _meaning(int(code), why, self._done)
            else:
                self._end = _LOST
                if self._launcher is not None:
                    self._launcher.is_lost = True
        return self._end

    def close(self) -> None:
        """Close its files, and have the launcher kill all that is left of it. Closing twice closes once.

        If it has ended, wait a moment for the rest of its group, which may hold much memory.
        """
        if self._socket is not None and self._end not in (None, _LOST):
            self.has_gone(GRACE)
        control, self._socket = self._socket, None
        launcher, self._launcher = self._launcher, None
        if launcher is not None:
            launcher.leave(self)
        if control is not None:
            control.close()
            os.close(self.out)
            os.close(self.err)

    def reset_after_fork(self) -> None:
        """In a forked child: close the files of the parent's function, which has to end with the parent."""
        self.close()

    def _receive(self, until: float) -> str:
        """Return the next reply, or nothing if the launcher is gone. Raises `TimedOut`."""
        if not _is_readable(self.control, until - time.monotonic()):
            raise TimedOut(_TOO_LONG)
        with suppress(ConnectionResetError):
            return os.read(self.control, 256).decode("ascii")
        return ""


class ProcessDriver:
    """Runs functions as processes, by a launcher that is started with the first call.

    Raises RuntimeError if the platform cannot do that.
    """

    def __init__(self) -> None:
        if not sys.platform.startswith("linux") or not os.path.exists("/proc/self/statm"):
            raise RuntimeError("functions in processes of their own need Linux and /proc")
        if not os.access(interpreter(), os.X_OK):
            raise RuntimeError(f"functions are started by a Python, and there is none at {interpreter()!r}")
        self._delegation = find_delegation()
        self._launcher: _Launcher | None = None
        self._all: weakref.WeakSet[_Launcher] = weakref.WeakSet()
        self._starting: dict[str, object] = {}
        self._is_closed = False
        register_fork_reset(self)

    def reset_after_fork(self) -> None:
        """In a forked child: forget the parent's launchers."""
        launchers, self._all = list(self._all), weakref.WeakSet()
        self._launcher = None
        self._starting = {}
        self._is_closed = False
        for launcher in launchers:
            launcher.forget()

    def prepare(self, function: Function) -> None:
        """Raise ValueError for a program that no process could be given."""
        check_size(function.program)

    def run(self, call: Call, held: Sequence[int] = ()) -> FunctionProcess:
        """Start the function of a call. Raises the errors of `Driver.run`."""
        function = call.function
        if function is None:
            raise TypeError(f"{call!r} has no function")
        function.check_start()
        spec = launch_spec(call, function.program)
        try:
            with ExitStack() as files:
                process, launcher = self._start(spec, call, function.program.done, held, files)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise Busy(_FULL) from error
            raise
        try:
            process.started(launcher, call.deadline.end + GRACE)
        except OSError as error:
            process.close()
            raise start_error(error, function) from error
        except BaseException:
            process.close()
            raise
        function.started(True)
        return process

    def _start(
        self, spec: LaunchSpec, call: Call, done: int, held: Sequence[int], files: ExitStack
    ) -> tuple[FunctionProcess, _Launcher]:
        """Send a spec with its files to the launcher; `files` closes those that are the launcher's alone."""
        if call.body is None:
            source = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
            files.callback(os.close, source)
        else:
            source = call.body.fileno()
            os.lseek(source, 0, os.SEEK_SET)
        with ExitStack() as own:
            out, err = open_pipe(files, own, PIPE), open_pipe(files, own)
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            files.callback(theirs.close)
            process = FunctionProcess(ours, out.ours, err.ours, done)
            own.pop_all()
            own.callback(process.close)
            sent = [theirs.fileno(), source, out.theirs, err.theirs, *held]
            launcher = self.send(spec, sent, files, spec.end + GRACE)
            own.pop_all()
        return process, launcher

    def send(self, spec: LaunchSpec, sent: list[int], files: ExitStack, until: float) -> _Launcher:
        """Send a spec with files to the launcher, or to its successor if it is gone."""
        data = spec.encode()
        if len(data) > LONGEST_MESSAGE:
            written = os.memfd_create("microfn")
            files.callback(os.close, written)
            os.write(written, data)
            data = IN_A_FILE
            sent.insert(1, written)
        launcher = self._living()
        try:
            launcher.send(data, sent, until)
        except OSError:
            launcher.is_lost = True
            launcher = self._living()
            launcher.send(data, sent, until)
        return launcher

    def _living(self) -> _Launcher:
        """Return the launcher. One is started, whether threads or greenlets ask for it, so there is no lock to hold.

        A lost launcher has a successor. It may be late only, so it stays as long as a function of it is there. Raises
        `Closed` if the driver was closed meanwhile.
        """
        while (launcher := self._launcher) is None or launcher.is_lost:
            if self._is_closed:
                raise Closed("The server is being stopped.")
            mine = object()
            if self._starting.setdefault("launcher", mine) is mine:
                try:
                    if self._launcher is launcher:
                        if launcher is not None:
                            launcher.retire()
                        self._launcher = _Launcher(self._delegation)
                        self._all.add(self._launcher)
                        if self._is_closed:  # meanwhile
                            self.close()
                finally:
                    self._starting.pop("launcher", None)
            else:
                time.sleep(0.001)
        return launcher

    def close(self) -> None:
        """End the launcher, and all that it has started; start nothing after that."""
        self._is_closed = True
        self._launcher = None
        for launcher in list(self._all):
            launcher.close()


class _Launcher:
    """A launcher, and the socket that leads to it. `delegation` has the control group for its calls."""

    def __init__(self, delegation: Delegation | None = None) -> None:
        self._began = time.monotonic()
        self.is_lost = False
        self.functions: set[FunctionProcess] = set()
        self._is_retired = False
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [interpreter(), "-I", "-S", os.path.join(os.path.dirname(__file__), "launcher"), *(delegation or ())]
        with theirs, ExitStack() as own:
            own.callback(self._channel.close)
            # The folder of our launcher, run by the Python that runs this.
            self._process = subprocess.Popen(  # noqa: S603  # nosec B603
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                env={name: os.environ[name] for name in _OF_PYTHON if name in os.environ},
                cwd="/",
            )
            own.pop_all()
        self.close = weakref.finalize(self, _end, self._channel, self._process)

    def is_old(self) -> bool:
        """Return whether it has had its time to start. If it is silent after that, it has stopped."""
        return time.monotonic() - self._began > _PATIENCE

    def send(self, data: bytes, files: list[int], until: float) -> None:
        """Send it a message and files, the first of which is the control socket of the function.

        The socket is full at some time if it reads nothing. Raises `TimedOut` if it is full until then.
        """
        while not self._try_send(data, files):
            if time.monotonic() > until:
                self.is_lost = self.is_old()
                raise TimedOut(_TOO_LONG)
            time.sleep(_PAUSE)

    def _try_send(self, data: bytes, files: list[int]) -> bool:
        """Send it a message if there is room, and return whether there was. `socket.send_fds` forgets its flags."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", files))]
        with suppress(BlockingIOError):
            return bool(self._channel.sendmsg([data], rights, socket.MSG_DONTWAIT))
        return False

    def leave(self, function: FunctionProcess) -> None:
        """Forget a function that has ended."""
        self.functions.discard(function)
        if self._is_retired:
            self.retire()

    def retire(self) -> None:
        """End it as soon as no function of it is left: it has a successor."""
        self._is_retired = True
        if not self.functions:
            self.close()

    def forget(self) -> None:
        """In a forked child: leave it to the parent."""
        self.close.detach()
        self._channel.close()
        self._process.returncode = 0


def _end(channel: socket.socket, process: subprocess.Popen[bytes]) -> None:
    channel.close()
    process.send_signal(signal.SIGCONT)  # A stopped launcher could not end its functions.
    for number in KILL_LAUNCHER, signal.SIGKILL:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
            return
        process.send_signal(number)
    process.wait()


def _meaning(code: int, why: str, done: int) -> End:
    """How a program ended that has the exit code `done` if it has answered to the end: then that is its success."""
    if code == done:
        return End(0, why)
    if code == 0 and why == "-":
        return End(0, "unfinished")
    return End(code, why)


def start_error(error: OSError, function: Function) -> Exception:
    """Return the error of a call whose function could not be started."""
    if error.errno in _NO_ROOM:
        return Busy(_FULL)
    if error.errno == errno.E2BIG:
        return Refused("The request has more than a process can have.")
    function.started(False)
    hint = ""
    if error.errno == errno.ENOEXEC:
        hint = "; has it a first line that begins with #!?"
    elif error.errno == errno.ENOENT:
        hint = "; are the program, the interpreter in its first line, and the directory there?"
    return Failed("The function cannot be started.", f"{error.strerror}{hint}")


class _Pipe(NamedTuple):
    ours: int
    theirs: int


def open_pipe(files: ExitStack, own: ExitStack, size: int | None = None) -> _Pipe:
    """Return a pipe of this size, if the user may have that. Our end does not block, the function's end does.

    `files` closes the end that is the launcher's, `own` the other one.
    """
    ours, theirs = os.pipe()
    files.callback(os.close, theirs)
    own.callback(os.close, ours)
    os.set_blocking(ours, False)
    if size is not None:
        with suppress(PermissionError):
            fcntl.fcntl(theirs, F_SETPIPE_SZ, size)
    return _Pipe(ours, theirs)


def _is_hung_up(file: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(file, 0)
    return bool(poll.poll(seconds * 1000))


def _is_readable(file: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(max(0.0, seconds) * 1000))
