"""For each class of tests/data/cases.jsonl.gz a generator of pairs: a hostile request, and its harmless twin."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from . import answers, bodies, documents, fields, files, forms, redirects, spellings, tables
from .exchange import Pair

GENERATORS: dict[str, Callable[[Random], Pair]] = {
    **answers.GENERATORS,
    **bodies.GENERATORS,
    **documents.GENERATORS,
    **fields.GENERATORS,
    **files.GENERATORS,
    **forms.GENERATORS,
    **redirects.GENERATORS,
    **spellings.GENERATORS,
    **tables.GENERATORS,
    "host_trust": lambda chance: (fields.trusted if chance.random() < 0.5 else redirects.host_trust)(chance),
}
