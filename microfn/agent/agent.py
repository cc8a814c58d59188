"""The agent: it decides which calls are executed and when, and knows those that are."""

from __future__ import annotations

import io
import logging
import math
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import IO, TYPE_CHECKING, Any, TypeVar

from ..arguments import check_number, check_seconds
from ..fork import register_fork_reset
from ..log import escape
from ..routing.handle import check_handle
from .call import Call
from .cgi import body_of, check_request, environ_of
from .deadline import Deadline, began_at
from .driver import Driver
from .errors import Busy, Closed, Failed, TimedOut
from .execution import Execution
from .function import LONGEST_TIMEOUT, Function, Protocol, command_of
from .host import HostLedger
from .ledger import Ledger
from .memory import MIB, check_memory, size_of, total
from .ram import Ram
from .reply import read_reply
from .slot import Slot

if TYPE_CHECKING:
    from ..http.types import Middleware
    from .call import Writer
    from .cold import Cold

__all__ = ["Agent"]

Hook = TypeVar("Hook", bound=Callable[[Call], object])
_TOKENS = "a number of tokens"
_LOOK_AGAIN = 0.01
"""Seconds between two looks at whether the last call has ended."""
logger = logging.getLogger("microfn.agent")
logger.addFilter(escape)


class Agent:
    """Deadlines and admission for calls; one for an application.

    `tokens` is how many the inline calls of this process have together, `host_tokens` the same for all processes of the
    host that name the same `directory`; None is no limit. `ram` is the memory that functions in processes have
    together, in bytes or as "2G": those of this process, or those of all that name the `directory`; without it, it is
    what the machine and its control groups leave when the first function is made. `start_header` names the header in
    which a proxy says when a request began (`X-Request-Start`): only for who has a proxy that sets it, since it is
    believed. `longest_wait` is how many seconds a call may wait at most, however much time it has.

    Raises TypeError and ValueError for what is no such number, OSError where the directory cannot be used, RuntimeError
    where the platform has no locks on files.
    """

    def __init__(
        self,
        *,
        tokens: int | None = None,
        host_tokens: int | None = None,
        directory: str | None = None,
        ram: int | str | None = None,
        start_header: str | None = None,
        longest_wait: float = 30.0,
    ) -> None:
        is_header = isinstance(start_header, str) and re.fullmatch("[A-Za-z0-9-]+", start_header)
        if start_header is not None and not is_header:
            raise ValueError(f"start_header is the name of a header, not {start_header!r}")
        self.start_header = start_header
        self.longest_wait = check_seconds("longest_wait", longest_wait)
        self._ledgers: list[Ledger | HostLedger] = []
        if tokens is not None:
            self._ledgers.append(Ledger(check_number("tokens", tokens, _TOKENS)))
        if directory is None and host_tokens is not None:
            raise ValueError("host_tokens are files in a directory that all processes share: say directory=")
        if directory is not None and not isinstance(directory, (str, os.PathLike)):
            raise TypeError(f"directory is a path, not {directory!r}")
        if directory is not None and host_tokens is None and ram is None:
            raise ValueError("directory is where the files of host_tokens and of ram are: say host_tokens= or ram= too")
        if directory is not None and host_tokens is not None:
            self._ledgers.append(HostLedger(check_number("host_tokens", host_tokens, _TOKENS), directory))
        self._directory = directory
        self._ram = Ram(size_of(ram, "ram") // MIB, directory, self._reclaim) if ram is not None else None
        self._driver: Driver | None = None
        self._functions: list[Function] = []
        self._before: list[Callable[[Call], object]] = []
        self._after: list[Callable[[Call], object]] = []
        self.reset_after_fork()
        register_fork_reset(self)

    def reset_after_fork(self) -> None:
        """Begin anew, in a child that was forked."""
        self._is_closed = False
        self._running: set[Slot] = set()
        self._lock = threading.Lock()

    def inline(self, *, timeout: float, tokens: int = 1) -> Middleware:
        """A middleware: calls take so many tokens, have so many seconds, and are refused with 503 where that cannot be.

        The handle finds its `Deadline` in `request.deadline`, and has to respect it by itself: a thread cannot be
        stopped. Raises TypeError and ValueError for what is no such number, or more tokens than there are.

        >>> from microfn import Router
        >>> app, agent = Router(), Agent(tokens=8)
        >>> @app.get("/", use=[agent.inline(timeout=2)])
        ... def index(request, params):
        ...     return f"{request.deadline.left():.0f} seconds left"
        >>> app.test_client().get("/").text
        '2 seconds left'
        """
        from .wsgi import inline  # noqa: PLC0415 - the door to requests; nothing else of the agent knows them

        check_seconds("timeout", timeout)
        check_number("tokens", tokens, _TOKENS)
        least = min((ledger.total for ledger in self._ledgers), default=tokens)
        if tokens > least:
            raise ValueError(f"a call would take {tokens} tokens, and there are {least}")
        return inline(self, timeout=float(timeout), tokens=tokens)

    def cold(
        self,
        function: Sequence[str] | Callable[..., Any],
        *,
        memory: int | str,
        timeout: float,
        protocol: Protocol | None = None,
        content_type: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        output: int = 64 * MIB,
        log: int = 64 * 1024,
        processes: int = 64,
        descriptors: int = 256,
        max_content_length: int = 128 * MIB,
    ) -> Cold:
        r"""A WSGI application that answers each call with a process of its own: of any program, or of a handle.

        `function` is a command, a list of texts, or a `handle(request, params)` that another process can import. What
        it makes can be mounted, or be the handle of a route, whose params it passes on. `memory` is in MiB, or a text
        like "64M"; `timeout` is in seconds. The `protocol` of a command is "plain" (what it writes is the body of a
        200, of `content_type`, which is UTF-8 text unless it is given) or "cgi" (status and headers come first, RFC
        3875). `env` is all of the environment but for what CGI has, and `cwd` where it runs. `output` and `log` are how
        many bytes it may write to stdout and to stderr, `processes` (with their threads) and `descriptors` how many it
        may have at once. A body may have `max_content_length` bytes.

        Raises TypeError and ValueError for what cannot be run, and RuntimeError where the platform cannot do it.

        >>> from microfn import Router
        >>> app, agent = Router(), Agent(ram="256M")
        >>> app.mount("/date", agent.cold(["date", "-u", "+%Z"], memory=16, timeout=5))
        >>> app.test_client().get("/date").text
        'UTC\n'
        """
        from .cold import Cold  # noqa: PLC0415 - the door to requests; nothing else of the agent knows them

        if self._driver is None:
            self._driver = _driver()
        if content_type is not None and (callable(function) or protocol == "cgi"):
            raise ValueError("content_type is for the protocol plain; here the answer says its own")
        if callable(function):
            check_handle(function)
            # What is imported here, has to be found there.
            path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
            if protocol is not None:
                raise ValueError("protocol is for commands; a handle returns its answer, as everywhere")
            protocol, env = "cgi", {"PYTHONPATH": path} | dict(env or {})
            function = command_of(function)
        made = Function(
            function,
            memory=memory,
            timeout=timeout,
            protocol=protocol or "plain",
            content_type="text/plain; charset=utf-8" if content_type is None else content_type,
            env=env,
            cwd=cwd,
            output=output,
            log=log,
            processes=processes,
            descriptors=descriptors,
        )
        check_number("max_content_length", max_content_length)
        if self._ram is None:
            if self._directory is not None:
                raise ValueError("all processes that share a directory have to name the same memory: say ram=")
            self._ram = Ram(total() // MIB, None, self._reclaim)
        if made.memory > self._ram.total:
            logger.warning(
                "%r takes %s MiB, and there are %s: each call will be refused", made, made.memory, self._ram.total
            )
        self._driver.prepare(made)
        self._functions.append(made)
        return Cold(self, made, max_content_length=max_content_length)

    def get_call(
        self,
        method: str,
        path: str = "/",
        *,
        function: Cold | None = None,
        body: bytes | IO[bytes] = b"",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        writer: Writer | None = None,
        timeout: float | None = None,
        memory: int | str | None = None,
    ) -> Call:
        """A call of a function without HTTP, to be submitted. `path` may have a query.

        `function` is what `cold` made; it need not be said where there is one. `writer` is what the body of the answer
        is written to, an `io.BytesIO` where none is given; `timeout` and `memory` are the function's own, where they
        are not. Raises TypeError and ValueError for what is no such thing.
        """
        if function is None and len(self._functions) != 1:
            raise ValueError(f"the agent has {len(self._functions)} functions: say function=, what cold() made")
        made = self._functions[0] if function is None else getattr(function, "function", None)
        if made not in self._functions:
            raise TypeError(f"function is what cold() of this agent made, not {function!r:.200}")
        seconds = made.timeout if timeout is None else check_seconds("timeout", timeout, LONGEST_TIMEOUT)
        check_request(method, path)
        if writer is not None and (not hasattr(writer, "write") or isinstance(writer, io.TextIOBase)):
            raise TypeError(f"a writer is a file of bytes, or what has its write(), not {writer!r:.200}")
        call = Call(method, path.partition("?")[0], deadline=self.deadline(seconds))
        call.memory = made.memory if memory is None else check_memory(memory)
        call.function = made
        call.environ = environ_of(method, path, headers or {}, params or {})
        call.body = body_of(body)
        if writer is not None:
            call.writer = writer
        return call

    def submit(self, call: Call) -> Call:
        """Have a process answer a call of `get_call`, whose time begins now; the call, with what became of it.

        Raises `Busy`, `Closed`, `Refused`, `TooLarge`, `Failed`, `TimedOut`, and what its writer and the hooks raise. A
        call is submitted once; RuntimeError says that it was.

        >>> agent = Agent(ram="256M")
        >>> cat = agent.cold(["cat"], memory=16, timeout=5)
        >>> agent.submit(agent.get_call("POST", "/", body=b"as it came")).writer.getvalue()
        b'as it came'
        """
        if not isinstance(call, Call):
            raise TypeError(f"what is submitted is a call of get_call, not {call!r:.200}")
        if call.submitted_at is None:  # else it is refused, and its time goes on
            call.deadline = self.deadline(call.deadline.timeout)
        error: BaseException | None = None
        execution = self.run(call)
        try:
            reply = read_reply(execution.function, call.method, execution.read)
            call.status, call.headers = reply.status, reply.headers
            for piece in reply.body:
                call.writer.write(piece)
            execution.finish()
        except BaseException as caught:
            error = caught
            raise
        finally:
            execution.close(error)
        return call

    def run(self, call: Call) -> Execution:
        """Have a process answer this call. Raises what `submit` does, but for what comes after its start."""
        function, driver = call.function, self._driver
        if function not in self._functions or driver is None:
            raise TypeError(f"{call!r} has no function of this agent")
        slot = self.enter(call)
        with call.body or nullcontext():
            try:
                process = driver.run(call, slot.files)
                slot.hand_over(process)
                return Execution(slot, function, process)
            except BaseException as error:
                slot.close(error)
                raise

    def before_call(self, hook: Hook) -> Hook:
        """Have this called with each `Call` before it starts; what it raises ends the call."""
        self._before.append(_checked(hook))
        return hook

    def after_call(self, hook: Hook) -> Hook:
        """Have this called with each `Call` that has ended, refused ones too; what it raises is logged."""
        self._after.append(_checked(hook))
        return hook

    def deadline(self, timeout: float, start: str | None = None) -> Deadline:
        """The deadline of a call with so many seconds, which began now, or when a proxy's header says."""
        now = time.monotonic()
        began = began_at(start, clock=time.time(), now=now) if start else now
        return Deadline(began, timeout, self.longest_wait)

    def enter(self, call: Call) -> Slot:
        """A slot for this call, as soon as there is one.

        Raises `Busy` or `Closed` (503), `TooLarge` (400), what a hook raises, and RuntimeError for a call that was here
        before.
        """
        call.submit()
        slot = Slot(call, self, self._leave)
        try:
            with self._lock:
                if self._is_closed:
                    raise Closed("The server is being stopped.")
                self._running.add(slot)
            self._take_tokens(slot)
            for hook in self._before:
                hook(call)
            call.start()
        except BaseException as error:
            slot.close(error)
            raise
        return slot

    def refuse(self, call: Call, error: Exception) -> None:
        """Record a call that came to nothing before it could be submitted."""
        call.submit()
        Slot(call, self, self._leave).close(error)

    def narrow(self, slot: Slot, deadline: Deadline, tokens: int) -> None:
        """Have the call of a slot go on with other tokens, and no later than this. Raises `Busy`, as `enter` does.

        It waits for them with empty hands, or calls that have some could wait for each other.
        """
        call = slot.call
        call.deadline = min(call.deadline, deadline, key=lambda one: one.end)
        slot.give_back()
        call.tokens = tokens
        self._take_tokens(slot)

    def _take_tokens(self, slot: Slot) -> None:
        call = slot.call
        late = time.monotonic() - call.deadline.latest_start
        if late > 0:
            raise Busy("The server cannot keep up.", int(late) + 1)
        for ledger in self._ledgers if call.tokens else ():
            slot.hold(ledger.take(call.tokens, call.deadline.latest_start))
        if call.memory and self._ram is not None:
            slot.hold(self._ram.take(call.memory, call.deadline.latest_start))

    def _reclaim(self) -> None:
        """Give back what calls hold whose process has ended, and whose client is slow."""
        for slot in list(self._running):
            slot.reclaim()

    def _leave(self, slot: Slot, error: BaseException | None) -> None:
        slot.give_back()
        call = slot.call
        call.end(error)
        if isinstance(error, (Failed, TimedOut)):
            reason = f" ({ascii(error.reason)[1:-1]:.300})" if error.reason else ""
            logger.warning("call %s of %r: %s%s", call.id, call.function, error.detail, reason)
        try:
            for hook in self._after:
                _tell(hook, call)
        finally:
            with self._lock:
                self._running.discard(slot)

    @property
    def running(self) -> int:
        """How many calls of this process wait or are executed."""
        return len(self._running)

    def close(self, timeout: float | None = None) -> bool:
        """Refuse new calls, and wait until all others have ended, or for so many seconds; whether they have.

        Functions that run on after that are killed. For a server's own hook (`worker_exit` of gunicorn, say); a process
        that ends does not wait.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        with self._lock:
            self._is_closed = True
        # A condition that was made before gevent's patches would stop all greenlets, and so would never come true.
        while self._running and time.monotonic() < end:
            time.sleep(_LOOK_AGAIN)
        has_ended = not self._running
        if self._driver is not None:
            self._driver.close()
        return has_ended


def _driver() -> Driver:
    from .process import ProcessDriver  # noqa: PLC0415 - it can be imported where it can work

    return ProcessDriver()


def _checked(hook: Hook) -> Hook:
    if not callable(hook):
        raise TypeError(f"a hook is called with a Call, and {hook!r} cannot be called")
    return hook


def _tell(hook: Callable[[Call], object], call: Call) -> None:
    try:
        hook(call)
    except Exception:
        logger.exception("%r raised after call %s", hook, call.id)
