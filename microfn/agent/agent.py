"""The agent: its options and its public methods. The engine below does the work."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from ..arguments import check_number, check_seconds
from ..http.types import Middleware
from ..routing.handle import Handle, check_handle
from .admission.limiter import Limiter
from .admission.machine_limiter import MachineLimiter
from .admission.memory_limiter import MemoryLimiter
from .body import spool_body
from .call import Call, Writer
from .call_request import check_target, request_without_http
from .driver import Driver
from .engine import Engine, Hook, logger
from .functions.function import LONGEST_TIMEOUT, Function, Protocol
from .functions.program import Program, check_program, handle_name, handle_program
from .limits import check_limits
from .memory import MIB, check_memory, size_of, total
from .queue.agent_queue import AgentQueue
from .wsgi.application import FunctionApp
from .wsgi.gate import read_valid_head
from .wsgi.inline import inline

if TYPE_CHECKING:
    from ..http.request import Request
    from .cold_driver import ColdDriver
    from .hot_driver import HotDriver
    from .process import ProcessDriver
    from .queue.calls import Calls
    from .queue.queued import Queued

__all__ = ["Agent"]

_TOKENS = "a number of tokens"


class Agent:
    """Deadlines and admission for calls, functions in processes, and queued calls. An application has one agent.

    `tokens` is the number of tokens for the inline calls of this process, and `host_tokens` the number for all
    processes of the machine with the same `directory`; None means no limit. `ram` is the memory of functions in
    processes, in bytes or as a string such as "2G". It belongs to this process, or to all processes with the same
    `directory`. Without it, the limit is the memory that the machine and its control groups have available when the
    first function is created. `start_header` is the header with the start time of a request, such as `X-Request-Start`.
    The agent trusts it, so use it only if a proxy sets it. `longest_wait` is the maximum number of seconds that a call
    waits. `queue` is the URL of the store of queued calls: "sqlite:////absolute/path" or
    "postgresql://user@host/database". The first call opens the store.

    Raises TypeError and ValueError for invalid options, OSError if the directory cannot be used (PermissionError if
    other users may write in it), and RuntimeError if the platform has no file locks.
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
        queue: str | None = None,
    ) -> None:
        is_header = isinstance(start_header, str) and re.fullmatch("[A-Za-z0-9-]+", start_header)
        if start_header is not None and not is_header:
            raise ValueError(f"start_header must be the name of a header, got {start_header!r}")
        check_seconds("longest_wait", longest_wait)
        limiters: list[Limiter | MachineLimiter] = []
        if tokens is not None:
            limiters.append(Limiter(check_number("tokens", tokens, _TOKENS)))
        if directory is None and host_tokens is not None:
            raise ValueError("host_tokens must come with directory=, which all processes share, got none")
        if directory is not None and not isinstance(directory, (str, os.PathLike)):
            raise TypeError(f"directory must be a path, got {directory!r}")
        if directory is not None and host_tokens is None and ram is None:
            raise ValueError("directory must come with host_tokens= or ram=, whose files it holds, got neither")
        if directory is not None and host_tokens is not None:
            limiters.append(MachineLimiter(check_number("host_tokens", host_tokens, _TOKENS), directory))
        self._directory = directory
        self._memory = MemoryLimiter(size_of(ram, "ram") // MIB, directory) if ram is not None else None
        self._processes: ProcessDriver | None = None
        self._cold: ColdDriver | None = None
        self._hot: HotDriver | None = None
        self._engine = Engine(limiters, start_header=start_header, longest_wait=longest_wait)
        self._queue = None if queue is None else AgentQueue(queue, self._engine)

    def inline(self, *, timeout: float, tokens: int = 1) -> Middleware:
        """Return a middleware that gives calls tokens and a deadline in seconds, and refuses them with 503 otherwise.

        The handle finds its `Deadline` in `request.deadline`, and has to respect it: a thread cannot be stopped.

        Raises TypeError and ValueError for invalid numbers, and for more tokens than there are.

        >>> from microfn import Router
        >>> app, agent = Router(), Agent(tokens=8)
        >>> @app.get("/", use=[agent.inline(timeout=2)])
        ... def index(request, params):
        ...     return f"{request.deadline.left():.0f} seconds left"
        >>> app.test_client().get("/").text
        '2 seconds left'
        """
        check_seconds("timeout", timeout)
        check_number("tokens", tokens, _TOKENS)
        least = min((limiter.total for limiter in self._engine.limiters), default=tokens)
        if tokens > least:
            raise ValueError(f"tokens must be {least} or less, since there are no more, got {tokens}")
        return inline(self._engine, timeout=float(timeout), tokens=tokens)

    def cold(
        self,
        function: Sequence[str] | Callable[..., Any],
        *,
        memory: int | str,
        timeout: float,
        name: str | None = None,
        addresses: int | str | None = None,
        protocol: Protocol | None = None,
        content_type: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        output: int = 64 * MIB,
        log: int = 64 * 1024,
        processes: int = 64,
        descriptors: int = 256,
        max_content_length: int = 128 * MIB,
    ) -> FunctionApp:
        r"""Return a WSGI application that answers each call with a process of its own: of any program, or of a handle.

        `function` is a command, a list of strings, or a `handle(request, params)` that another process can import. The
        application can be mounted, or be the handle of a route, whose params it passes on. `memory` is in MiB, or a
        string like "64M"; `timeout` is in seconds. `name` is the name by which its calls are counted: a handle's
        `module:qualname` or a command's program by default. The `protocol` of a command is "plain" (its output is the
        body of a 200, of `content_type`, by default UTF-8 text) or "cgi" (status and headers come first, RFC 3875).
        `env` is the environment, but for the variables of CGI, and `cwd` the directory. `addresses` is the
        address space of each process, in MiB or like "1G"; None is no limit. `output` and `log` are bytes of stdout and
        of stderr, `processes` (threads count too) and `descriptors` are those at once. A body may have
        `max_content_length` bytes.

        Raises TypeError and ValueError for invalid options, and RuntimeError if the platform cannot do it.

        >>> from microfn import Router
        >>> app, agent = Router(), Agent(ram="256M")
        >>> app.mount("/date", agent.cold(["date", "-u", "+%Z"], memory=16, timeout=5))
        >>> app.test_client().get("/date").text
        'UTC\n'
        """
        driver = self._cold_driver()
        if content_type is not None and (callable(function) or protocol == "cgi"):
            raise ValueError(
                "content_type must be left out for protocol cgi and for handles, whose responses say their own"
            )
        if callable(function) and protocol is not None:
            raise ValueError("protocol must be left out for a handle, which returns its response")
        own_name, program = _program_of(function, "worker", cwd=cwd, env=env)
        made = Function(
            own_name if name is None else name,
            program,
            check_limits(
                memory=memory,
                addresses=addresses,
                output=output,
                log=log,
                processes=processes,
                descriptors=descriptors,
                is_handle=callable(function),
            ),
            timeout=timeout,
            protocol="cgi" if callable(function) else protocol or "plain",
            content_type="text/plain; charset=utf-8" if content_type is None else content_type,
        )
        return self._register(made, driver, max_content_length)

    def hot(
        self,
        function: Sequence[str] | Callable[..., Any],
        *,
        memory: int | str,
        timeout: float,
        name: str | None = None,
        idle_timeout: float = 60.0,
        max_calls: int | None = None,
        max_processes: int | None = None,
        start_timeout: float = 10.0,
        addresses: int | str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        output: int = 64 * MIB,
        log: int = 64 * 1024,
        processes: int = 64,
        descriptors: int = 256,
        max_content_length: int = 128 * MIB,
    ) -> FunctionApp:
        r"""Return a WSGI application that answers calls in processes that it reuses. It is also the handle of a route.

        `function` is a `handle(request, params)` that another process can import, or a command that answers HTTP/1.1
        requests (RFC 9112) on stdin and stdout, which are one socket. A process has one call at a time. Each process of
        the server keeps its own processes, at most `max_processes` for this function; None means no limit. A process
        ends after `idle_timeout` seconds without a call, after `max_calls` calls, after a call that failed, or if
        another call needs its memory. It must start within `start_timeout` seconds, including the import of a handle.
        `memory` is that of one process, in MiB or as a string such as "64M", also while it is idle. `timeout` is in
        seconds for each call. `output` is the maximum size of a response's body in bytes. `cold` describes the other
        options.

        Raises TypeError and ValueError for invalid options, RuntimeError if the platform cannot start functions, and
        NotImplementedError if the agent has a `directory`, since server processes cannot share hot functions yet.

        >>> script = '''while read line; do
        ...     [ ${#line} -gt 1 ] || { n=$((n + 1)); printf "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n$n\n"; }
        ... done'''
        >>> agent = Agent(ram="256M")
        >>> count = agent.hot(["sh", "-c", script], memory=16, timeout=5)
        >>> [agent.submit(agent.get_call("GET")).writer.getvalue() for _ in range(3)]
        [b'1\n', b'2\n', b'3\n']
        """
        driver = self._hot_driver()
        check_seconds("idle_timeout", idle_timeout, LONGEST_TIMEOUT)
        check_seconds("start_timeout", start_timeout, LONGEST_TIMEOUT)
        own_name, program = _program_of(function, "hot_worker", cwd=cwd, env=env)
        made = Function(
            own_name if name is None else name,
            program,
            check_limits(
                memory=memory,
                addresses=addresses,
                output=output,
                log=log,
                processes=processes,
                descriptors=descriptors,
                is_handle=callable(function),
            ),
            timeout=timeout,
        )
        driver.add(
            made,
            is_handle=callable(function),
            idle_timeout=idle_timeout,
            start_timeout=start_timeout,
            max_calls=None if max_calls is None else check_number("max_calls", max_calls),
            max_processes=None if max_processes is None else check_number("max_processes", max_processes),
        )
        return self._register(made, driver, max_content_length)

    def _register(self, made: Function, driver: Driver, max_content_length: int) -> FunctionApp:
        check_number("max_content_length", max_content_length)
        most = self._memory_limiter().total
        if made.limits.memory > most:
            logger.warning(
                "%r takes %s MiB, and there are %s: each call will be refused", made, made.limits.memory, most
            )
        self._engine.register(made, driver)
        return FunctionApp(self._engine, made, max_content_length=max_content_length)

    def queued(
        self,
        function: FunctionApp | Handle,
        *,
        retries: int = 3,
        expires: float = 86400.0,
        keep: float = 604800.0,
        timeout: float | None = None,
        scope: Callable[[Request], str] | None = None,
    ) -> Queued:
        """Return a handle that stores each call and responds with 202. The workers of `microfn work` execute it later.

        A call is executed at least once, so make functions safe to repeat. `function` is a return value of `cold` or
        `hot`, or a `handle(request, params)` that workers execute in their own process. If an execution fails, the call
        is executed again, up to `retries` times with growing pauses. No execution starts more than `expires` seconds
        after the request. A result is kept for `keep` seconds after the end of its call. `timeout` is the maximum
        duration of one execution in seconds. By default it is that of the function, or 60 for a handle, which finds its
        `Deadline` in `request.deadline`. `scope` returns a string for a request, such as the name of its user. Requests
        with the same Idempotency-Key in one scope are the same call
        (draft-ietf-httpapi-idempotency-key-header).

        Raises TypeError and ValueError for invalid options, and RuntimeError if the agent has no `queue`, or if the
        extra `queue` is not installed.

        >>> import tempfile
        >>> from microfn import Router
        >>> directory = tempfile.TemporaryDirectory()
        >>> app, agent = Router(), Agent(ram="256M", queue=f"sqlite:///{directory.name}/calls.db")
        >>> words = agent.cold(["wc", "-w"], memory=16, timeout=5, name="words")
        >>> _ = app.post("/words")(agent.queued(words, retries=1))
        >>> app.test_client().post("/words", data="one two three").status
        '202 ACCEPTED'
        >>> agent.queue.counts()
        {'words': {'queued': 1, 'running': 0}}
        >>> agent.close()
        True
        >>> directory.cleanup()
        """
        return self.queue.queued(function, retries=retries, expires=expires, keep=keep, timeout=timeout, scope=scope)

    @property
    def queue(self) -> AgentQueue:
        """The queue. Raises RuntimeError if the agent has no `queue`."""
        if self._queue is None:
            raise RuntimeError("queued calls need a store, which the agent does not have; pass Agent(queue=…)")
        return self._queue

    @property
    def calls(self) -> Calls:
        """The WSGI application that serves the states and results of queued calls. It is also a handle.

        `GET /<id>` is the state of a call, and `GET /<id>/result` the response of its function. As a handle, it needs a
        catch-all route, such as `/calls/*call`. Raises RuntimeError if the agent has no `queue`.

        >>> import tempfile
        >>> from microfn import Router
        >>> directory = tempfile.TemporaryDirectory()
        >>> app, agent = Router(), Agent(ram="256M", queue=f"sqlite:///{directory.name}/calls.db")
        >>> words = agent.cold(["wc", "-w"], memory=16, timeout=5, name="words")
        >>> _ = app.post("/words")(agent.queued(words))
        >>> app.mount("/calls", agent.calls)
        >>> client = app.test_client()
        >>> accepted = client.post("/words", data="one two three")
        >>> client.get(accepted.headers["Location"]).json["state"]
        'queued'
        >>> agent.close()
        True
        >>> directory.cleanup()
        """
        return self.queue.calls

    # The modules of processes cannot be imported on platforms without them.

    def _cold_driver(self) -> ColdDriver:
        from .cold_driver import ColdDriver  # noqa: PLC0415

        if self._cold is None:
            self._cold = ColdDriver(self._memory_limiter(), self._process_driver())
        return self._cold

    def _hot_driver(self) -> HotDriver:
        from .hot_driver import HotDriver  # noqa: PLC0415

        if self._directory is not None:
            raise NotImplementedError("directory must be None for hot functions, which server processes cannot share")
        if self._hot is None:
            self._hot = HotDriver(self._memory_limiter(), self._process_driver())
        return self._hot

    def _process_driver(self) -> ProcessDriver:
        from .process import ProcessDriver  # noqa: PLC0415

        if self._processes is None:
            self._processes = ProcessDriver()
        return self._processes

    def _memory_limiter(self) -> MemoryLimiter:
        """Return the memory of all functions in processes; without `ram=`, the machine's currently available memory."""
        if self._memory is None:
            if self._directory is not None:
                raise ValueError("ram must be the same for all processes that share a directory, got none")
            self._memory = MemoryLimiter(total() // MIB)
        return self._memory

    def get_call(
        self,
        method: str,
        path: str = "/",
        *,
        function: FunctionApp | None = None,
        body: bytes | IO[bytes] = b"",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        writer: Writer | None = None,
        timeout: float | None = None,
        memory: int | str | None = None,
    ) -> Call:
        """Return a call of a function without HTTP, to be submitted. `path` may have a query.

        `function` is a return value of `cold` or `hot`; it may be left out if there is one alone. `writer` takes the
        body of the response, by default an `io.BytesIO`; `timeout` and `memory` are the function's own by default. A
        hot function accepts no `memory`, since its processes have theirs already.

        Raises TypeError and ValueError for invalid arguments, `Busy` if the machine has no room for the body.
        """
        functions = self._engine.functions
        if function is None and len(functions) != 1:
            raise ValueError(f"function must be given, because this agent has {len(functions)} functions")
        chosen = functions[0] if function is None else getattr(function, "function", None)
        if chosen not in functions:
            raise TypeError(f"function must be a return value of this agent's cold() or hot(), got {function!r:.200}")
        seconds = chosen.timeout if timeout is None else check_seconds("timeout", timeout, LONGEST_TIMEOUT)
        check_target(method, path)
        if writer is not None and (not hasattr(writer, "write") or isinstance(writer, io.TextIOBase)):
            raise TypeError(f"writer must be a binary file, or have its write(), got {writer!r:.200}")
        call = Call(method, path.partition("?")[0], deadline=self._engine.deadline(seconds), name=chosen.name)
        call.function, call.limits = chosen, chosen.limits
        if memory is not None:
            if self._hot is not None and self._hot.has(chosen):
                raise ValueError(f"memory must be left out for a hot function, got {memory!r}")
            call.limits = chosen.limits._replace(memory=check_memory(memory))
        call.request = request_without_http(method, path, headers or {}, params or {})
        call.body = spool_body(body)
        if writer is not None:
            call.writer = writer
        return call

    def submit(self, call: Call) -> Call:
        """Have a process answer a call of `get_call`, and return the call with its response. Its time begins now.

        Raises `Busy`, `Closed`, `Refused`, `TooLarge`, `Failed`, `Stopped`, `TimedOut`, and the errors of its writer
        and of hooks. RuntimeError if the call was submitted before.

        >>> agent = Agent(ram="256M")
        >>> cat = agent.cold(["cat"], memory=16, timeout=5)
        >>> agent.submit(agent.get_call("POST", "/", body=b"as it came")).writer.getvalue()
        b'as it came'
        """
        if not isinstance(call, Call):
            raise TypeError(f"call must be a return value of get_call(), got {call!r:.200}")
        if call.submitted_at is None:  # else it is refused, and its time goes on
            call.deadline = self._engine.deadline(call.deadline.timeout)
        execution = self._engine.run_call(call)
        error: BaseException | None = None
        try:
            read_valid_head(execution)
            while piece := execution.read():
                call.writer.write(piece)
            execution.finish()
        except BaseException as caught:
            error = caught
            raise
        finally:
            execution.close(error)
        return call

    def before_call(self, hook: Hook) -> Hook:
        """Call this hook with each `Call` before it starts; an error of the hook ends the call."""
        return self._engine.before_call(hook)

    def after_call(self, hook: Hook) -> Hook:
        """Call this hook with each `Call` that has ended, refused ones too; an error of the hook is logged."""
        return self._engine.after_call(hook)

    @property
    def running(self) -> int:
        """The number of calls of this process that have not ended."""
        return self._engine.running

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of calls of this process by function and state.

        States are `queued` and `running` now, and `completed`, `refused`, `timed_out` and `failed` since the process
        began. An inline call counts for the handle of its route, "-" if there is none. A response with a status of 4xx
        or 5xx that a function itself returned is completed.

        >>> agent = Agent(ram="256M")
        >>> cat = agent.cold(["cat"], memory=16, timeout=5, name="copy")
        >>> _ = agent.submit(agent.get_call("POST", "/", body=b"as it came"))
        >>> agent.counts()["copy"]["completed"]
        1
        """
        return self._engine.counts()

    def close(self, timeout: float | None = None) -> bool:
        """Refuse new calls, and wait until all others have ended, or for so many seconds; return whether all have.

        Functions that run on after that are killed, and their calls raise `Stopped`. Call it in a server's hook, such
        as gunicorn's `worker_exit`: a process that ends does not wait.
        """
        has_ended = self._engine.close(timeout)
        if self._queue is not None:
            self._queue.close()
        return has_ended


def _program_of(
    function: Sequence[str] | Callable[..., Any],
    worker: str,
    *,
    cwd: str | os.PathLike[str] | None,
    env: Mapping[str, str] | None,
) -> tuple[str, Program]:
    """Return the name and the program of a command, or of a handle in the module `worker`."""
    if callable(function):
        check_handle(function)
        name = handle_name(function)
        return name, handle_program(name, worker=worker, cwd=cwd, env=env)
    program = check_program(function, cwd=cwd, env=env)
    return os.path.basename(program.argv[0]), program
