"""Names of which each is there once."""

from __future__ import annotations

from microfn.openapi.names import UniqueNames


def test_a_number_that_is_taken_is_passed_over():
    names = UniqueNames()
    assert [names.take(name) for name in ("a", "a_2", "a", "a", "b", "ä")] == ["a", "a_2", "a_3", "a_4", "b", "ä"]
