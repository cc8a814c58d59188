"""An output reads stdout, the log and the end of a process in any order, even if one is missing."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from microfn.agent import ClientLeft, Deadline, Failed, TimedOut
from microfn.agent.functions.function_process import End
from microfn.agent.functions.output import Output


class Acted:
    """A fake process that a test controls."""

    def __init__(self):
        self.files = [os.pipe() for _ in range(3)]
        (self.out, self.his_out), (self.err, self.his_err), (self.control, self.his_control) = self.files
        os.set_blocking(self.out, False)
        os.set_blocking(self.err, False)
        self.how, self.stopped, self.closed = End(0, "-"), 0, 0
        self.is_exiting = False

    @property
    def has_ended(self):
        return bool(self.stopped)

    def ends(self, code=0, why="-"):
        self.how = End(code, why)
        os.write(self.his_control, b"x")

    def stop(self):
        self.stopped += 1

    def end(self):
        return self.how

    def close(self):
        self.closed += 1


@pytest.fixture
def process():
    process = Acted()
    yield process
    for pair in process.files:
        for file in pair:
            os.close(file)


def dispatched(process, seconds=5.0, **options):
    deadline = Deadline(time.monotonic(), seconds)
    return Output(process, deadline, **{"most_output": 100, "most_log": 10, **options})


def closed_out(process):
    """Close the write end, but keep its number valid so that a test can close it."""
    os.dup2(process.his_err, process.his_out)


def test_output_is_read_as_it_comes_and_to_its_end(process):
    output = dispatched(process)
    os.write(process.his_out, b"one")
    assert output.read() == b"one"
    os.write(process.his_out, b"two")
    closed_out(process)
    assert output.read() == b"two"
    process.ends()
    assert output.read() == b""
    output.close()
    output.close()
    assert (process.stopped, process.closed) == (0, 1)


def test_end_that_is_told_late_still_fails_the_answer(process):
    """A process that dies closes its output first, and a busy machine reports its end later."""
    output = dispatched(process)
    os.write(process.his_out, b"half")
    assert output.read() == b"half"
    closed_out(process)
    process.is_exiting = True
    timer = threading.Timer(0.3, process.ends, [-9])
    timer.start()
    with pytest.raises(Failed, match="ended by signal 9"):
        output.read()
    timer.join()
    output.close()


def test_end_that_is_never_told_is_waited_for_until_the_deadline(process):
    output = dispatched(process, 0.2)
    closed_out(process)
    process.is_exiting = True
    with pytest.raises(TimedOut):
        output.read()
    output.close()


def test_process_may_run_on_after_its_output_ended(process):
    output = dispatched(process)
    closed_out(process)
    began = time.monotonic()
    assert output.read() == b""
    assert time.monotonic() - began < 20
    assert output.end is None
    process.ends(3)
    output.finish()
    assert output.end == End(3, "-")
    output.close()


def test_output_that_ends_when_the_time_is_up_is_no_answer(process):
    output = dispatched(process, seconds=0.01)
    time.sleep(0.02)
    closed_out(process)
    with pytest.raises(TimedOut):
        output.read()
    output.close()
    assert process.stopped == 1


def test_close_kills_a_process_that_is_over_time(process):
    output = dispatched(process, seconds=0.05)
    with pytest.raises(TimedOut):
        output.read()
    output.finish()
    output.close()
    assert process.stopped == 1


def test_output_ends_with_its_process(process):
    """The output ends even if another process could still write to the pipe."""
    output = dispatched(process)
    os.write(process.his_out, b"last")
    process.ends()
    assert output.read() == b"last"
    assert output.read() == b""
    output.close()


ENDS = {
    "an exit code": (End(3, "-"), Failed, "The function ended with 3."),
    "a signal": (End(-9, "-"), Failed, "The function was ended by signal 9."),
    "time": (End(-9, "time"), TimedOut, "The function took too long."),
    "time, though it ended well": (End(0, "time"), TimedOut, "The function took too long."),
    "memory": (End(-9, "memory"), Failed, "The function took more memory than it may have."),
    "processes": (End(-9, "processes"), Failed, "The function started more processes than it may have."),
    "a launcher that is gone": (End(-9, "lost"), Failed, "The function was lost."),
}


@pytest.mark.parametrize(("end", "error", "message"), ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("has_begun", [False, True])
def test_how_it_ended_is_told(process, end, error, message, has_begun):
    output = dispatched(process)
    if has_begun:
        os.write(process.his_out, b"x")
        assert output.read() == b"x"
    process.ends(*end)
    with pytest.raises(error) as raised:
        output.read()
    assert raised.value.detail == message
    output.close()


def test_what_failed_before_anything_was_read_has_no_answer(process):
    output = dispatched(process)
    os.write(process.his_out, b"half of it")
    process.ends(1)
    with pytest.raises(Failed):
        output.read()
    output.close()


def test_too_much_output_ends_it(process):
    output = dispatched(process, most_output=4)
    os.write(process.his_out, b"1234")
    assert output.read() == b"1234"
    os.write(process.his_out, b"5")
    with pytest.raises(Failed, match="too long"):
        output.read()
    assert process.stopped == 1
    output.close()


def test_of_its_log_so_much_is_kept_and_the_rest_is_read(process):
    output = dispatched(process)
    for _ in range(5):
        os.write(process.his_err, b"1234")
        os.write(process.his_out, b"x")
        output.read()
    os.dup2(process.his_out, process.his_err)
    os.write(process.his_out, b"y")
    assert output.read() == b"y"
    process.ends()
    output.finish()
    assert output.log == b"1234123412"
    output.close()


def test_wait_has_an_end_if_time_is_up_meanwhile(process, monkeypatch):
    """If a deadline passes between two looks at the clock, the wait still ends."""
    now, looks = time.monotonic(), iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: now + next(looks))
    output = dispatched(process, seconds=1.5)
    output.finish()
    assert output.end is None
    output.close()


def test_what_is_logged_last_is_kept(process):
    output = dispatched(process)
    os.write(process.his_err, b"last words")
    output.close()
    assert output.log == b"last words"


def test_client_that_leaves_ends_the_process(process):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        output = dispatched(process, client=ours.fileno())
        os.write(process.his_out, b"x")
        assert output.read() == b"x"
        theirs.close()
        with pytest.raises(ClientLeft):
            output.read()
        assert process.stopped == 1
        process.ends(-9)
        output.close()


def test_client_may_leave_when_the_output_is_whole(process):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        output = dispatched(process, client=ours.fileno())
        closed_out(process)
        assert output.read() == b""
        theirs.close()
        process.ends(0)
        output.finish()
        assert output.end == End(0, "-")
        output.close()
