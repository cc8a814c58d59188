"""Lines reach the log, or are lost if it is full or closed; no process waits."""

from __future__ import annotations

import contextlib
import os
import pty
import socket

import pytest

from microfn.agent.launcher.notices import Notices


@contextlib.contextmanager
def notices(file):
    opened = Notices(file)
    yield opened
    opened.close()


def filled(file):
    """Fill a file that another process could read, and leave its flags unchanged."""
    os.set_blocking(file, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(file, b"x" * 4096)
    os.set_blocking(file, True)


def test_line_goes_into_a_pipe_and_is_lost_if_it_is_full():
    read, write = os.pipe()
    with notices(write) as log:
        log.write("a line")
        assert os.read(read, 100) == b"a line\n"
        filled(write)
        log.write("lost")
        assert os.get_blocking(write)
    for file in read, write:
        os.close(file)


def test_line_goes_into_a_socket_and_is_lost_if_it_is_full():
    here, there = socket.socketpair()
    with here, there, notices(there.fileno()) as log:
        log.write("a line")
        assert here.recv(100) == b"a line\n"
        filled(there.fileno())
        log.write("lost")
        here.close()
        log.write("nobody reads")


def test_line_is_written_at_the_shared_position_of_a_file(tmp_path):
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    with notices(file) as log:
        os.write(file, b"one\n")
        log.write("two")
        os.write(file, b"three\n")
    os.close(file)
    assert (tmp_path / "log").read_text() == "one\ntwo\nthree\n"


def test_line_goes_to_a_terminal():
    here, there = pty.openpty()
    with notices(there) as log:
        log.write("a line")
        assert os.read(here, 100) == b"a line\r\n"
    for file in here, there:
        os.close(file)


def test_pipe_of_another_user_is_written_if_it_has_room(monkeypatch):
    def denied(*_):
        raise PermissionError

    read, write = os.pipe()
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", denied)
        log = Notices(write)
    log.write("a line")
    assert os.read(read, 100) == b"a line\n"
    filled(write)
    log.write("lost")
    log.close()
    for file in read, write:
        os.close(file)


@pytest.mark.parametrize(("line", "size"), [("x" * 600, 512), ("x" * 511, 512), ("", 1)])
def test_long_line_is_cut(line, size):
    read, write = os.pipe()
    with notices(write) as log:
        log.write(line)
    data = os.read(read, 1000)
    assert (len(data), data[-1:]) == (size, b"\n")
    for file in read, write:
        os.close(file)
