"""Servers as processes: started on a free port, watched through their logs, ended by their pid."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from .wire import Wire

ROOT = Path(__file__).parents[2]
WORKERS = {"sync": 1, "gthread": 2, "gevent": 1}
_LISTENING = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+) ")
# The last line of a traceback: the first that is not indented.
_RAISED = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n)+(.*)$", re.MULTILINE)
_EXPECTED = (
    "tests.servers.app.OnPurpose: ",
    "ValueError: the header 'X-Chosen' ",
    "EOFError: the file became shorter while it was sent: ",
    # a function's response that was cut
    "microfn.agent.errors.",
)
_FAILURES = ("[CRITICAL]", "was sent SIG", "exited with code", "graceful timeout", "sent body bytes on a no-body")
_READY = re.compile(r"Ready: worker (\d+)$", re.MULTILINE)
_ENDED = re.compile(r"Worker exiting \(pid: (\d+)\)$", re.MULTILINE)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{seconds} s were not enough: {what}"
        time.sleep(0.01)


class Gunicorn:
    """A gunicorn, from its start to its end.

    `prefix` is a command that becomes gunicorn. `listener` is a socket that exists before and after the server.
    """

    def __init__(
        self,
        worker_class: str,
        directory: Path,
        *options: str,
        workers: int | None = None,
        app: str = "tests.servers.app:app",
        prefix: Sequence[str] = (),
        listener: socket.socket | None = None,
        **environ: str,
    ) -> None:
        self.keeps_alive = worker_class != "sync"
        self._workers = workers or WORKERS[worker_class]
        self._errors = directory / "errors.log"
        self._access = directory / "access.log"
        self._record = directory / "record"
        self._record.touch()
        command = [sys.executable, "-m", "gunicorn", "--config", "python:tests.servers.hooks", "--no-control-socket"]
        fds = (listener.fileno(),) if listener is not None else ()
        command += ["--bind", f"fd://{fds[0]}" if fds else "127.0.0.1:0"]
        command += ["--worker-class", worker_class, "--workers", str(self._workers)]
        command += ["--threads", "4"] if worker_class == "gthread" else []
        command += ["--keep-alive", "15", "--graceful-timeout", "8"]
        command += ["--access-logfile", str(self._access), "--access-logformat", "%(m)s %(U)s %(s)s"]
        kept = {name: value for name, value in os.environ.items() if name not in ("GUNICORN_CMD_ARGS", "SCRIPT_NAME")}
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [*prefix, *command, *options, app],
                cwd=ROOT,
                env={**kept, **environ, "MICROFN_TEST_RECORD": str(self._record)},
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                pass_fds=fds,
            )
        self.pid = self._process.pid
        try:
            self.port = self._wait_for_port()
            with self.connect() as wire:
                wire.request("GET", "/echo/ready")
                assert wire.answer().status == 200
        except BaseException:
            self._end()
            print(self.errors())  # noqa: T201 - pytest shows it beside the failure
            raise

    def connect(self) -> Wire:
        return Wire(self.port)

    def errors(self) -> str:
        return self._errors.read_text("utf-8", "replace")

    def accesses(self) -> list[str]:
        """Return a line for each response: method, path, status."""
        return self._access.read_text("utf-8").splitlines()

    def tell(self, line: str) -> None:
        """Record a line that the application waits for."""
        with self._record.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def recorded(self) -> list[str]:
        """Return the lines that the application has recorded."""
        return self._record.read_text("utf-8").splitlines()

    def count_recorded(self, line: str) -> int:
        return self.recorded().count(line)

    def wait_for_record(self, line: str) -> None:
        wait_until(lambda: self.count_recorded(line) > 0, f"nothing recorded {line!r}")

    def workers(self) -> list[int]:
        """Return the process ids of the current workers."""
        ended = set(_ENDED.findall(self.errors()))
        return [int(pid) for pid in _READY.findall(self.errors()) if pid not in ended]

    def reload(self) -> None:
        """Send SIGHUP, and wait until new workers replace the old ones."""
        before = self.errors().count("Ready: worker")
        self._process.send_signal(signal.SIGHUP)
        wait_until(
            lambda: (
                self.errors().count("Ready: worker") >= before + self._workers and len(self.workers()) == self._workers
            ),
            "the workers were not replaced",
            20,
        )

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def stop(self, killed: Collection[int] = ()) -> None:
        """Stop the server, and check its exit code and its log. `killed` are workers that a test has killed."""
        code = self._end()
        errors = self.errors()
        for pid in killed:
            errors = re.sub(rf".*Ready: worker {pid}\n|.*[Ww]orker \(pid:{pid}\) was sent SIGKILL.*\n", "", errors)
        unexpected = [line for line in _RAISED.findall(errors) if not line.startswith(_EXPECTED)]
        failures = [line for line in errors.splitlines() if any(sign in line for sign in _FAILURES)]
        closed = [line for line in self.recorded() if line.startswith("closed ")]
        assert code == 0, errors
        assert set(_READY.findall(errors)) == set(_ENDED.findall(errors)), f"gunicorn killed a worker:\n{errors}"
        assert not unexpected, errors
        assert not failures, errors
        assert len(closed) == len(set(closed)), f"a stream was closed twice: {closed}"

    def ensure_ended(self) -> None:
        """Stop the server if a failed test has left it running."""
        self._end()

    def _wait_for_port(self) -> int:
        """Return the port as soon as all workers are ready."""

        def is_ready() -> bool:
            assert self._process.poll() is None, "gunicorn ended at its start"
            return len(_READY.findall(self.errors())) == self._workers

        wait_until(is_ready, "gunicorn is not ready", 20)
        listening = _LISTENING.search(self.errors())
        assert listening is not None
        return int(listening[1])

    def _end(self) -> int:
        """Return the exit code. If the server does not stop by itself, kill it and raise TimeoutExpired."""
        if self._process.poll() is None:
            self.terminate()
        try:
            return self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
