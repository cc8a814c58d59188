"""Tokens are released together, and each of them once."""

from __future__ import annotations

from microfn.agent.admission.token import release_all

from ..tokens import CountedToken


def test_tokens_are_released_together_and_once():
    one, other = CountedToken(), CountedToken()
    tokens = [one, other]
    release_all(tokens)
    release_all(tokens)
    assert (tokens, one.releases, other.releases) == ([], 1, 1)
