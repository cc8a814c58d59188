"""Paths as text: decoded, cleaned, spelled otherwise, and written into a Location."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microfn.paths
import microfn.routing.paths
from microfn.routing.paths import (
    clean_path,
    decode_path,
    is_clean,
    is_same_site,
    location,
    toggle_trailing_slash,
    unquote_path_info,
)


@pytest.mark.parametrize(
    ("path_info", "path"),
    [
        ("", "/"),
        ("/", "/"),
        ("*", "*"),
        ("/users/7", "/users/7"),
        ("//a//", "//a//"),
        ("/a%2Fb", "/a%2Fb"),
        ("/%", "/%"),
        ("/\x00", "/\x00"),
        ("/caf\xc3\xa9", "/café"),
        ("/\xe2\x84\xaa", "/\u212a"),
        ("/\xf0\x9f\x98\x80", "/\U0001f600"),
        ("/e\xcc\x81", "/e\u0301"),
    ],
)
def test_a_path_is_decoded_from_the_bytes_behind_path_info(path_info, path):
    assert decode_path(path_info) == path


@pytest.mark.parametrize(
    ("path_info", "unquoted"),
    [
        ("", ""),
        ("/users/7", "/users/7"),
        ("/caf%C3%A9", "/caf\xc3\xa9"),
        ("/caf%c3%a9", "/caf\xc3\xa9"),
        ("/caf\xc3\xa9", "/caf\xc3\xa9"),
        ("/%FF", "/\xff"),
        ("/%00", "/\x00"),
        ("/a%2Fb", "/a/b"),
        ("/a%252Fb", "/a%2Fb"),
        ("/100%", "/100%"),
        ("/%zz%4", "/%zz%4"),
        ("/a+b", "/a+b"),
    ],
)
def test_a_path_info_that_is_still_encoded_is_unquoted_once(path_info, unquoted):
    assert unquote_path_info(path_info) == unquoted


@pytest.mark.parametrize(
    "path_info",
    ["/\xff", "/ab\xffout", "/\xc3", "/\xc0\xaf", "/\xed\xa0\x80", "/\xf4\x90\x80\x80", "/caf\u20ac", "/\udcff"],
)
def test_a_path_that_is_no_utf_8_is_a_value_error(path_info):
    with pytest.raises(ValueError, match="codec can't"):
        decode_path(path_info)


@pytest.mark.parametrize("path_info", ["/caf\u20ac", "/%41\udcff"])
def test_an_encoded_path_that_is_no_bytes_is_a_value_error(path_info):
    with pytest.raises(ValueError, match="codec can't encode"):
        unquote_path_info(path_info)


CLEAN = ["/", "/abc", "/abc/", "/a/b/c", "/a/b/c/", "/.hidden", "/...", "/a..b/c.", "/..a/", "/a/.b", "/%2E%2E/", "/é"]


@pytest.mark.parametrize("path", CLEAN)
def test_a_clean_path_stays_as_it_is(path):
    assert clean_path(path) == path
    assert is_clean(path) is ("/." not in path)


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        # paths without a slash at the beginning
        ("", "/"),
        ("a", "/a"),
        ("a/", "/a/"),
        ("a/b/c", "/a/b/c"),
        # slashes in a row
        ("//", "/"),
        ("///", "/"),
        ("//abc", "/abc"),
        ("///abc//", "/abc/"),
        ("/abc//", "/abc/"),
        ("/abc//def//ghi", "/abc/def/ghi"),
        # this place
        (".", "/"),
        ("./", "/"),
        ("/.", "/"),
        ("/./", "/"),
        ("/abc/./def", "/abc/def"),
        ("/./abc/def", "/abc/def"),
        ("/abc/.", "/abc/"),
        ("/abc/./", "/abc/"),
        # the place above
        ("..", "/"),
        ("../", "/"),
        ("../../", "/"),
        ("../../abc", "/abc"),
        ("/..", "/"),
        ("/../abc", "/abc"),
        ("/abc/..", "/"),
        ("/abc/../", "/"),
        ("/abc/def/..", "/abc"),
        ("/abc/def/../", "/abc/"),
        ("/abc/def/../..", "/"),
        ("/abc/def/../../..", "/"),
        ("/abc/def/../ghi/../jkl", "/abc/jkl"),
        ("/abc/def/ghi/../jkl", "/abc/def/jkl"),
        ("/abc/def/../../../ghi/jkl/../../../mno", "/mno"),
        # all of them
        ("abc/./../def", "/def"),
        ("abc//./../def", "/def"),
        ("abc/../../././../def", "/def"),
        ("/a//../b", "/b"),
        ("/a/...//..", "/a"),
        ("/.hidden/.", "/.hidden/"),
    ],
)
def test_a_path_is_cleaned_as_httprouter_does(path, clean):
    assert not is_clean(path)
    assert clean_path(path) == clean
    assert clean_path(clean) == clean


def test_a_long_path_is_cleaned_too():
    assert clean_path("/a" * 5000 + "/.." * 4999) == "/a"
    assert clean_path("/" * 10_000 + "a") == "/a"


@pytest.mark.parametrize(
    ("path", "other"),
    [
        ("/a", "/a/"),
        ("/a/", "/a"),
        ("/a//", "/a/"),
        ("//", "/"),
        ("a", "a/"),
        ("*", "*/"),
        ("/\u212a", "/\u212a/"),
        ("/", None),
        ("", None),
    ],
)
def test_the_other_spelling_has_one_slash_less_or_more(path, other):
    assert toggle_trailing_slash(path) == other


@pytest.mark.parametrize(
    ("path", "same"),
    [
        ("/", True),
        ("", True),
        ("/a//b", True),
        ("/a\\b", True),
        ("/%2F", True),
        ("/.//evil.example", False),
        ("//", False),
        ("//evil.example", False),
        ("///evil.example", False),
        ("/\\evil.example", False),
        ("/\\/evil.example", False),
    ],
)
def test_path_that_browsers_take_for_a_host_is_another_site(path, same):
    assert is_same_site(path) is same


@pytest.mark.parametrize(
    ("script_name", "target"),
    [
        ("", "/docs"),
        ("/", "/docs"),
        ("//", "/docs"),
        ("/app", "/app/docs"),
        ("/app/", "/app/docs"),
        ("app", "/app/docs"),
        ("//evil.example", "/evil.example/docs"),
        ("///evil.example/", "/evil.example/docs"),
        ("/a/b", "/a/b/docs"),
        ("/\\evil.example", "/%5Cevil.example/docs"),
        ("\\evil.example", "/%5Cevil.example/docs"),
        ("https://evil.example", "/https://evil.example/docs"),
        ("/caf\xc3\xa9", "/caf%C3%A9/docs"),
        ("/\xff", "/%FF/docs"),
        ("/caf\u20ac", "/caf%E2%82%AC/docs"),
        ("/\udcff", "/%3F/docs"),
        ("/a b%20c", "/a%20b%2520c/docs"),
        ("/XX", "/XX/docs"),
        ("/a\r\nSet-Cookie: x", "/a%0D%0ASet-Cookie:%20x/docs"),
        ("/a?b#c", "/a%3Fb%23c/docs"),
    ],
)
def test_no_script_name_chooses_the_host(script_name, target):
    assert location(script_name, "/docs") == target


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/", "/"),
        ("/docs/", "/docs/"),
        ("/a//b", "/a//b"),
        ("/café", "/caf%C3%A9"),
        ("/\U0001f600", "/%F0%9F%98%80"),
        ("/a b", "/a%20b"),
        ("/a%2Fb", "/a%252Fb"),
        ("/100%", "/100%25"),
        ("/a#b?c", "/a%23b%3Fc"),
        ("/a\\b", "/a%5Cb"),
        ("/a\r\nb\tc\x00\x7f", "/a%0D%0Ab%09c%00%7F"),
        ('/"<>^`{|}[]', "/%22%3C%3E%5E%60%7B%7C%7D%5B%5D"),
        ("/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"),
        ("/é-._~!$&'()*+,;=:@", "/%C3%A9-._~!$&'()*+,;=:@"),
    ],
)
def test_what_may_not_stand_in_a_path_is_escaped(path, target):
    assert location("", path) == target
    assert location("/app", path) == f"/app{target}"


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("", "/docs"),
        ("a=1&b=2", "/docs?a=1&b=2"),
        ("next=%2Fa%2fb", "/docs?next=%2Fa%2fb"),
        ("next=/a?b", "/docs?next=/a?b"),
        ("a=%252F", "/docs?a=%252F"),
        ("100%", "/docs?100%25"),
        ("%&%2&%zz&%2F", "/docs?%25&%252&%25zz&%2F"),
        ("%%2F", "/docs?%25%2F"),
        ("a b+c", "/docs?a%20b+c"),
        ("a#b", "/docs?a%23b"),
        ("a\\b", "/docs?a%5Cb"),
        ("a\r\nSet-Cookie: x\x00", "/docs?a%0D%0ASet-Cookie:%20x%00"),
        ("q=caf\xc3\xa9", "/docs?q=caf%C3%A9"),
        ("q=\xff", "/docs?q=%FF"),
        ("q=caf\u20ac", "/docs?q=caf%E2%82%AC"),
        ('"<>', "/docs?%22%3C%3E"),
    ],
)
def test_query_keeps_its_escapes_and_has_the_rest_escaped(query, target):
    assert location("", "/docs", query) == target


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
nasty = st.text("/\\%?#: \t\n\x00aé\xff", max_size=8)
# a host hands over bytes, as latin-1
tunnelled = nasty | st.binary(max_size=8).map(lambda data: data.decode("latin-1"))


@settings(max_examples=300)
@given(script_name=tunnelled, path=(nasty | any_text).map("/".__add__).filter(is_same_site), query=tunnelled)
def test_a_location_is_one_path_absolute_reference_in_ascii(script_name, path, query):
    target = location(script_name, path, query)
    assert target.startswith("/")
    assert not target.startswith(("//", "/\\"))
    assert target.isascii()
    assert target.isprintable()
    assert not set(target) & set(' "#<>\\^`{|}')
    written, mark, rest = target.partition("?")
    prefix = script_name.strip("/")
    expected = (f"/{prefix}" if prefix else "") + path.encode().decode("latin-1")
    assert unquote(written, "latin-1") == expected
    assert bool(mark) is bool(query)
    assert unquote(rest, "latin-1") == unquote(query, "latin-1")


quick = settings(max_examples=300)
dotted = st.text("/..a", max_size=14) | st.lists(st.sampled_from(["", ".", "..", "...", "a", ".b"])).map("/".join)


def clean_by_rewriting(path):
    """Rewrite the path until there is nothing more to rewrite."""
    rules = {
        r"/{2,}": "/",
        r"/\.(?=/|$)": "/",
        r"^/\.\.(?=/|$)": "",
        r"/(?!\.\./)[^/]+/\.\.(?=/|$)": "",
    }
    path = f"/{path}"
    while wrong := next((wrong for wrong in rules if re.sub(wrong, rules[wrong], path) != path), None):
        path = re.sub(wrong, rules[wrong], path)
    return path or "/"


@quick
@given(dotted)
def test_clean_path_is_the_end_of_all_rewriting(path):
    assert clean_path(path) == clean_by_rewriting(path)


@quick
@given(dotted)
def test_clean_path_begins_with_a_slash_and_stays_as_it_is(path):
    clean = clean_path(path)
    assert clean.startswith("/")
    assert "//" not in clean
    assert not {".", ".."} & set(clean.split("/"))
    assert clean_path(clean) == clean
    assert len(clean) <= len(path) + 1


@quick
@given(dotted, dotted)
def test_what_stands_before_a_clean_path_stays_before_it(prefix, path):
    """No path leads above the root: below a root of its own it is the same."""
    root = clean_path(prefix).rstrip("/")
    assert root + clean_path(path) == clean_path(f"{root}/{clean_path(path)}")


def test_functions_for_paths_keep_their_former_name():
    for name in microfn.paths.__all__:
        assert getattr(microfn.paths, name) is getattr(microfn.routing.paths, name)
