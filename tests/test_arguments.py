"""Checks of options: each passes on or refuses a value, and the message names the option."""

from __future__ import annotations

import pytest

from microfn.arguments import check_number, check_seconds


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 0.0, 10**400])
def test_seconds_are_above_nothing_and_have_an_end(value):
    with pytest.raises(ValueError, match="timeout is a number of seconds above 0"):
        check_seconds("timeout", value)


@pytest.mark.parametrize("value", ["2", None, True, [2]])
def test_seconds_are_a_number(value):
    with pytest.raises(TypeError, match="timeout is a number of seconds, not"):
        check_seconds("timeout", value)


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1, ValueError), (True, TypeError), (1.0, TypeError)])
def test_a_number_of_tokens_is_one_or_more(value, error):
    with pytest.raises(error, match="tokens"):
        check_number("tokens", value)
