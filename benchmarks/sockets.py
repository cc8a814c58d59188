"""(d) Over sockets: the same hello under gunicorn and bjoern, loaded by wrk, relative to a bare WSGI function."""

from __future__ import annotations

import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .contestants import Application, build

APPS = {"bare": "hello", **dict.fromkeys(("microfn", "falcon", "bottle", "wheezy.web", "flask"), "small")}
GUNICORN = """
import sys
from gunicorn.app.wsgiapp import run
options = "--no-control-socket --worker-class gthread --threads 1 --log-level error".split()
sys.argv = ["gunicorn", "--bind", "127.0.0.1:{port}", *options, "benchmarks.sockets:application('{name}')"]
run()
"""
BJOERN = """
import bjoern
from benchmarks.sockets import application
bjoern.run(application("{name}"), "127.0.0.1", {port})
"""
SERVERS = {"gunicorn": GUNICORN, "bjoern": BJOERN}


def application(name: str) -> Application:
    """Return the application of a server process."""
    return build(name, APPS[name])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(port: int, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not listens(port):
        if time.monotonic() > end:
            raise TimeoutError(f"No server listens on port {port}.")
        time.sleep(0.05)


def requests_per_second(port: int) -> float:
    command = ["wrk", "-t1", "-c8", "-d2s", f"http://127.0.0.1:{port}/"]
    run = subprocess.run(command, capture_output=True, check=True, timeout=30, encoding="utf-8")
    if "Non-2xx" in run.stdout:
        raise AssertionError(run.stdout)
    found = re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)
    assert found
    return float(found[1])


def measure(rounds: int = 5) -> dict[str, Any]:
    """Return requests per second relative to bare, the median of interleaved rounds; empty if wrk is missing."""
    if shutil.which("wrk") is None:
        print("\nover sockets\nSkipped: wrk is not installed.")
        return {}
    found: dict[str, Any] = {}
    for server, code in SERVERS.items():
        if find_spec(server) is None:
            print(f"\n{server}\nSkipped: {server} is not installed.")
            continue
        ports = {name: free_port() for name in APPS}
        processes = [
            subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", code.format(name=name, port=port)],
                cwd=Path(__file__).parent.parent,
                stderr=subprocess.DEVNULL,
            )
            for name, port in ports.items()
        ]
        try:
            for port in ports.values():
                wait_for(port)
            rates: dict[str, list[float]] = {name: [] for name in APPS}
            for _ in range(rounds):
                for name in random.sample(list(APPS), len(APPS)):
                    rates[name].append(requests_per_second(ports[name]))
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(10)
        parts = {
            name: statistics.median(rate / bare for rate, bare in zip(taken, rates["bare"], strict=True))
            for name, taken in rates.items()
        }
        found[server] = {"bare, requests/s": statistics.median(rates["bare"]), "x bare": parts}
        print(f"\n{server}: bare {found[server]['bare, requests/s']:.0f} requests/s", flush=True)
        print("  ".join(f"{name} {part:.2f}" for name, part in parts.items()), flush=True)
    return found
