"""A server under load for a long time: `make soak`, or `python -m tests.servers.soak SECONDS`.

Requests are counted, and memory and descriptors of the workers are compared: after a fifth of the time, when all has
been used once, and at the end. Then the workers are replaced, and one is killed. The exit code is 1 where something is
lost or wrong, or grows by more than 1 %.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from .load import Load, descriptors, resident
from .process import Gunicorn, wait_until

CLIENTS = 6


def measure(gunicorn: Gunicorn) -> tuple[int, int]:
    """Memory and descriptors of all workers, the least of some looks: requests come and go."""
    looks = []
    for _ in range(20):
        looks.append([(resident(pid), descriptors(pid)) for pid in gunicorn.workers()])
        time.sleep(0.1)
    memory, files = (min(sum(one[place] for one in look) for look in looks) for place in (0, 1))
    return memory, files


def soak(gunicorn: Gunicorn, seconds: float) -> bool:
    """Whether nothing was lost, wrong, or grew."""
    with Load(gunicorn.port, CLIENTS) as load:
        time.sleep(seconds / 5)
        before, asked = measure(gunicorn), load.answered
        time.sleep(seconds * 4 / 5)
        after, answered = measure(gunicorn), load.answered
        for _ in range(3):
            gunicorn.reload()
        reloaded = len(load.lost)
        killed = gunicorn.workers()[0]
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(set(gunicorn.workers()) - {killed}) == 2, "no worker took its place", 20)
        time.sleep(1)
    growth = after[0] / before[0] - 1
    told = {
        "answered": f"{load.answered:,} in {seconds:.0f} s and a bit, {answered - asked:,} between the two looks",
        "wrong": f"{len(load.wrong)}",
        "lost": f"{reloaded}, also in three reloads; and {len(load.lost) - reloaded} with a worker that was killed",
        "memory": f"{before[0] / 2**20:.1f} MiB, then {after[0] / 2**20:.1f}: {growth:+.2%}",
        "descriptors": f"{before[1]}, then {after[1]}",
    }
    sys.stdout.writelines(f"{name:14}{value}\n" for name, value in told.items())
    gunicorn.stop([killed])
    return not load.wrong and not reloaded and growth < 0.01 and after[1] <= before[1]


def main(seconds: float) -> int:
    with tempfile.TemporaryDirectory() as directory:
        gunicorn = Gunicorn("gthread", Path(directory), workers=2)
        try:
            return 0 if soak(gunicorn, seconds) else 1
        finally:
            gunicorn.ensure_ended()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
