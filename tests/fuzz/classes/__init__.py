"""For each class of tests/data/cases.jsonl.gz a generator of pairs: a hostile request, and its harmless twin."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from . import answers, bodies, fields, files, redirects, spellings, tables
from .exchange import Pair

GENERATORS: dict[str, Callable[[Random], Pair]] = {
    **answers.GENERATORS,
    **bodies.GENERATORS,
    **fields.GENERATORS,
    **files.GENERATORS,
    **redirects.GENERATORS,
    **spellings.GENERATORS,
    **tables.GENERATORS,
    "host_trust": lambda chance: (fields.trusted if chance.random() < 0.5 else redirects.host_trust)(chance),
}
