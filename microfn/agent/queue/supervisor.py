"""The supervisor of workers. It keeps a number of them running, and queues the calls of lost workers again."""

from __future__ import annotations

import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .record import StoreError
from .slots import Slots, number_of, slots_of

if TYPE_CHECKING:
    from .store import Store

__all__ = ["Supervisor", "command_for"]

_LOOK = 0.1
_RESCUE = 1.0
_SETTLED = 5.0
"""Seconds after which a worker counts as started."""
_LONGEST = 5.0
_AFTER_GRACE = 15.0
logger = logging.getLogger("microfn.agent")


class _Place:
    """One of the workers, and the time at which it may be started again."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.started = -math.inf
        self.not_before = -math.inf
        self.pause = 0.0

    def note_end(self, now: float) -> None:
        """Schedule the next start. The pause doubles each time that a worker ends within `_SETTLED` seconds."""
        self.process = None
        self.pause = 0.0 if now - self.started > _SETTLED else min(_LONGEST, max(0.5, 2 * self.pause))
        self.not_before = now + self.pause


class Supervisor:
    """Starts and watches `processes` workers.

    Each runs `command` with `--parent` and the id of this process. `grace` is the seconds that a worker has for its
    calls after SIGTERM.
    """

    def __init__(self, store: Store, command: Sequence[str], processes: int, *, grace: float) -> None:
        self._store = store
        self._command = list(command)
        self._places = [_Place() for _ in range(processes)]
        self._grace = grace + _AFTER_GRACE
        self._is_ending = False
        self._slots: Slots | None = None

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT, and return after all workers have ended."""
        for number in signal.SIGTERM, signal.SIGINT:
            signal.signal(number, self._end)
        looked = -math.inf
        while not self._is_ending:
            now = time.monotonic()
            if self._fill() or now - looked >= _RESCUE:
                looked = now
                self._look_for_lost()
            time.sleep(_LOOK)
        self._stop()

    def _end(self, number: int, frame: object) -> None:  # noqa: ARG002 - a signal handler
        self._is_ending = True

    def _fill(self) -> bool:
        """Start the missing workers, and return whether one was lost."""
        now, has_lost = time.monotonic(), False
        for place in self._places:
            if place.process is not None and place.process.poll() is not None:
                logger.warning("worker %s ended with exit code %s", place.process.pid, place.process.returncode)
                place.note_end(now)
                has_lost = True
            if place.process is None and now >= place.not_before:
                place.started = now
                place.process = self._start()
        return has_lost

    def _look_for_lost(self) -> None:
        """Queue the calls of each free slot again. Its worker may have been on another host."""
        try:
            if self._slots is None:
                self._slots = slots_of(self._store.url)
            for name in self._store.running():
                slot = number_of(name)
                if slot is not None and self._slots.take(slot):
                    try:
                        count = self._store.release(name)
                    finally:
                        self._slots.give_back(slot)
                    logger.warning("the worker in %s was lost; its calls are queued again: %s", name, count)
        except StoreError:  # a lost connection cannot be used again
            self._forget_slots()

    def _forget_slots(self) -> None:
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.close()

    def _start(self) -> subprocess.Popen[bytes]:
        # The command is from `command_for`, with the name of the agent that the user typed.
        return subprocess.Popen([*self._command, "--parent", str(os.getpid())])  # noqa: S603 # nosec B603

    def _stop(self) -> None:
        """Tell all workers to end, and kill those that don't end in time."""
        processes = [place.process for place in self._places if place.process is not None]
        for process in processes:
            process.terminate()
        until = time.monotonic() + self._grace
        for process in processes:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:  # noqa: PERF203 - each process has its own timeout
                process.kill()
                process.wait()
        self._forget_slots()
        self._store.close()


def command_for(name: str) -> list[str]:
    """Return the command of a worker for the agent of this name."""
    return [sys.executable, "-m", "microfn", "work", name]
