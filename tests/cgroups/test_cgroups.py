"""Calls in control groups: the kernel limits their memory and processes, and kills all of them at once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from microfn.agent import Agent, Call, Failed, TimedOut
from microfn.agent.delegation import Delegation, find_delegation

from ..agent.launchers import guards, launcher_of
from ..agent.waiting import wait_until

pytestmark = pytest.mark.cgroups
DELEGATED = Path("/sys/fs/cgroup/app")
ENV = {"PATH": "/usr/bin:/bin"}
TOO_MUCH = "The function took more memory than it may have."


@pytest.fixture
def agent() -> Iterator[Agent]:
    agent = Agent(ram="512M")
    yield agent
    agent.close(5)
    wait_until(lambda: not groups(), 5)


def groups() -> list[Path]:
    """Return the groups of launchers, without the group of the server."""
    return list(DELEGATED.glob("functions-*"))


def of_calls() -> list[Path]:
    return [path for path in DELEGATED.glob("functions-*/*") if path.is_dir()]


def processes() -> int:
    """Return the number of processes in groups of calls."""
    return sum(len((path / "cgroup.procs").read_text().split()) for path in of_calls())


def submit(agent: Agent, *argv: str, memory: int = 64, timeout: float = 60, processes: int = 64) -> Call:
    function = agent.cold(list(argv), memory=memory, timeout=timeout, env=ENV, processes=processes)
    return agent.submit(agent.get_call("GET", function=function))


def python(agent: Agent, program: str, **limits: float) -> Call:
    return submit(agent, sys.executable, "-I", "-S", "-c", program, **limits)


def output(call: Call) -> str:
    return call.writer.getvalue().decode()  # type: ignore[attr-defined]


def test_delegated_group_is_found() -> None:
    assert find_delegation() == Delegation(str(DELEGATED), str(DELEGATED / "server"))


def test_group_without_the_mark_of_a_delegation_is_left_alone() -> None:
    os.removexattr(DELEGATED, "user.delegate")
    try:
        assert find_delegation() is None
    finally:
        os.setxattr(DELEGATED, "user.delegate", b"1")


def test_call_runs_in_a_group_that_is_gone_after_it(agent: Agent) -> None:
    call = submit(agent, "cat", "/proc/self/cgroup")
    (own,) = groups()
    assert output(call) == f"0::/app/{own.name}/{call.id}\n"
    wait_until(lambda: not of_calls(), 5)


def test_limits_are_those_of_the_function(agent: Agent) -> None:
    script = "sleep 1; cd /sys/fs/cgroup$(sed s/^0::// /proc/self/cgroup); cat memory.max pids.max memory.oom.group"
    assert output(submit(agent, "sh", "-c", script, memory=48, processes=16)) == f"{48 << 20}\n16\n1\n"


def test_first_child_of_a_function_is_in_its_group(agent: Agent) -> None:
    call = submit(agent, "sh", "-c", "setsid cat /proc/self/cgroup & wait")
    assert output(call).endswith(f"/{call.id}\n")


@pytest.mark.parametrize(
    "program",
    [
        "x = bytearray(b'.') * (200 << 20)",
        "import os; f = os.memfd_create('x'); [os.write(f, bytes(1 << 20)) for _ in range(200)]",
        "f = open('/dev/shm/x', 'wb'); [f.write(bytes(1 << 20)) for _ in range(200)]",
    ],
    ids=["its own", "in memfd", "in /dev/shm"],
)
def test_memory_of_any_kind_is_limited(agent: Agent, program: str) -> None:
    with pytest.raises(Failed) as failed:
        python(agent, program)
    assert failed.value.detail == TOO_MUCH
    Path("/dev/shm/x").unlink(missing_ok=True)
    wait_until(lambda: not of_calls(), 5)


COUNT = """
import os, time
time.sleep(0.5)
count = 1
try:
    while count < 60:
        if os.fork() == 0:
            os.setsid()
            time.sleep(60)
        count += 1
except BlockingIOError:
    print(count, flush=True)
"""


def test_processes_are_limited_in_whatever_session(agent: Agent) -> None:
    assert output(python(agent, COUNT, processes=16)) == "16\n"
    wait_until(lambda: not of_calls(), 2)


FLEE = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        os.closerange(0, 3)
        while True:
            if os.fork():
                os._exit(0)
            os.setsid()
time.sleep(60)
"""


def test_processes_that_flee_are_killed_at_once(agent: Agent) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut):
        python(agent, FLEE, timeout=4)
    wait_until(lambda: not of_calls(), 5 - (time.monotonic() - began))


class Killer:
    """A writer that kills processes after the first byte from a function."""

    def __init__(self, which: str) -> None:
        self.which = which

    def write(self, data: bytes) -> None:
        wait_until(lambda: processes() == 3, 20)
        (guard,) = guards()
        launcher = launcher_of(guard)
        pids = {"guard": [guard], "launcher": [launcher], "both": [guard, launcher]}[self.which]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("which", ["guard", "launcher", "both"])
def test_killed_launcher_leaves_no_process_and_no_group(agent: Agent, which: str) -> None:
    command = ["sh", "-c", "setsid sleep 600 & echo; sleep 600"]
    function = agent.cold(command, memory=32, timeout=60, env=ENV)
    with pytest.raises(Failed):
        agent.submit(agent.get_call("GET", function=function, writer=Killer(which)))
    if which != "both":  # otherwise the next launcher finds them
        wait_until(lambda: processes() == 0, 2)
    assert submit(agent, "true").status == "200 OK"
    wait_until(lambda: len(groups()) == 1 and not of_calls(), 5)


def test_many_calls_leave_no_groups(agent: Agent) -> None:
    function = agent.cold(["true"], memory=16, timeout=20)
    for _ in range(30):
        agent.submit(agent.get_call("GET", function=function))
    wait_until(lambda: not of_calls(), 5)


SERVER = f"""
from microfn.agent import Agent, Failed
agent = Agent(ram="128M")

def run(*argv):
    call = agent.get_call("GET", function=agent.cold(argv, memory=32, timeout=60))
    try:
        return agent.submit(call).writer.getvalue().decode().strip()
    except Failed as error:
        return error.detail

print(run("cat", "/proc/self/cgroup"))
print(run({sys.executable!r}, "-I", "-S", "-c", "x = bytearray(b'.') * (100 << 20)"))
agent.close(5)
"""


@pytest.mark.parametrize("user", [0, 65534], ids=["root", "nobody"])
def test_script_of_the_how_to_starts_a_server_in_a_leaf(user: int) -> None:
    """systemd marks a delegated group, and gives some of its files to the user of the service."""
    page = Path(__file__).parents[2] / "docs/howto/functions.md"
    (script,) = re.findall(r"```sh\n# leaf.sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    unit = Path(f"/sys/fs/cgroup/unit-{user}")
    unit.mkdir()
    if user == 0:
        os.setxattr(unit, "user.delegate", b"1")
    for name in "", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control":
        os.chown(unit / name, user, user)
    start = f'echo $$ > {unit}/cgroup.procs; exec setpriv --reuid {user} --regid {user} --clear-groups "$@"'
    command = ["sh", "-c", start, "start", "sh", "-c", script, "leaf.sh", sys.executable, "-c", SERVER]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert re.fullmatch(rf"0::/{unit.name}/functions-[0-9a-f]{{8}}/[0-9a-f]{{32}}", told[0])
    assert told[1:] == [TOO_MUCH]
    wait_until(lambda: [path for path in unit.iterdir() if path.is_dir()] == [unit / "server"], 5)


def test_agent_in_another_group_has_no_groups() -> None:
    """A server that is not in a leaf of a delegated group runs its functions as before."""
    own = DELEGATED / "server" / "cgroup.procs"
    Path("/sys/fs/cgroup/other/cgroup.procs").write_text("0")
    try:
        agent = Agent(ram="512M")
        call = submit(agent, "cat", "/proc/self/cgroup")
        agent.close(5)
    finally:
        own.write_text("0")
    assert output(call) == "0::/other\n"
    assert not groups()
