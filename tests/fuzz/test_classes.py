"""Each class of adversarial requests by a generator: hostile ones are answered as they must be, twins are served.

`make test` sends some of each, `make fuzz` a hundred thousand in all, in less than a minute.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from random import Random

import pytest

from ..test_cases import CASES
from .classes import GENERATORS
from .classes.answers import LOG

PAIRS = int(os.environ.get("FUZZ_PAIRS", "60"))


@pytest.fixture(autouse=True)
def log(monkeypatch):
    """Send the log to the counter only."""
    logger = logging.getLogger("microfn")
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "handlers", [LOG])


def attack(name: str, count: int = PAIRS) -> tuple[Counter[int], Counter[int], set[str]]:
    """Judge pairs of a class. Return the statuses of hostile requests, those of their twins, and the targets."""
    chance = Random(f"{name} 1")
    hostile, twins, asked = Counter[int](), Counter[int](), set[str]()
    for _ in range(count):
        pair = GENERATORS[name](chance)
        hostile[pair.hostile.judge().code] += 1
        twins[pair.twin.judge().code] += 1
        asked.add(pair.hostile.story())
    return hostile, twins, asked


STATUSES = {
    "allow_405": (200, 204, 405),
    "auth_in": (200, 400),
    "bad_utf8": (400,),
    "broken_environ": (200, 400),
    "case_fold": (200, 301, 404),
    "cond_headers": (200, 206, 304, 412),
    "content_length": (400, 413),
    "content_type": (200, 415),
    "cookie_in": (200,),
    "deep_route": (200, 301, 404),
    "disconnect": (400,),
    "double_decode": (200, 404),
    "form_dos": (200, 413),
    "good_utf8": (200,),
    "handler": (200, 201, 202, 203, 500),
    "head": (200, 204, 205, 301, 302, 304, 400, 401, 404, 418, 500),
    "header_injection": (200, 204, 302, 500),
    "host_malformed": (400,),
    "host_quirk": (301, 404),
    "host_trust": (301, 308, 400),
    "json_body": (400,),
    "location_quote": (301,),
    "method": (405,),
    "no_content_length": (200, 413),
    "open_redirect": (200, 301, 308, 404, 405),
    "path_alias": (200, 404),
    "path_dos": (200, 301, 404, 414),
    "query_in": (200, 400),
    "query_kept": (301,),
    "range": (200, 206, 416),
    "redirect_loop": (200, 301, 308, 404),
    "script_name": (301, 308, 400),
    "static": (200, 404),
    "static_windows": (404,),
    "tree_crash": (200, 204, 301, 404, 405),
    "truncated_body": (400,),
    "tsr_contract": (200, 301, 308, 404),
}
"""The statuses of hostile requests of each class, if they are complete."""


@pytest.mark.parametrize("name", GENERATORS)
def test_hostile_request_is_refused_and_its_twin_is_served(name):
    hostile, twins, asked = attack(name)
    assert hostile.total() == twins.total() == PAIRS
    assert set(STATUSES[name]) <= set(hostile), "a kind of request did not occur"
    assert {200, 206} & set(twins), "no twin was served"
    assert len(asked) > min(PAIRS, 100) / 5, "a generator that says little"


def test_every_class_has_a_generator():
    """`benign` holds the twins of all the others."""
    assert {case["cls"] for case in CASES} - {"benign"} == set(GENERATORS) == set(STATUSES)
