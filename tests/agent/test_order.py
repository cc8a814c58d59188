"""Specs for the launcher: a complete call, or an error."""

from __future__ import annotations

import pytest

from microfn.agent import Refused
from microfn.agent.functions.program import Program
from microfn.agent.order import launch_spec


@pytest.mark.parametrize("length", [1, 8192, 100_000])
def test_spec_of_any_length_arrives(agent, length):
    function = agent.cold(["sh", "-c", 'printf %s "${#HTTP_X_LONG}"'], memory=32, timeout=60)
    call = agent.get_call("GET", function=function, headers={"X-Long": "x" * length})
    assert agent.submit(call).writer.getvalue() == b"%d" % length


def test_spec_has_the_call_and_the_limits_of_its_function(agent):
    function = agent.cold(["true"], memory=32, timeout=60, env={"A": "b"})
    call = agent.get_call("POST", "/x", function=function, body=b"123")
    spec = launch_spec(call, call.function.program)
    assert (spec.call_id, spec.memory, spec.argv[1:]) == (call.id, 32 << 20, [])
    assert (spec.env[b"A"], spec.env[b"CONTENT_LENGTH"], spec.env[b"PATH_INFO"]) == (b"b", b"3", b"/x")
    assert (spec.env[b"FN_CALL_ID"], spec.env[b"FN_MEMORY"]) == (call.id.encode(), b"32")
    call.end()


def test_spec_refuses_more_than_a_process_can_be_given(agent):
    headers = {f"X-{number}": "x" * 100_000 for number in range(3)}
    call = agent.get_call("GET", function=agent.cold(["true"], memory=32, timeout=60), headers=headers)
    with pytest.raises(Refused, match="more headers than a process can have"):
        launch_spec(call, call.function.program)
    call.end()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (b"", b"x", "an invalid name"),
        (b"A=B", b"x", "an invalid name"),
        (b"A", b"x\0", "NUL"),
        (b"A", b"x" * 200_000, "more bytes"),
    ],
)
def test_spec_refuses_values_that_no_process_can_be_given(agent, name, value, message):
    call = agent.get_call("GET", function=agent.cold(["true"], memory=32, timeout=60))
    program = Program(["/bin/true"], "/", {name.decode(): value.decode()})
    with pytest.raises(Refused, match=message):
        launch_spec(call, program)
    call.end()


def test_function_with_too_much_text_is_refused(agent):
    with pytest.raises(ValueError, match="argv and env have"):
        agent.cold(["true", *["x" * 50_000] * 3], memory=32, timeout=60)
