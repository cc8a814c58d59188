"""A launcher in a thread of this process."""

from __future__ import annotations

import os
import signal
import socket
import threading

import pytest

from microfn.agent.launcher import supervisor
from microfn.agent.launcher.program import become_subreaper
from microfn.agent.launcher.supervisor import Launcher

from .starting import Launched


@pytest.fixture
def launched(monkeypatch):
    """A launcher and the way to it. It runs here, so that it can be looked into; what it started is gone after it."""
    directory = os.getcwd()
    wakeup, woken = os.pipe2(os.O_NONBLOCK)
    handler = signal.signal(signal.SIGCHLD, lambda *_: None)
    fd = signal.set_wakeup_fd(woken)
    become_subreaper()
    told = []
    monkeypatch.setattr(supervisor, "_tell", told.append)
    way, source = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    launcher = Launcher(source, wakeup)
    thread = threading.Thread(target=launcher.run)
    thread.start()
    launched = Launched(launcher, way, thread, told)
    yield launched
    way.close()
    for talk in launched.talks:
        talk.close()
    os.write(woken, b"x")
    thread.join(20)
    assert not thread.is_alive()
    become_subreaper(False)
    signal.set_wakeup_fd(fd)
    signal.signal(signal.SIGCHLD, handler)
    launcher._selector.close()
    os.close(wakeup)
    os.close(woken)
    os.chdir(directory)
