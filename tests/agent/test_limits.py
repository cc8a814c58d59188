"""Limits are checked when a function is made."""

from __future__ import annotations

import pytest

from microfn.agent.limits import Limits, check_limits

RIGHT = {"memory": "64M", "addresses": "1G", "output": 1, "log": 2, "processes": 3, "descriptors": 40}


def test_sizes_may_be_numbers_or_texts():
    assert check_limits(**RIGHT) == Limits(64, 1024, 1, 2, 3, 40)
    assert check_limits(**{**RIGHT, "addresses": None, "memory": 64}) == Limits(64, None, 1, 2, 3, 40)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("value", [0, -1, "much", 0.5, True])
def test_invalid_limit_is_named(name, value):
    with pytest.raises((TypeError, ValueError), match=f"^{name} "):
        check_limits(**{**RIGHT, name: value})
