"""Checks of options: each passes on or refuses a value, and the message names the option."""

from __future__ import annotations

import pytest

from microfn.arguments import check_flags, check_names, check_number, check_seconds, check_size, nearest


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 0.0, 10**400])
def test_seconds_are_above_nothing_and_have_an_end(value):
    with pytest.raises(ValueError, match="timeout must be a number of seconds above 0"):
        check_seconds("timeout", value)


@pytest.mark.parametrize("value", ["2", None, True, [2]])
def test_seconds_are_a_number(value):
    with pytest.raises(TypeError, match="timeout must be a number of seconds, got"):
        check_seconds("timeout", value)


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1, ValueError), (True, TypeError), (1.0, TypeError)])
def test_number_below_one_or_of_another_type_is_refused(value, error):
    with pytest.raises(error, match="tokens"):
        check_number("tokens", value)


def test_checked_values_come_back():
    assert check_number("tokens", 3) == 3
    assert check_seconds("timeout", 2) == 2.0
    assert check_names("headers", ("A", "B")) == "A, B"
    assert check_names("headers", []) == ""


@pytest.mark.parametrize("value", [None, 0, 1, "yes"])
def test_flag_of_another_type_is_refused(value):
    check_flags(overlap=True, strict=False)
    with pytest.raises(TypeError, match=f"overlap must be True or False, got {value!r}"):
        check_flags(strict=False, overlap=value)


@pytest.mark.parametrize(
    ("value", "optional", "error"),
    [
        ("1", False, TypeError),
        (True, False, TypeError),
        (None, False, TypeError),
        (1.5, True, TypeError),
        (-1, True, ValueError),
    ],
)
def test_size_of_another_type_or_below_zero_is_refused(value, optional, error):
    check_size("limit", 0)
    check_size("limit", None, optional=True)
    with pytest.raises(error, match="limit"):
        check_size("limit", value, optional=optional)


@pytest.mark.parametrize("values", ["A", None, 5, ["A", 5], {}])
def test_names_that_are_no_list_of_text_are_refused(values):
    with pytest.raises(TypeError, match="headers must be a list of str"):
        check_names("headers", values)


def test_nearest_is_the_name_of_a_typing_mistake():
    assert nearest("nmae", ["convert", "name"]) == "name"
    assert nearest("zzz", ["convert", "name"]) is None
