"""The supervisor of workers: it starts as many as it was told, and queues the calls of lost ones again."""

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
"""Seconds after which the end of a worker is no failure of its start."""
_LONGEST = 5.0
_AFTER_GRACE = 15.0
logger = logging.getLogger("microfn.agent")


class _Place:
    """The place of one worker, and when it may be filled again."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.started = -math.inf
        self.not_before = -math.inf
        self.pause = 0.0

    def note_end(self, now: float) -> None:
        """Wait longer each time that a worker ends as soon as it has begun."""
        self.process = None
        self.pause = 0.0 if now - self.started > _SETTLED else min(_LONGEST, max(0.5, 2 * self.pause))
        self.not_before = now + self.pause


class Supervisor:
    """Processes that run `command` with `--parent` and the id of this process."""

    def __init__(self, store: Store, command: Sequence[str], processes: int, *, grace: float) -> None:
        self._store = store
        self._command = list(command)
        self._places = [_Place() for _ in range(processes)]
        self._grace = grace + _AFTER_GRACE
        self._is_ending = False
        self._slots: Slots | None = None

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT; return when all workers have ended."""
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

    def _end(self, number: int, frame: object) -> None:  # noqa: ARG002 - of a signal
        self._is_ending = True

    def _fill(self) -> bool:
        """Start a worker in each empty place, and return whether one was lost."""
        now, has_lost = time.monotonic(), False
        for place in self._places:
            if place.process is not None and place.process.poll() is not None:
                logger.warning("worker %s ended with %s", place.process.pid, place.process.returncode)
                place.note_end(now)
                has_lost = True
            if place.process is None and now >= place.not_before:
                place.started = now
                place.process = self._start()
        return has_lost

    def _look_for_lost(self) -> None:
        """Queue the calls again of each slot that nobody holds, on whatever host its worker was."""
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
                    logger.warning("the worker in %s was lost; %s of its calls are queued again", name, count)
        except StoreError:  # a connection that was lost does not come back
            self._forget_slots()

    def _forget_slots(self) -> None:
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.close()

    def _start(self) -> subprocess.Popen[bytes]:
        # The command is our own, with the name that the user typed.
        return subprocess.Popen([*self._command, "--parent", str(os.getpid())])  # noqa: S603 # nosec B603

    def _stop(self) -> None:
        """Let all workers drain; kill those that do not end."""
        processes = [place.process for place in self._places if place.process is not None]
        for process in processes:
            process.terminate()
        until = time.monotonic() + self._grace
        for process in processes:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:  # noqa: PERF203 - one ends, the next may not
                process.kill()
                process.wait()
        self._forget_slots()
        self._store.close()


def command_for(name: str) -> list[str]:
    """Return the command that works for an agent in another process."""
    return [sys.executable, "-m", "microfn", "work", name]
