"""A program starts in its own session, with its limits; otherwise its start fails."""

from __future__ import annotations

import errno
import os
import resource

import pytest

from microfn.agent.launcher import spawn

from .starting import MIB


def test_function_leads_a_session_and_has_its_limits(launched):
    script = 'until [ "$(ulimit -Hn)" = 17 ]; do sleep 0.01; done; cat /proc/self/stat /proc/self/limits; pwd'
    talk = launched.start(script, addresses=64 * MIB, descriptors=17)
    pid = talk.hear().split()[1]
    told = talk.read()
    assert told.splitlines()[0].rpartition(") ")[2].split()[2:4] == [pid, pid]
    limits = {line[:26].strip(): line[26:].split()[:2] for line in told.splitlines() if line.startswith("Max ")}
    assert limits["Max address space"] == [str(64 * MIB)] * 2
    assert limits["Max open files"] == ["17", "17"]
    assert told.splitlines()[-1] == "/"
    assert talk.end() == "ended 0 -"


def test_function_without_a_limit_of_addresses_has_none(launched):
    talk = launched.start("ulimit -Sv; ulimit -Hv", memory=16 * MIB)
    talk.hear()
    assert talk.read() == "unlimited\n" * 2


def test_function_has_limits_from_its_first_moment(launched, monkeypatch):
    monkeypatch.setattr(spawn, "set_hard", lambda *_: None)  # as if the process ran before its hard limits are set
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)
    addresses = 64 * 1024 * MIB  # more than this process has, whatever the tests before have loaded
    talk = launched.start("ulimit -Sn; ulimit -Sv", addresses=addresses, descriptors=200)
    assert talk.hear().startswith("started ")
    assert talk.read() == f"200\n{addresses // 1024}\n"
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == soft


def test_function_may_have_fewer_files_than_the_launcher(launched):
    talk = launched.start("echo yes", descriptors=4)
    assert talk.hear().startswith("started ")
    assert talk.read() == "yes\n"


CANNOT = {
    "a program that is not there": ({"argv": [b"/not/there"]}, errno.ENOENT),
    "a directory that is not there": ({"cwd": b"/not/there"}, errno.ENOENT),
    "one that cannot be run": ({"argv": [b"/etc/passwd"]}, errno.EACCES),
    "too many arguments": ({"argv": [b"/bin/true", *[b"x" * 100_000] * 60]}, errno.E2BIG),
}


@pytest.mark.parametrize(("options", "number"), CANNOT.values(), ids=CANNOT)
def test_failed_start_is_told_and_nothing_is_held(launched, options, number):
    read, write = os.pipe()
    talk = launched.start("", held=[write], **options)
    os.close(write)
    assert talk.hear() == f"failed {number}"
    assert talk.hear() == ""
    assert os.read(read, 1) == b""
    os.close(read)
