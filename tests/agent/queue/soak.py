"""`make soak-queue`: kill processes with SIGKILL at random. Each acknowledged call must end in one state."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from .postgres import Postgres, serving

FINAL = {"success", "error", "timeout", "expired", "dead"}
EXPECTED = {"well": {"success"}, "handle": {"success"}, "slow": {"success"}, "failing": {"error"}, "late": {"timeout"}}
_PAUSE = 0.01
LIMIT = 120
"""Seconds that all calls have to end after the last kill."""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Soak:
    """A server, a client and a supervisor with workers, on one store."""

    def __init__(self, url: str, directory: Path, postgres: Postgres | None, seed: int) -> None:
        self.random = random.Random(seed)
        self.executions = directory / "executions"
        self.executions.touch()
        self.environ = os.environ | {"MICROFN_QUEUE": url, "MICROFN_EXECUTIONS": str(self.executions)}
        self.postgres = postgres
        self.port = free_port()
        self.log = open(directory / "log", "wb")  # noqa: SIM115 - as long as the processes
        self.acknowledged: dict[str, str] = {}
        self.refused: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.server = self.start_server()
        self.supervisor = self.start_supervisor()

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env=self.environ,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def start_server(self) -> subprocess.Popen[bytes]:
        name = "tests.agent.queue.soak_app:app"
        return self._start("microfn", "serve", name, "--bind", f"127.0.0.1:{self.port}", "--workers", "2")

    def start_supervisor(self) -> subprocess.Popen[bytes]:
        return self._start("microfn", "work", "tests.agent.queue.soak_app:agent", "--processes", "2")

    def ask(self, method: str, path: str, key: str | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        try:
            connection.request(method, path, b"x" * 200 if key else None, {"Idempotency-Key": key} if key else {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def post_all(self) -> None:
        """Post calls until the end. If a call is not acknowledged, post it again with the same key."""
        while not self.stop.is_set():
            name = self.random.choices(list(EXPECTED), [59, 20, 15, 5, 1])[0]
            key = uuid.uuid4().hex
            while True:
                try:
                    status, body = self.ask("POST", f"/{name}", key)
                except (OSError, http.client.HTTPException):
                    status, body = 0, b""
                if status == 202:
                    self.acknowledged[json.loads(body)["id"]] = name
                    break
                self.refused[str(status or "connection lost")] += 1
                assert status in (0, 503), (status, body)
                if self.stop.is_set():
                    break
                time.sleep(0.2)
            time.sleep(_PAUSE)

    def children(self) -> list[int]:
        """The processes of the supervisor's workers."""
        with suppress(OSError):
            text = Path(f"/proc/{self.supervisor.pid}/task/{self.supervisor.pid}/children").read_text()
            return [int(word) for word in text.split()]
        return []

    def kill_server(self) -> None:
        os.killpg(self.server.pid, signal.SIGKILL)
        self.server.wait()
        self.server = self.start_server()

    def kill_worker(self) -> None:
        children = self.children()
        if children:
            with suppress(ProcessLookupError):
                os.kill(self.random.choice(children), signal.SIGKILL)

    def kill_supervisor(self) -> None:
        self.supervisor.kill()
        self.supervisor.wait()
        self.supervisor = self.start_supervisor()

    def kill_group(self) -> None:
        os.killpg(self.supervisor.pid, signal.SIGKILL)
        self.supervisor.wait()
        self.supervisor = self.start_supervisor()

    def kill_postgres(self) -> None:
        assert self.postgres is not None
        self.postgres.kill()
        self.postgres.start()

    def kill_all(self, seconds: float) -> None:
        ways: list[Callable[[], None]] = [self.kill_server, self.kill_worker, self.kill_worker, self.kill_supervisor]
        ways += [self.kill_group] + ([self.kill_postgres] if self.postgres else [])
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self.random.uniform(1.0, 6.0))
            way = self.random.choice(ways)
            way()
            self.kills[way.__name__.removeprefix("kill_")] += 1

    def told(self, call_id: str) -> dict[str, object]:
        """Return the state and result of a call."""
        while True:
            with suppress(OSError, http.client.HTTPException):
                status, body = self.ask("GET", f"/calls/{call_id}")
                if status != 503:
                    assert status == 200, (call_id, status, body)
                    return dict(json.loads(body))
            time.sleep(0.2)

    def result(self, call_id: str) -> tuple[int, bytes]:
        return self.ask("GET", f"/calls/{call_id}/result")

    def await_all(self, readers: ThreadPoolExecutor, seconds: float) -> dict[str, dict[str, object]]:
        """Wait until all calls have ended, or for `seconds`. Return the state and result of each acknowledged call."""
        end = time.monotonic() + seconds
        found: dict[str, dict[str, object]] = {}
        waiting = list(self.acknowledged)
        while waiting:
            found |= zip(waiting, readers.map(self.told, waiting), strict=True)
            if time.monotonic() > end:
                break
            waiting = [key for key in waiting if found[key]["state"] not in FINAL]
            time.sleep(0.5)
        return found

    def run(self, seconds: float) -> bool:
        poster = threading.Thread(target=self.post_all, daemon=True)
        poster.start()
        self.kill_all(seconds)
        self.stop.set()
        poster.join()
        with ThreadPoolExecutor(8) as readers:
            first = self.await_all(readers, LIMIT)
            second = dict(zip(first, readers.map(self.told, first), strict=True))
            well = [key for key, told in first.items() if told["state"] == "success"]
            results = dict(zip(well, readers.map(self.result, well), strict=True))
        runs: Counter[str] = Counter(
            line.split()[0] for line in self.executions.read_text().splitlines() if line.split()
        )
        states = Counter(f"{self.acknowledged[key]}: {told['state']}" for key, told in first.items())
        unfinished = [key for key, told in first.items() if told["state"] not in FINAL]
        changed = [key for key, told in first.items() if told != second[key]]
        never = [key for key, told in first.items() if told["state"] != "dead" and not runs[key]]
        wrong = [
            key
            for key, told in first.items()
            if told["state"] not in EXPECTED[self.acknowledged[key]] | {"dead"} and told["state"] in FINAL
        ]
        mixed = [key for key in well if results[key] != (200, key.encode())]
        print(f"  {len(first)} calls acknowledged, refused or lost before: {dict(self.refused)}")
        print(f"  killed: {dict(self.kills)}")
        print(f"  states: {dict(sorted(states.items()))}")
        repeated = [
            count - 1 for key, count in runs.items() if self.acknowledged.get(key) in ("well", "handle", "slow")
        ]
        print(f"  executions: {sum(runs.values())}, of which {sum(repeated)} were repeated since a process was killed")
        faults = {"unfinished": unfinished, "changed": changed, "never executed": never, "wrong": wrong, "mixed": mixed}
        for name, found in faults.items():
            print(f"  {name}: {len(found)}", *[(key, self.acknowledged[key], first[key]) for key in found[:5]])
        if any(faults.values()):
            self.tell_log()
        return not any(faults.values())

    def tell_log(self) -> None:
        self.log.flush()
        print(Path(self.log.name).read_text()[-20_000:])

    def close(self) -> None:
        for process in self.supervisor, self.server:
            process.terminate()
        for process in self.supervisor, self.server:
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        self.log.close()


def soak(url: str, postgres: Postgres | None, seconds: float, seed: int) -> bool:
    """Run the soak once, and return True if no call was lost."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        one = Soak(url or f"sqlite:///{directory}/calls.db", Path(directory), postgres, seed)
        try:
            return one.run(seconds)
        except BaseException:
            one.tell_log()
            raise
        finally:
            one.close()


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    wanted = sys.argv[2:] or ["sqlite", "postgresql"]
    seed = int(os.environ.get("SOAK_SEED", time.time_ns() % 100_000))
    is_well = True
    if "sqlite" in wanted:
        print(f"SQLite, {seconds:.0f} s, seed {seed}:", flush=True)
        is_well = soak("", None, seconds, seed)
    if "postgresql" in wanted:
        with serving() as postgres:
            if postgres is None:
                print("PostgreSQL is not installed: apt-get install postgresql")
            else:
                print(f"PostgreSQL, {seconds:.0f} s, seed {seed}:", flush=True)
                is_well = soak(postgres.url, postgres, seconds, seed) and is_well
    raise SystemExit(0 if is_well else 1)


if __name__ == "__main__":
    main()
