"""An overload of two workers, with an agent and without.

`python -m benchmarks.overload` writes overload.json and overload.svg beside itself.

Forty requests a second for ten seconds go to gunicorn with two sync workers, each of which can answer ten. Clients
wait for one second. A request is answered in time, answered too late (so the work was useless), or refused in time
with 503. The client also sets the header in which a proxy puts the start time of a request.
"""

from __future__ import annotations

import http.client
import json
import platform
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from microfn import Router

from .sockets import free_port, wait_for
from .svg import STYLE, WIDTH, picture, written

HERE = Path(__file__).parent
RATE, SECONDS, WORKERS, WORK, PATIENCE = 40, 10, 2, 0.1, 1.0
SETUPS = {"plain": "no agent", "agent": "the agent", "agent, start": "with X-Request-Start"}
OUTCOMES = ("in time", "refused", "late", "lost")
OPTIONS = ["--no-control-socket", "--workers", str(WORKERS), "--log-level", "error"]


def application(name: str) -> Router:
    """Return the application of a worker."""
    app = Router()
    if name != "plain":
        from microfn.agent import Agent

        agent = Agent(start_header="X-Request-Start" if name == "agent, start" else None)
        app.use(agent.inline(timeout=PATIENCE))

    @app.get("/:token")
    def work(request: Any, params: dict[str, str]) -> str:
        time.sleep(WORK)
        return params["token"]

    app.build()
    return app


def ask(port: int, token: str) -> str:
    """Send one request and return its outcome."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", f"/{token}", headers={"X-Request-Start": f"t={time.time():.3f}"})
        answer = connection.getresponse()
        body = answer.read()
    except OSError:
        return "lost"
    finally:
        connection.close()
    is_late = time.monotonic() - began > PATIENCE
    if answer.status == 503:
        assert int(answer.headers["Retry-After"]) >= 1
        return "late" if is_late else "refused"
    assert (answer.status, body) == (200, token.encode())
    return "late" if is_late else "in time"


def load(port: int) -> Counter[str]:
    """Send all requests on schedule, regardless of the outcomes of earlier ones."""
    outcomes: list[str] = []
    threads = []
    began = time.monotonic()
    for number in range(RATE * SECONDS):
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))
        threads.append(threading.Thread(target=lambda token: outcomes.append(ask(port, token)), args=(f"t{number}",)))
        threads[-1].start()
    for thread in threads:
        thread.join(60)
    return Counter(outcomes)


def measure(name: str) -> Counter[str]:
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", *OPTIONS]
    server = subprocess.Popen([*command, f"benchmarks.overload:application({name!r})"], cwd=HERE.parent)
    try:
        wait_for(port)
        return load(port)
    finally:
        server.terminate()
        server.wait(30)


def draw(results: dict[str, Any]) -> str:
    """Draw a bar for each setup, with the outcomes of its requests."""
    left, line = 16, 58
    parts = [written(left, 26, f"{RATE * SECONDS} requests, twice as many as can be answered", "soft")]
    for number, (name, words) in enumerate(SETUPS.items()):
        parts += _bar(words, results["outcomes"][name], left, 44 + line * number)
    style = f"{STYLE}.late {{ fill: var(--bottle) }} .refused {{ fill: var(--grid) }}"
    title = "What becomes of 400 requests of which 200 can be answered"
    return picture(title, 44 + line * len(SETUPS), parts, style)


def _bar(words: str, outcomes: dict[str, int], left: float, top: float) -> Iterator[str]:
    told = ", ".join(f"{outcomes[name]} {name}" for name in OUTCOMES if outcomes[name])
    yield written(left, top + 14, f"{words}: {told}")
    scale = (WIDTH - 2 * left) / (RATE * SECONDS)
    looks = {"in time": "microfn", "refused": "refused", "late": "late", "lost": "late"}
    for name in OUTCOMES:
        wide = outcomes[name] * scale
        if wide:
            yield f'<rect class="{looks[name]}" x="{left:.1f}" y="{top + 22:g}" width="{wide:.1f}" height="18"/>'
        left += wide


def main() -> None:
    outcomes = {}
    for name in random.sample(list(SETUPS), len(SETUPS)):
        found = measure(name)
        outcomes[name] = {one: found[one] for one in OUTCOMES}
        print(f"{SETUPS[name]:24}", "  ".join(f"{one} {found[one]:4}" for one in OUTCOMES), flush=True)
    machine = {"python": platform.python_version(), "date": date.today().isoformat()}
    results = {"machine": machine, "outcomes": {name: outcomes[name] for name in SETUPS}}
    (HERE / "overload.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    (HERE / "overload.svg").write_text(draw(results), encoding="utf-8")


if __name__ == "__main__":
    main()
