"""A PostgreSQL server on a free port, which an unprivileged user runs. It is None if PostgreSQL is not installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from typing import Any

__all__ = ["Postgres", "find_bin", "serving"]


def find_bin() -> str | None:
    """The directory of PostgreSQL's programs. Debian installs them outside of PATH."""
    found = shutil.which("pg_isready")
    places = [*glob("/usr/lib/postgresql/*/bin"), *([os.path.dirname(os.path.realpath(found))] if found else [])]
    return next((place for place in places if os.access(f"{place}/initdb", os.X_OK)), None)


class Postgres:
    """A server that can be killed and started again, with its data."""

    def __init__(self, bin_: str, directory: str) -> None:
        self._bin, self.directory = bin_, directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # PostgreSQL refuses to run as root.
        self._user: dict[str, Any] = {}
        if os.getuid() == 0:
            entry = pwd.getpwnam("nobody")
            os.chown(directory, entry.pw_uid, entry.pw_gid)
            self._user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self._run("initdb", "-D", f"{directory}/data", "-U", "microfn", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://microfn@127.0.0.1:{self.port}/calls"

    def start(self) -> None:
        """Start the server, and wait until it responds. Processes of a killed server can delay the start."""
        until = time.monotonic() + 60
        while not self._has_started():
            assert time.monotonic() < until
            time.sleep(0.5)

    def _has_started(self) -> bool:
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.directory}"]
        with open(f"{self.directory}/log", "ab") as log:
            self.process = subprocess.Popen(
                [f"{self._bin}/postgres", "-D", f"{self.directory}/data", "-p", str(self.port), *options],
                stdout=log,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,
                **self._user,
            )
        until = time.monotonic() + 60
        while subprocess.call([f"{self._bin}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]):
            assert time.monotonic() < until
            if self.process.poll() is not None:
                return False
            time.sleep(0.05)
        return True

    def create(self) -> None:
        """Drop the database of the URL, and create it again."""
        for program in ["dropdb", "--if-exists", "--force"], ["createdb"]:
            self._run(*program, "-h", "127.0.0.1", "-p", str(self.port), "-U", "microfn", "calls")

    def kill(self) -> None:
        """Kill all processes of the server with SIGKILL, as in a power failure."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [f"{self._bin}/{program}", *arguments], check=True, capture_output=True, cwd=self.directory, **self._user
        )


@contextmanager
def serving() -> Iterator[Postgres | None]:
    """A server with an empty database."""
    bin_ = find_bin()
    if bin_ is None:
        yield None
        return
    directory = tempfile.mkdtemp(prefix="microfn-postgres-")
    server = Postgres(bin_, directory)
    try:
        server.start()
        server.create()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)
