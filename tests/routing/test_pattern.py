"""The parser of patterns. test_tree.py has invalid patterns."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microfn.errors import InvalidPattern
from microfn.routing.pattern import Pattern, casefold_pattern, parse, with_pattern_case

from .. import model


@pytest.mark.parametrize(
    ("text", "parts", "names"),
    [
        ("/", ("/",), ()),
        ("//", ("//",), ()),
        ("/users", ("/users",), ()),
        ("/users/", ("/users/",), ()),
        ("/:id", ("/", ":id"), ("id",)),
        ("/:id/", ("/", ":id", "/"), ("id",)),
        ("/:a/:b", ("/", ":a", "/", ":b"), ("a", "b")),
        ("/:a/:a", ("/", ":a", "/", ":a"), ("a", "a")),
        ("/users/:id/posts", ("/users/", ":id", "/posts"), ("id",)),
        ("/user_:name", ("/user_", ":name"), ("name",)),
        ("/:name.json", ("/", ":name.json"), ("name.json",)),
        ("/*rest", ("", "/*rest"), ("rest",)),
        ("//*rest", ("/", "/*rest"), ("rest",)),
        ("/src/*filepath", ("/src", "/*filepath"), ("filepath",)),
        ("/:id/*rest", ("/", ":id", "", "/*rest"), ("id", "rest")),
        ("/:id/src/*rest", ("/", ":id", "/src", "/*rest"), ("id", "rest")),
        ("/:id//*rest", ("/", ":id", "/", "/*rest"), ("id", "rest")),
        ("/é/:ñ/*文", ("/é/", ":ñ", "", "/*文"), ("ñ", "文")),
        ("/\udcff/:\udc80", ("/\udcff/", ":\udc80"), ("\udc80",)),
        ("/a\n/:b\n/c", ("/a\n/", ":b\n", "/c"), ("b\n",)),
    ],
)
def test_a_pattern_alternates_text_and_wildcards(text, parts, names):
    assert parse(text) == Pattern(text, names)
    assert parse(text).parts == parts


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("/Users", "/users"),
        ("/Users/:ID/Posts", "/users/:ID/posts"),
        ("/V:ID/Files/*Rest", "/v:ID/files/*Rest"),
        ("/\u212aelvin/:x", "/kelvin/:x"),
        ("/stra\u00dfe/:x", None),
        ("/\u0130", None),
        ("/Users/:\u00df", "/users/:\u00df"),
    ],
)
def test_the_text_of_a_pattern_is_folded_and_its_names_are_not(text, folded):
    assert casefold_pattern(parse(text)) == (folded and parse(folded))


@pytest.mark.parametrize("text", ["/", "/users/:id", "/:ID", "/users/:ID/*Rest"])
def test_a_pattern_without_anything_to_fold_is_itself(text):
    pattern = parse(text)
    assert casefold_pattern(pattern) is pattern


@pytest.mark.parametrize(
    ("text", "path", "spelling"),
    [
        ("/Users", "/USERS", "/Users"),
        ("/A/:x/B/:y", "/a/One/b/Two", "/A/One/B/Two"),
        ("/A/:x/B/C", "/a/One/b/c", "/A/One/B/C"),
        ("/A/:x/B", "/a//b", "/A//B"),
        ("/V:x", "/vOne", "/VOne"),
        ("/A/:x/B/*rest", "/a/One/b/Two/Three/", "/A/One/B/Two/Three/"),
    ],
)
def test_path_takes_the_case_of_the_pattern_around_its_values(text, path, spelling):
    assert with_pattern_case(parse(text), path) == spelling


@settings(max_examples=300)
@given(st.text("/:*ab\n", max_size=12) | st.text("/:*ab\n", max_size=12).map("/".__add__))
def test_what_is_accepted_is_what_the_definition_accepts(text):
    tokens = model.parse(text)
    if tokens is None:
        with pytest.raises(InvalidPattern) as caught:
            parse(text)
        assert caught.value.pattern == text
        return
    pattern = parse(text)
    assert "".join(pattern.parts) == pattern.text == text
    assert pattern.names == tuple(name for kind, name in tokens if kind != model.TEXT)
    assert len(pattern.parts[1::2]) == len(pattern.names)
    assert not any(set(part) & {":", "*"} for part in pattern.parts[::2])
    assert all(part.startswith((":", "/*")) for part in pattern.parts[1::2])
