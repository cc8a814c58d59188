"""Compare this checkout's microfn with another commit's: `python -m benchmarks.compare --ref main --rows stream`.

Each row is timed in three pairs of processes. The two of a pair take turns, and have the same seed of hashes, which is
another one in each pair. All of them run this checkout's benchmarks; only microfn differs, changes that are not
committed included. A ratio above 1 means that this checkout is slower.

The time is that of the CPU: a turn of 4 ms is often interrupted on a machine that has something else to do.
"""

from __future__ import annotations

import argparse
import difflib
import io
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from .worker import cases

ROOT = Path(__file__).parent.parent
RUNS, ROUNDS, SECONDS = 3, 40, 0.004
REF_IS_WRONG = "REF must be a commit, tag or branch, for example: make bench-compare REF=main."
SLOWER = 1.03
"""The ratio above which a row is marked."""


class UsageError(Exception):
    """A wrong argument, with a message of one line for the user."""


class RowError(Exception):
    """A row that a version cannot build, or whose response differs."""

    is_of_checkout = False
    """True if it is this checkout that fails, not the other commit."""


class WorkerError(Exception):
    """A process has ended, or cannot import its version of microfn: no row can be measured."""


class Worker:
    """A process that imports microfn from `directory`; messages name it by `side`."""

    def __init__(self, directory: Path, temporary: str, *, side: str, seed: int, seconds: float) -> None:
        self._side = side
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(directory), str(ROOT))),
            "PYTHONHASHSEED": str(seed),
            "PYTHONIOENCODING": "utf-8",
            "TMPDIR": temporary,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", str(directory / "microfn"), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            cwd=temporary,  # else python -m would import from the current directory first
            env=environment,
            start_new_session=True,  # Ctrl-C is for the parent, which ends its workers
        )
        if hasattr(os, "sched_setaffinity"):  # both of a pair on one processor: its other work slows both
            processors = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(self._process.pid, {processors[seed % len(processors)]})

    def ask(self, **command: Any) -> Any:
        """Return the answer to a command. Raises RowError, or WorkerError if the process has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the reason may have been sent before the end
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"A benchmark process exited with status {self._process.wait()}.")
        reply = json.loads(line)
        if "fatal" in reply:
            raise WorkerError(f"{self._side} cannot be imported: {reply['fatal']}")
        if "error" in reply:
            raise RowError(reply["error"])
        return reply["value"]

    def close(self) -> None:
        """End the process: it ends by itself at the end of its input, unless it hangs."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(2)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class Pair(NamedTuple):
    """Two processes that take turns."""

    old: Worker
    new: Worker


class Result(NamedTuple):
    """The figures of a row: medians in µs, and the median ratio with that of each run."""

    old: float
    new: float
    ratio: float
    runs: list[float]


def git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        raise UsageError("git is not installed.") from None


def commit_of(ref: str) -> str:
    """Return the commit of a reference. Raises UsageError if there is none, or none with a microfn package."""
    if not ref:
        raise UsageError(REF_IS_WRONG)
    within = git("rev-parse", "--git-dir")
    if within.returncode != 0:  # no repository, or one that git does not trust
        raise UsageError(within.stderr.decode(errors="replace").strip())
    done = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if done.returncode != 0:
        raise UsageError(f"{REF_IS_WRONG} Got {ref!r}.")
    commit = done.stdout.decode().strip()
    if git("cat-file", "-e", f"{commit}:microfn/__init__.py").returncode != 0:
        raise UsageError(f"{ref!r} has no package microfn.")
    return commit


def rows_of(pattern: str) -> list[str]:
    """Return the names of the rows that contain a text. Raises UsageError if there are none."""
    known = list(cases())
    names = [name for name in known if pattern.lower() in name.lower()]
    if not names:
        words = {word for name in known for word in re.findall(r"\w+", name.lower())}
        near = difflib.get_close_matches(pattern.lower(), words, 3)
        found = [name for word in near for name in known if word in re.findall(r"\w+", name.lower())][:5]
        told = f" The nearest are: {'; '.join(found)}." if found else ""
        raise UsageError(f"No row name contains {pattern!r}.{told}")
    return names


def extract(commit: str, directory: Path) -> None:
    """Write microfn as it is in a commit into a directory."""
    archive = git("archive", "--format=zip", commit, "microfn")
    with zipfile.ZipFile(io.BytesIO(archive.stdout)) as file:
        file.extractall(directory)


@contextmanager
def pairs_of(commit: str, ref: str, runs: int, seconds: float) -> Iterator[list[Pair]]:
    """Start the pairs of processes, and end them. Their files are removed."""
    with tempfile.TemporaryDirectory(prefix="microfn-compare-") as temporary, ExitStack() as stack:
        old = Path(temporary, "old")
        extract(commit, old)

        def start(directory: Path, seed: int) -> Worker:
            side = ref if directory == old else "this checkout"
            worker = Worker(directory, temporary, side=side, seed=seed, seconds=seconds)
            stack.callback(worker.close)
            return worker

        yield [Pair(start(old, seed), start(ROOT, seed)) for seed in range(1, runs + 1)]


def measure(name: str, pairs: list[Pair], rounds: int, ref: str) -> Result:
    """Time a row in each pair. Raises RowError if a version cannot build the row or answers otherwise."""
    old: list[float] = []
    new: list[float] = []
    runs = []
    for pair in pairs:
        begin(name, pair, ref)
        turns = [(pair.old.ask(turn=True), pair.new.ask(turn=True)) for _ in range(rounds)]
        runs.append(statistics.median(b / a for a, b in turns))
        old += [a for a, _ in turns]
        new += [b for _, b in turns]
    ratio = statistics.median(b / a for a, b in zip(old, new, strict=True))
    return Result(statistics.median(old), statistics.median(new), ratio, runs)


def begin(name: str, pair: Pair, ref: str) -> None:
    """Have both processes prepare a row, with as many requests for a turn. Raises RowError."""
    count = min(prepare(name, pair.old, ref), prepare(name, pair.new))
    for worker in pair:
        worker.ask(begin=count)


def prepare(name: str, worker: Worker, ref: str | None = None) -> int:
    """Return how many requests a turn of this process should have. Raises RowError."""
    try:
        count: int = worker.ask(prepare=name)
    except RowError as error:
        reason = str(error).partition("\n")[0][:160]
        failed = RowError(f"{ref or 'this checkout'} cannot run this row: {reason}")
        failed.is_of_checkout = ref is None
        raise failed from None
    return count


def line(name: str, result: Result) -> str:
    """Return a row as text, with a mark if it is slower, and a question mark if the runs do not agree on that."""
    spread = f"({min(result.runs):.3f} to {max(result.runs):.3f})"
    mark = "" if result.ratio <= SLOWER else "   slower" if min(result.runs) > 1 else "   slower?"
    return f"{name:32}{result.old:11.2f}{result.new:11.2f}{result.ratio:9.3f}   {spread}{mark}"


def compare(ref: str, pattern: str, *, runs: int, rounds: int) -> bool:
    """Print each row as soon as it is measured; return False if this checkout fails in one. Raises UsageError."""
    commit, names = commit_of(ref), rows_of(pattern)
    ref = ref if len(ref) <= 20 else commit[:10]
    print(f"{'µs':32}{ref[:10]:>11}{'checkout':>11}{'ratio':>9}   (spread of {runs} runs)", flush=True)
    slower, is_right = [], True
    with pairs_of(commit, ref, runs, SECONDS) as pairs:
        for name in names:
            try:
                result = measure(name, pairs, rounds, ref)
            except RowError as error:
                print(f"{name:32}{error}", flush=True)
                is_right = is_right and not error.is_of_checkout
                continue
            print(line(name, result), flush=True)
            slower += [name] * (result.ratio > SLOWER)
    told = ", ".join(slower) or "none"
    print(f"\nmore than {(SLOWER - 1) * 100:.0f} % slower than {ref}: {told}")
    return is_right


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description="Compare with another commit.")
    parser.add_argument("--ref", default="", help="commit, tag or branch")
    parser.add_argument("--rows", default="", help="only rows whose name contains this")
    parser.add_argument("--runs", type=int, default=RUNS, help="pairs of processes")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns of each process in a row")
    options = parser.parse_args(arguments)
    for name in ("SIGTERM", "SIGHUP"):
        # Windows has no SIGHUP, and nohup ignores it
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
            signal.signal(getattr(signal, name), lambda number, frame: sys.exit(128 + number))  # ends the workers
    try:
        is_right = compare(options.ref, options.rows, runs=options.runs, rounds=options.rounds)
    except UsageError as error:
        print(f"bench-compare: {error}", file=sys.stderr)
        return 2
    except WorkerError as error:
        print(f"bench-compare: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
