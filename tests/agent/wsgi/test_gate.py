"""The head of a response passes one check, with and without HTTP."""

from __future__ import annotations

import pytest

from microfn.agent import Failed


@pytest.mark.parametrize("head", ["X Y: z", "X: a\\001b", ": z", "X: y\\nX\\001: z"])
def test_invalid_head_fails_a_call_without_http(agent, head):
    function = agent.cold(["printf", f"{head}\\n\\nbody"], memory=32, timeout=60, protocol="cgi")
    call = agent.get_call("GET", function=function)
    with pytest.raises(Failed, match="sent a response that cannot be passed on"):
        agent.submit(call)
    assert isinstance(call.error, Failed)
    assert call.writer.getvalue() == b""


def test_valid_head_passes(agent):
    function = agent.cold(["printf", "X: y\\n\\nbody"], memory=32, timeout=60, protocol="cgi")
    call = agent.submit(agent.get_call("GET", function=function))
    assert (call.status, call.headers, call.writer.getvalue()) == ("200 OK", [("X", "y")], b"body")
