"""The targets of the fuzzers, on their corpus and on similar data, and bugs that each must find."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

from microfn.routing import paths
from microfn.routing.index import Index

from .mutations import mutated, seeds
from .targets import TARGETS

ROUNDS = 2000


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.slow
def test_what_is_known_and_what_is_like_it_is_as_it_has_to_be(name, caplog):
    known, chance = seeds(name), random.Random(name)
    for data in known:
        TARGETS[name](data)
    for _ in range(ROUNDS):
        TARGETS[name](mutated(chance, known))
    caplog.clear()


def ignore_what_is_no_utf8(monkeypatch):
    monkeypatch.setattr(paths, "decode_path", lambda text: text.encode("latin-1").decode(errors="ignore") or "/")


def clean_once(monkeypatch):
    monkeypatch.setattr(
        paths, "clean_path", lambda path: "/" + path.replace("/../", "/").replace("//", "/").lstrip("/")
    )


def forget_the_last_slash(monkeypatch):
    original: Callable = Index.__init__

    def begin(index, items):
        original(index, items)
        find = index.find
        index.find = lambda method, path: find(method, path.rstrip("/") or "/")

    monkeypatch.setattr(Index, "__init__", begin)


def keep_the_slashes_of_the_prefix(monkeypatch):
    monkeypatch.setattr(paths, "location", lambda place, path, query: place + path)


def send_any_header(monkeypatch):
    monkeypatch.setattr("microfn.http.conversion.validate_headers", lambda line, headers: None)


def let_lines_end(monkeypatch):
    monkeypatch.setattr("microfn.http.headers._UNSENDABLE", re.compile("\x00"))


def send_locations_as_they_are(monkeypatch):
    monkeypatch.setattr("microfn.http.headers.as_uri", lambda location: location)


def escape_nothing(monkeypatch):
    monkeypatch.setattr("microfn.http.problems.escape", str)


@pytest.mark.parametrize(
    ("name", "plant"),
    [
        ("decoding", ignore_what_is_no_utf8),
        ("cleaning", clean_once),
        ("looking_up", forget_the_last_slash),
        ("redirecting", keep_the_slashes_of_the_prefix),
        ("answering", send_any_header),
        ("gating", let_lines_end),
        ("leading", send_locations_as_they_are),
        ("explaining", escape_nothing),
    ],
)
def test_a_bug_that_is_planted_is_found(name, plant, monkeypatch, caplog):
    plant(monkeypatch)
    known, chance = seeds(name), random.Random(1)

    def fuzz():
        for _ in range(20 * ROUNDS):
            TARGETS[name](mutated(chance, known))

    with pytest.raises((AssertionError, ValueError, TypeError)):
        fuzz()
