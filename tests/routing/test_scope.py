"""Scopes: prefixes of patterns, one within another."""

from __future__ import annotations

import pytest

from microfn.errors import InvalidPattern
from microfn.routing.scope import Scope, check_prefix


def test_scope_puts_all_prefixes_before_a_pattern():
    inner = Scope("/v1", Scope("/api", Scope()))
    assert inner.pattern("/users/:id") == "/api/v1/users/:id"
    assert inner.pattern("") == "/api/v1"
    assert Scope().pattern("/x") == "/x"


def test_scope_refuses_a_pattern_without_a_slash():
    with pytest.raises(InvalidPattern, match="even below '/api'"):
        Scope("/api", Scope()).pattern("users")


def test_lineage_begins_with_the_outermost_scope():
    root = Scope()
    api = Scope("/api", root)
    inner = Scope("/v1", api)
    assert inner.lineage() == [root, api, inner]
    assert root.lineage() == [root]


@pytest.mark.parametrize(("given", "prefix"), [("", ""), ("/", ""), ("/api", "/api"), ("/:id/x", "/:id/x")])
def test_prefix_is_a_pattern_or_empty(given, prefix):
    assert check_prefix(given) == prefix


@pytest.mark.parametrize("prefix", ["api", "/api/", "//", "/*rest", "/:"])
def test_prefix_that_is_no_pattern_is_refused(prefix):
    with pytest.raises(InvalidPattern):
        check_prefix(prefix)


@pytest.mark.parametrize("prefix", [None, b"/api", 5])
def test_prefix_of_another_type_is_refused(prefix):
    with pytest.raises(TypeError, match="prefix must be a str"):
        check_prefix(prefix)
