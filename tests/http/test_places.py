"""Positions of errors: JSON pointers into the data, from errors of msgspec and pydantic."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microfn.http.places import UNKNOWN, json_pointer, steps_of_location, steps_of_path

KEYS = st.text(max_size=5)
DOCUMENTS = st.recursive(
    st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20
)


def resolve(pointer, data):
    """RFC 6901, section 4."""
    assert pointer[:1] == "#"
    for token in pointer[1:].split("/")[1:]:
        step = unquote(token, errors="surrogatepass").replace("~1", "/").replace("~0", "~")
        data = data[int(step)] if isinstance(data, list) else data[step]
    return data


def places(data, steps=()):
    """The steps to each value of a document, and the value."""
    yield steps, data
    for step, inner in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from places(inner, (*steps, step))


@given(DOCUMENTS)
@pytest.mark.slow
def test_pointer_leads_to_the_value(data):
    for steps, value in places(data):
        assert resolve(json_pointer(steps), data) is value


@pytest.mark.parametrize(
    ("steps", "pointer"),
    [
        ((), "#"),
        ([""], "#/"),
        (["a", 0, "b"], "#/a/0/b"),
        (["a/b", "c~d", "~1"], "#/a~1b/c~0d/~01"),
        (["page[size]", "a b", "é", "%", "\ud800"], "#/page%5Bsize%5D/a%20b/%C3%A9/%25/%ED%A0%80"),
        (["a", "b" * 1000, "c"], "#/a"),
        (["a" * 2000], "#"),
    ],
)
def test_pointer_is_escaped_and_has_a_size(steps, pointer):
    assert json_pointer(steps) == pointer


NAMES = st.text(alphabet="ab.[]0", min_size=1, max_size=4)


@given(st.recursive(st.just(0), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=1)))
def test_path_leads_to_the_value_whatever_its_names_hold(data):
    for steps, _ in places(data):
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
        if "[...]" not in path:
            assert steps_of_path(path, data) == list(steps)


@pytest.mark.parametrize(
    ("path", "data", "steps"),
    [
        ("", {}, []),
        (".a[0].b", {"a": [{"b": 1}]}, ["a", 0, "b"]),
        (".a.b", {"a.b": 1, "a": {"b": 2}}, ["a.b"]),
        (".a.b", {"a.bc": 1, "a": {"b": 2}}, ["a", "b"]),
        (".a[...].b", {"a": {"x": {"b": 1}}}, ["a"]),
        ("[...]", {"x": 1}, []),
        (".", {"": 1}, [""]),
        (".a[12]", {"a": [0] * 13}, ["a", 12]),
        (".a.b[1]", UNKNOWN, ["a", "b", 1]),
        (".a[...].b", UNKNOWN, ["a"]),
        (".a[1].b", {"a": {"other": 1}}, ["a", 1, "b"]),
        (".a", [], ["a"]),
        (".a", {7: 1}, ["a"]),
        ("nothing", {"a": 1}, []),
    ],
)
def test_path_is_followed_as_far_as_it_is_known(path, data, steps):
    assert steps_of_path(path, data) == steps


PET = {"pet": {"kind": "cat"}, "tags": ["a", "b"], "size": 1}


@pytest.mark.parametrize(
    ("location", "is_missing", "steps"),
    [
        ((), False, []),
        (("tags", 1), False, ["tags", 1]),
        (("pet", "cat", "kind"), False, ["pet", "kind"]),
        (("pet", "Cat", "name"), True, ["pet", "name"]),
        (("pet", "Cat", "name"), False, ["pet"]),
        (("size", "int"), False, ["size"]),
        (("tags", "list[int]", 0), False, ["tags", 0]),
        (("tags", 2), False, ["tags"]),
        (("pet", "kind", "[key]"), False, ["pet", "kind"]),
        (("size", "size"), False, ["size"]),
    ],
)
def test_location_leaves_out_what_the_data_does_not_have(location, is_missing, steps):
    assert steps_of_location(location, PET, is_missing=is_missing) == steps


def test_location_in_unknown_data_is_taken_as_it_is():
    assert steps_of_location(("pet", "Cat", 0)) == ["pet", "Cat", 0]
