"""If a launcher is killed, all processes that it started end too."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys

import pytest

from microfn.agent.launcher import guard
from microfn.agent.launcher.processes import environ_of, seen

from ..launchers import launcher_of
from ..waiting import wait_until
from .starting import Talk, is_there
from .test_program import FOLDER

# Four processes: one in the group, one in a new session, and two in new sessions without a parent.
SCATTERING = "sleep 60 & setsid sleep 60 & sh -c 'setsid sleep 60 & setsid sleep 60 &' & sleep 60"


@pytest.fixture
def program():
    """Start the launcher as a program: yield its guard, and the socket of its server."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, there:
        process = subprocess.Popen([sys.executable, "-I", "-S", FOLDER], stdin=there.fileno(), start_new_session=True)
        there.close()
        yield process, here
        process.kill()
        process.wait()


def started(way):
    talk = Talk(way, SCATTERING, seconds=60, held=())
    talk.hear()
    mark = b"FN_CALL_ID=" + talk.id.encode()
    mine = lambda: [pid for pid, process in seen().items() if mark in environ_of(pid) and not process.is_exiting]  # noqa: E731
    wait_until(lambda: len(mine()) >= 5)
    return talk, mine


@pytest.mark.parametrize("with_server", [False, True])
def test_killed_launcher_leaves_nothing(program, with_server):
    process, way = program
    launcher = launcher_of(process.pid)
    talk, mine = started(way)
    if with_server:
        way.close()
        talk.close()
    with contextlib.suppress(ProcessLookupError):  # without its server, it may have ended by itself
        os.kill(launcher, signal.SIGKILL)
    wait_until(lambda: not mine(), 1.0)
    assert process.wait(60) == 0
    talk.close()


def test_killed_guard_leaves_nothing(program):
    process, way = program
    launcher = launcher_of(process.pid)
    talk, mine = started(way)
    process.kill()
    wait_until(lambda: not mine(), 1.0)
    wait_until(lambda: not is_there(launcher), 1.0)
    talk.close()


def test_stopped_launcher_goes_on_or_ends_as_its_guard_is_told(program):
    process, way = program
    launcher = launcher_of(process.pid)
    talk, _ = started(way)
    os.kill(launcher, signal.SIGSTOP)
    process.send_signal(signal.SIGCONT)
    way.close()
    assert talk.end() == "ended -9 -"
    assert process.wait(60) == 0
    talk.close()


def test_launcher_that_stays_stopped_is_killed_on_demand(program):
    process, way = program
    talk, mine = started(way)
    os.kill(launcher_of(process.pid), signal.SIGSTOP)
    process.send_signal(guard.KILL_LAUNCHER)
    wait_until(lambda: not mine(), 1.0)
    assert process.wait(60) == 0
    talk.close()


def test_signals_that_end_a_service_end_no_launcher(program):
    process, way = program
    launcher = launcher_of(process.pid)
    talk, mine = started(way)
    for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        for pid in process.pid, launcher:
            os.kill(pid, number)
    assert len(mine()) >= 5
    talk.close()
    wait_until(lambda: not mine(), 1.0)


def test_launcher_comes_before_the_functions_it_starts(program):
    process, way = program
    launcher = launcher_of(process.pid)
    talk = Talk(way, "nice", seconds=20, held=())
    talk.hear()
    assert int(talk.read()) == os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, launcher) == os.getpriority(os.PRIO_PROCESS, process.pid)
    assert os.getpriority(os.PRIO_PROCESS, launcher) == (-20 if may_take_precedence() else 0)
    talk.close()


def test_launcher_of_a_server_that_is_niced_is_niced_too():
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = ["nice", "-n", "5", sys.executable, "-I", "-S", FOLDER]
    process = subprocess.Popen(command, stdin=there.fileno(), start_new_session=True)
    there.close()
    talk = Talk(here, "nice", seconds=20, held=())
    talk.hear()
    assert int(talk.read()) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)
    here.close()
    assert process.wait(60) == 0
    talk.close()


def may_take_precedence():
    """Return True if a child of this process can raise its own priority."""
    program = "import os; os.setpriority(os.PRIO_PROCESS, 0, -20)"
    return not subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, check=False).returncode


END = "import os, subprocess, time\nsubprocess.Popen(['setsid', 'sleep', '60']); time.sleep(0.1)\n"


def test_all_descendants_end_before_it_returns():
    program = (
        END
        + f"""
import sys; sys.path.insert(0, {os.path.dirname(FOLDER)!r})
from launcher.guard import end_descendants
from launcher.program import become_subreaper
become_subreaper()
subprocess.run(['sh', '-c', 'sleep 60 & (setsid sleep 60 &) &'])
end_descendants()
end_descendants()
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("none")
"""
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.stdout == "none\n", ended.stderr
