"""Messages between a server and its launcher arrive whole, or not at all."""

from __future__ import annotations

import os
import resource

from microfn.agent.launcher.protocol import MOST_FILES, LaunchSpec


def test_spec_arrives_as_it_was_sent():
    spec = LaunchSpec(
        "ä".encode("unicode_escape").decode(), 1.25, 1, None, 2, 3, b"/\xff", [b"a", b""], {b"A": b"b=c", b"B": b""}
    )
    assert LaunchSpec.decode(spec.encode()) == spec
    assert LaunchSpec.decode(spec._replace(env={}).encode()).env == {}


def test_server_that_is_gone_gets_no_reply(launched):
    talk = launched.start("sleep 0.2")
    talk.close()
    talk = launched.start("exit 0")
    talk.hear()
    assert talk.end() == "ended 0 -"


def test_too_many_files_end_a_request_and_no_more(launched):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 9, hard))
    try:
        talk = launched.start("exit 0", held=[0] * 20)
        assert talk.hear() == ""
        talk.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    talk = launched.start("exit 0")
    assert talk.hear().startswith("started")
    assert talk.end() == "ended 0 -"


def test_as_many_files_as_one_message_carries(launched):
    free = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - len(os.listdir("/proc/self/fd"))
    talk = launched.start("exit 0", held=[0] * (min(MOST_FILES, free - 10) - 5))
    talk.hear()
    assert talk.end() == "ended 0 -"
