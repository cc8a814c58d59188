"""A watchdog looks at each due time, and goes on."""

from __future__ import annotations

import math
import os
import threading
import time

from microfn.agent.watchdog import Watchdog

from .waiting import wait_until


def test_watchdog_looks_when_the_next_time_has_come():
    looks = []
    again = iter([0.05])

    def look():
        looks.append(time.monotonic())
        return time.monotonic() + next(again, math.inf)

    watchdog = Watchdog(look)
    began = time.monotonic()
    watchdog.watch(began + 60)
    watchdog.watch(began + 0.1)
    watchdog.watch(began + 30)
    wait_until(lambda: len(looks) == 2)
    assert looks[0] - began >= 0.1
    watchdog.watch(time.monotonic())
    wait_until(lambda: len(looks) == 3)


def test_forked_child_has_a_watchdog_of_its_own():
    looked = threading.Event()
    watchdog = Watchdog(lambda: looked.set() or math.inf)
    watchdog.watch(time.monotonic() + 60)
    pid = os.fork()
    if pid == 0:
        watchdog.watch(time.monotonic() + 0.01)
        os._exit(0 if looked.wait(60) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
