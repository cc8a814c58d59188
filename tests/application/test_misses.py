"""The ways in which a request has no route."""

from __future__ import annotations

from typing import get_args

import pytest

from microfn.application.misses import Missed, Moved, Rejected, Unconverted, Unmoved
from microfn.routing.index import NO_MATCH, Miss
from microfn.routing.scope import Scope

MADE = [NO_MATCH, Rejected(ValueError()), Unconverted(Scope()), Unmoved(("GET",)), Moved("/x")]


def test_these_are_all_misses():
    assert {type(miss) for miss in MADE} == set(get_args(Missed))


@pytest.mark.parametrize("miss", MADE, ids=lambda miss: type(miss).__name__)
def test_a_miss_says_its_methods_and_whether_a_redirect_may_help(miss):
    assert miss.methods == (("GET",) if isinstance(miss, Unmoved) else ())
    assert miss.may_redirect is isinstance(miss, (Miss, Unmoved))
