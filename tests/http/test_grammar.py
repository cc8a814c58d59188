"""Grammar of HTTP: each expression takes the examples of its section, and no others."""

from __future__ import annotations

import re

import pytest

from microfn.http.grammar import DIGITS, HOP_BY_HOP, HOST, NAME, TOKEN


@pytest.mark.parametrize("text", ["GET", "M-SEARCH", "x-a", "!#$%&'*+.^_`|~0"])
def test_token_takes_tchars(text):
    assert TOKEN.fullmatch(text)


@pytest.mark.parametrize("text", ["", "a b", "a:b", "a\n", "é", '"', "a/b", "(", "\x00"])
def test_token_takes_no_delimiters(text):
    assert not TOKEN.fullmatch(text)


def test_digits_are_ascii():
    assert DIGITS.fullmatch("0123456789")
    for text in "", "1.0", "-1", "\u0661", "1\n":
        assert not DIGITS.fullmatch(text)


@pytest.mark.parametrize("text", ["a", "my_service", "a.example", "127.0.0.1"])
def test_name_takes_labels_between_dots(text):
    assert re.fullmatch(NAME, text)


@pytest.mark.parametrize("text", ["", ".a", "a.", "a..b", "a b", "é", "a\n"])
def test_name_takes_no_empty_labels(text):
    assert not re.fullmatch(NAME, text)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("a.example.:80", "a.example.", "80"), ("[::1]", "[::1]", None), ("[::1]:8000", "[::1]", "8000"), ("a:", "a", "")],
)
def test_host_is_a_name_or_an_address_and_a_port(text, host, port):
    assert re.fullmatch(HOST, text).groups() == (host, port)


@pytest.mark.parametrize("text", ["", ":80", "::1", "[::1", "a:80:80", "a:123456", "a@b", "a/b"])
def test_host_takes_nothing_beside_them(text):
    assert not re.fullmatch(HOST, text)


def test_hop_by_hop_names_are_lower_case():
    assert {name.lower() for name in HOP_BY_HOP} == HOP_BY_HOP
    assert {"connection", "transfer-encoding"} < HOP_BY_HOP
