"""Limits are checked when a function is registered."""

from __future__ import annotations

import pytest

from microfn.agent.limits import Limits, check_limits

RIGHT = {"memory": "64M", "addresses": "1G", "output": 1, "log": 2, "processes": 3, "descriptors": 40}


def test_sizes_may_be_numbers_or_texts():
    assert check_limits(**RIGHT) == Limits(64, 1024, 1, 2, 3, 40)
    assert check_limits(**{**RIGHT, "addresses": None, "memory": 64}) == Limits(64, None, 1, 2, 3, 40)


@pytest.mark.parametrize(("name", "least"), [("descriptors", 4), ("addresses", 3)])
def test_limit_that_no_program_can_run_in_is_refused(agent, name, least):
    function = agent.cold(["true"], memory=32, timeout=60, **{name: least})
    assert agent.submit(agent.get_call("GET", function=function)).status == "200 OK"
    message = f"^{name} must be {least} or more, got {least - 1}; no program runs with less$"
    with pytest.raises(ValueError, match=message):
        agent.cold(["true"], memory=32, timeout=60, **{name: least - 1})


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("value", [0, -1, "much", 0.5, True])
def test_invalid_limit_is_named(name, value):
    with pytest.raises((TypeError, ValueError), match=f"^{name} "):
        check_limits(**{**RIGHT, name: value})


@pytest.mark.parametrize(("name", "least"), [("memory", 20), ("descriptors", 6)])
def test_handle_needs_more_than_a_program(name, least):
    check_limits(**{**RIGHT, name: least}, is_handle=True)
    with pytest.raises(ValueError, match=f"{name} must be {least} or more, got {least - 1}; no handle runs with less"):
        check_limits(**{**RIGHT, name: least - 1}, is_handle=True)
