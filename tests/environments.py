"""Run README's two commands in fresh clones, in environments that differ from a developer's.

`python3 -m tests.environments` runs all of them, and `python3 -m tests.environments clean busy` these two. Each one
gets a clone of HEAD and only the variables that are listed here. If root runs this, another user runs the commands.
Needs git, make and a Python with venv; installs into the clones only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
IS_ROOT = os.geteuid() == 0
NOBODY = 65534
START_SECONDS = 300
TEST_SECONDS = 900
BUSY_LOOPS = 8
# Loopback only, and without IPv6: a network namespace of its own, whose privileges are dropped before the command runs.
WITHOUT_IPV6 = (
    "sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 && ip link set lo up && "
    'exec setpriv --reuid {user} --regid {user} --clear-groups -- "$@"'
)


@dataclass(frozen=True)
class Environment:
    """How a machine, an account or a shell differs from the developer's."""

    folder: str = "microfn"
    variables: dict[str, str] = field(default_factory=dict)
    umask: int = 0o022
    open_files: int | None = None
    python: str | None = None
    has_writable_home: bool = True
    has_ipv6: bool = True
    is_busy: bool = False


ENVIRONMENTS = {
    "clean": Environment(),
    "odd": Environment(
        folder="a folder",
        variables={"LC_ALL": "C", "TZ": "Asia/Kolkata", "TERM": "dumb"},
        umask=0o077,
        open_files=256,
        python="/usr/bin/python3",
    ),
    "poor": Environment(
        variables={
            "LC_ALL": "POSIX",
            "NO_COLOR": "1",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONHASHSEED": "7",
            "PYTHONPATH": "/nonexistent",
            "PYTHONSAFEPATH": "1",
            "PYTHONUTF8": "0",
            "TMPDIR": "{}/temporary files",
        },
        has_writable_home=False,
        has_ipv6=False,
    ),
    "colourful": Environment(
        folder="käse",
        variables={
            "CLICOLOR_FORCE": "1",
            "COLUMNS": "40",
            "FORCE_COLOR": "1",
            "GUNICORN_CMD_ARGS": "--workers 3",
            "LANG": "C.UTF-8",
            "LINES": "10",
            "PYTHONDEVMODE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONIOENCODING": "latin-1",
            "PYTHONUNBUFFERED": "1",
            "SCRIPT_NAME": "/shop",
            "TERM": "xterm-256color",
        },
    ),
    "busy": Environment(is_busy=True),
}


class Visitor:
    """A user with a fresh clone in an environment."""

    def __init__(self, directory: Path, environment: Environment) -> None:
        self._directory = directory
        self._environment = environment
        self._clone = directory / environment.folder
        home = directory / "home"
        temporary = directory / "temporary files"
        subprocess.run(["git", "clone", "--quiet", ROOT, self._clone], check=True)
        for path in home, temporary:
            path.mkdir()
        if IS_ROOT:
            for path in (directory, *directory.rglob("*")):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        if not environment.has_writable_home:
            home.chmod(0o555)
        variables = {name: value.format(directory) for name, value in environment.variables.items()}
        self._variables = {"PATH": os.environ["PATH"], "HOME": str(home), **variables}

    def start(self, *words: str, offline: bool = False) -> subprocess.Popen[bytes]:
        """Start a command in the clone, as the leader of a process group."""
        command = list(words)
        if self._environment.python is not None:
            command.append(f"PYTHON={self._environment.python}")
        if self._environment.open_files is not None:
            command = ["sh", "-c", f'ulimit -n {self._environment.open_files} && exec "$@"', "sh", *command]
        user = NOBODY if IS_ROOT else None
        if offline and not self._environment.has_ipv6 and IS_ROOT:
            script = WITHOUT_IPV6.format(user=NOBODY)
            command = ["unshare", "--net", "--", "sh", "-c", script, "sh", *command]
            user = None
        return subprocess.Popen(
            command,
            cwd=self._clone,
            env=self._variables,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            umask=self._environment.umask,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


def check_run(visitor: Visitor) -> None:
    """`make run` serves the example, and ends at a signal."""
    port = 8000 if _is_free(8000) else _free_port()
    process = visitor.start("make", "run", *([] if port == 8000 else [f"PORT={port}"]))
    try:
        end = time.monotonic() + START_SECONDS
        while (text := _fetch(port)) is None:
            assert process.poll() is None, f"make run ended with {process.returncode}"
            assert time.monotonic() < end, f"make run did not answer within {START_SECONDS} s"
            time.sleep(0.1)
        assert text.startswith("Welcome!"), text
    finally:
        _stop(process)


def install(visitor: Visitor) -> None:
    """Install all that `make test` needs. The load of a busy machine begins after this: pip is not under test."""
    process = visitor.start("make", ".venv/dev.stamp")
    try:
        assert process.wait(START_SECONDS) == 0, f"make .venv/dev.stamp ended with {process.returncode}"
    finally:
        _stop(process)


def check_test(visitor: Visitor) -> float:
    """`make test` passes; returns the seconds that it took."""
    visitor.start(".venv/bin/python", "-c", "import sys; print(sys.base_prefix, sys.version)").wait()
    began = time.monotonic()
    process = visitor.start("make", "test", offline=True)
    try:
        assert process.wait(TEST_SECONDS) == 0, f"make test ended with {process.returncode}"
    finally:
        _stop(process)
    return time.monotonic() - began


@contextlib.contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Keep every core busy with `count` processes."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _fetch(port: int) -> str | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/", timeout=5) as reply:
            return str(reply.read().decode())
    except OSError:
        return None


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and its group, if they have not ended yet."""
    for number, seconds in (signal.SIGTERM, 20), (signal.SIGKILL, 5):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return


def passes(name: str) -> bool:
    """Run both commands in one environment, and report how they ended."""
    environment = ENVIRONMENTS[name]
    # Below /tmp, which everyone can enter, even if TMPDIR is another directory.
    directory = Path(tempfile.mkdtemp(prefix="microfn-", dir="/tmp"))
    print(f"== {name}: {environment}", flush=True)
    if not environment.has_ipv6 and not IS_ROOT:
        print("Skipped: turning IPv6 off needs root.", flush=True)
    try:
        visitor = Visitor(directory, environment)
        check_run(visitor)
        install(visitor)
        with busy_loops(BUSY_LOOPS if environment.is_busy else 0):
            seconds = check_test(visitor)
    except (AssertionError, subprocess.SubprocessError) as error:
        print(f"== {name}: failed: {error}", flush=True)
        return False
    else:
        print(f"== {name}: make run and make test passed; make test took {seconds:.0f} s", flush=True)
        return True
    finally:
        shutil.rmtree(directory)


def main() -> int:
    """Check the environments that the command line names, or all of them."""
    names = sys.argv[1:] or list(ENVIRONMENTS)
    unknown = [name for name in names if name not in ENVIRONMENTS]
    if unknown:
        print(f"environment must be one of {', '.join(ENVIRONMENTS)}, got {unknown[0]}", file=sys.stderr)
        return 2
    for number in signal.SIGTERM, signal.SIGHUP, signal.SIGINT:  # so that the started processes are stopped too
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    failed = [name for name in names if not passes(name)]
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
