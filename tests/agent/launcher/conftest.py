"""A launcher in a thread of this process."""

from __future__ import annotations

import os
import signal
import socket
import threading

import pytest

from microfn.agent.launcher.program import become_subreaper
from microfn.agent.launcher.supervisor import Launcher

from .starting import Launched


class Told:
    """A log that keeps its lines in a list."""

    def __init__(self, told):
        self.write = told.append


@pytest.fixture
def launched():
    """Yield a launcher that tests can inspect, and its socket. Kill all its processes afterwards."""
    directory = os.getcwd()
    wakeup, woken = os.pipe2(os.O_NONBLOCK)
    handler = signal.signal(signal.SIGCHLD, lambda *_: None)
    fd = signal.set_wakeup_fd(woken)
    become_subreaper()
    told = []
    way, source = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    guard, alive = os.pipe()
    launcher = Launcher(source, wakeup, Told(told), guard)
    thread = threading.Thread(target=launcher.run)
    thread.start()
    launched = Launched(launcher, way, thread, told, alive)
    yield launched
    way.close()
    for talk in launched.talks:
        talk.close()
    os.write(woken, b"x")
    thread.join(60)
    assert not thread.is_alive()
    become_subreaper(False)
    signal.set_wakeup_fd(fd)
    signal.signal(signal.SIGCHLD, handler)
    launcher._selector.close()
    for file in wakeup, woken, guard, *launched.alive:
        os.close(file)
    os.chdir(directory)
