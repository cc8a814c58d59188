"""Each class of adversarial requests by a generator: hostile ones are answered as they must be, twins are served.

`make test` sends some of each, `make fuzz` a hundred thousand in all, in less than a minute.
"""

from __future__ import annotations

import logging
import os
from random import Random

import pytest

from ..test_cases import CASES
from .classes import GENERATORS
from .classes.answers import LOG

PAIRS = int(os.environ.get("FUZZ_PAIRS", "60"))


@pytest.fixture(autouse=True)
def log(monkeypatch):
    """The log goes where it is counted, and nowhere else."""
    logger = logging.getLogger("microfn")
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "handlers", [LOG])


def attack(name: str, count: int = PAIRS, seed: int = 1) -> tuple[list[str], list[str]]:
    """Judge so many pairs of a class; what the hostile ones and the twins asked for."""
    chance = Random(f"{name} {seed}")
    hostile, twins = [], []
    for _ in range(count):
        pair = GENERATORS[name](chance)
        pair.hostile.judge()
        pair.twin.judge()
        hostile.append(pair.hostile.story())
        twins.append(pair.twin.story())
    return hostile, twins


@pytest.mark.parametrize("name", GENERATORS)
def test_what_is_hostile_is_answered_as_it_must_be_and_its_twin_is_served(name):
    hostile, twins = attack(name)
    assert len(hostile) == len(twins) == PAIRS
    assert len(set(hostile)) > min(PAIRS, 100) / 5, "a generator that says little"


def test_every_class_has_a_generator():
    """`benign` holds the twins of all the others."""
    assert {case["cls"] for case in CASES} - {"benign"} == set(GENERATORS)
