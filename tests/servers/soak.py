"""A server under load for a long time: `make soak`, or `python -m tests.servers.soak SECONDS`.

Some clients behave. Others dawdle, leave, send half of a body, or ask for a response that fails in its middle.
Requests are counted. The workers' memory and descriptors are measured after a fifth of the time, when all features have
been used once, and again at the end. Then the workers are replaced, and one is killed. The exit code is 1 if a request
is lost or wrong, or if memory or descriptors grow by more than 1 %.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from .load import MIXED, Load, Unlucky, descriptors, resident
from .process import Gunicorn, wait_until

ALL = {**MIXED, Unlucky: 1}


def measure(gunicorn: Gunicorn) -> tuple[int, int]:
    """Return the memory and descriptors of all workers as soon as no client is connected."""
    looks = []
    for _ in range(20):
        time.sleep(0.2)
        looks.append([(resident(pid), descriptors(pid)) for pid in gunicorn.workers()])
    memory, files = (min(sum(one[place] for one in look) for look in looks) for place in (0, 1))
    return memory, files


def kill_a_worker(gunicorn: Gunicorn) -> int:
    killed = gunicorn.workers()[0]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len(set(gunicorn.workers()) - {killed}) == 2, "no worker took its place", 20)
    time.sleep(1)
    return killed


def soak(gunicorn: Gunicorn, seconds: float) -> bool:
    """Return True if no request was lost or wrong, and memory and descriptors did not grow."""
    with Load(gunicorn.port, ALL) as load:
        time.sleep(seconds / 5)
    before = measure(gunicorn)
    first = load.count()
    with Load(gunicorn.port, ALL) as load:
        time.sleep(seconds * 4 / 5)
    after = measure(gunicorn)
    gunicorn.reload()  # if a replaced worker of gunicorn has cut off a stream, it does not wait for all connections
    with Load(gunicorn.port, MIXED) as replaced:
        for _ in range(3):
            gunicorn.reload()
        early = first.lost + load.lost + replaced.lost
        killed = kill_a_worker(gunicorn)
    growth = after[0] / before[0] - 1
    told = {
        "until measured": first,
        **{kind.__name__: load.count(kind) for kind in ALL},
        "after that": load.count(),
        "while replaced": replaced.count(),
        "lost": f"{len(early)}, also in three reloads",
        "killed": f"{len(first.lost + load.lost + replaced.lost) - len(early)} lost with the worker",
        "memory": f"{before[0] / 2**20:.1f} MiB, then {after[0] / 2**20:.1f}: {growth:+.2%}",
        "descriptors": f"{before[1]}, then {after[1]}",
    }
    wrong = first.wrong + load.wrong + replaced.wrong
    sys.stdout.writelines(f"{name:16}{value!s}\n" for name, value in told.items())
    sys.stdout.writelines(f"{line}\n" for line in [*wrong, *early][:10])
    gunicorn.stop([killed])
    return not wrong and not early and growth < 0.01 and after[1] <= before[1]


def main(seconds: float) -> int:
    with tempfile.TemporaryDirectory() as directory:
        gunicorn = Gunicorn("gthread", Path(directory), workers=2)
        try:
            return 0 if soak(gunicorn, seconds) else 1
        finally:
            gunicorn.ensure_ended()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
