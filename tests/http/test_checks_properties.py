"""For any type and any data, `validate` agrees with pydantic and msgspec, and its pointers are correct.

The types are random too: a model, a Struct and a dataclass of the same fields.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Any, Literal
from urllib.parse import unquote

import msgspec
import pydantic
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from microfn import InvalidData, validate


class Inner(pydantic.BaseModel):
    a: int
    b: list[int] = []


class InnerStruct(msgspec.Struct):
    a: int
    b: list[int] = []


SCALARS = [int, str, float, bool, int | None, datetime.date, Literal["x", "y"], str | None]
LISTS = [list[int], list[str], list[int] | None, set[int], tuple[int, ...], list[datetime.date]]
OTHERS = [dict[str, int], dict[int, int], list[list[int]], list[dict[str, bool]]]
NAMES = st.sampled_from(["a", "b", "tags", "page", "q"])
FIELDS = st.dictionaries(NAMES, st.sampled_from(SCALARS + LISTS + OTHERS), min_size=1)
TEXT_FIELDS = st.dictionaries(NAMES, st.sampled_from(SCALARS + LISTS), min_size=1)
TEXTS = st.sampled_from(["", "1", "-7", "x", "true", "null", "2026-11-24", "1.5", "é", " 1", "1e3", "9" * 30])
SOME = st.just({"1": 1}) | st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | TEXTS
VALUES = st.recursive(SOME, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2))
OBJECTS = st.dictionaries(NAMES | st.sampled_from(["more", "a/b"]), VALUES)


def optional(fields):
    """The fields of which every second has a default."""
    return [(name, kind, None) if number % 2 else (name, kind) for number, (name, kind) in enumerate(fields.items())]


def model_of(fields, **config):
    defined = {name: (kind, *default) if default else (kind, ...) for name, kind, *default in optional(fields)}
    return pydantic.create_model("Made", __config__=pydantic.ConfigDict(**config), **defined)


def struct_of(fields, **options):
    return msgspec.defstruct("Made", sorted(optional(fields), key=len), **options)


def outcome(convert, *arguments):
    """Return the created object, or the texts of the errors."""
    try:
        return convert(*arguments)
    except pydantic.ValidationError as error:
        return [one["msg"] for one in error.errors()]
    except msgspec.ValidationError as error:
        return [str(error).partition(" - at `")[0]]


def own_outcome(form, data, source):
    try:
        return validate(form, data)
    except InvalidData as error:
        return [one["detail"] for one in error.errors if one["in"] == source]


@given(FIELDS, OBJECTS, st.sampled_from(["ignore", "forbid", "allow"]), st.booleans())
def test_model_is_what_pydantic_says(fields, data, extra, strict):
    model = model_of(fields, extra=extra, strict=strict)
    assert own_outcome(model, data, "body") == outcome(model.model_validate, data)
    assert own_outcome(list[model], [data], "body") == outcome(
        pydantic.TypeAdapter(list[model]).validate_python, [data]
    )


@given(FIELDS, OBJECTS, st.booleans())
def test_struct_is_what_msgspec_says_of_the_same_json(fields, data, forbid):
    struct = struct_of(fields, forbid_unknown_fields=forbid)
    text = json.dumps(data).encode()
    assert own_outcome(struct, data, "body") == outcome(lambda: msgspec.json.decode(text, type=struct))


@given(FIELDS, OBJECTS)
def test_dataclass_is_what_msgspec_says_of_the_same_json(fields, data):
    made = dataclasses.make_dataclass("Made", sorted(optional(fields), key=len))
    text = json.dumps(data).encode()
    assert own_outcome(made, data, "body") == outcome(lambda: msgspec.json.decode(text, type=made))


PAIRS = st.lists(st.tuples(NAMES | st.just("more"), TEXTS))


def as_told(pairs, fields):
    """A query as a dict: a list if the type has one there, else the first value."""
    data: dict[str, Any] = {}
    for name, text in pairs:
        if fields.get(name) in LISTS:
            data.setdefault(name, []).append(text)
        else:
            data.setdefault(name, text)
    return data


@given(TEXT_FIELDS, PAIRS, st.sampled_from(["ignore", "forbid", "allow"]), st.booleans())
def test_query_is_what_pydantic_says(fields, pairs, extra, strict):
    model = model_of(fields, extra=extra, strict=strict)
    expected = outcome(lambda data: model.model_validate(data, strict=False), as_told(pairs, fields))
    assert own_outcome(model, MultiDict(pairs), "query") == expected


@given(TEXT_FIELDS, PAIRS, st.booleans())
def test_query_is_what_msgspec_says(fields, pairs, forbid):
    struct = struct_of(fields, forbid_unknown_fields=forbid)
    expected = outcome(lambda data: msgspec.convert(data, struct, strict=False), as_told(pairs, fields))
    assert own_outcome(struct, MultiDict(pairs), "query") == expected


def leads(pointer, data):
    """Whether a pointer leads to a value, or to a name that an object does not have."""
    steps = [unquote(step).replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    for number, step in enumerate(steps):
        if isinstance(data, list) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        elif isinstance(data, dict) and step in data:
            data = data[step]
        else:
            return isinstance(data, dict) and number == len(steps) - 1
    return True


def misleading(form, data):
    """The errors whose pointers lead nowhere."""
    try:
        validate(form, data)
    except InvalidData as error:
        return [one for one in error.errors if not leads(one["pointer"], data)]
    return []


ODD_NAMES = st.sampled_from(["a", "a.b", "page[size]", "tags[]", "a/b", "~", ".", "[0]", "é", "a.b[0].c"])


@given(
    st.dictionaries(ODD_NAMES, st.sampled_from([int, list[int], dict[str, list[int]], list[InnerStruct]]), min_size=1),
    st.dictionaries(ODD_NAMES, VALUES | st.just([{"a": 1, "b": ["x"]}])),
)
def test_pointer_of_msgspec_leads_into_the_data(fields, data):
    names = {f"field{number}": name for number, name in enumerate(fields)}
    struct = msgspec.defstruct(
        "Made", [(name, fields[sent], msgspec.field(default=None)) for name, sent in names.items()], rename=names
    )
    assert misleading(struct, data) == []


@given(
    st.dictionaries(
        NAMES, st.sampled_from([int | Inner, list[Inner | int], dict[int, Inner], set[int] | Inner]), min_size=1
    ),
    OBJECTS | st.dictionaries(NAMES, st.just({"a": "x"}) | st.just([{}, {"a": 1, "b": [1, "x"]}])),
)
def test_pointer_of_pydantic_leads_into_the_data(fields, data):
    assert misleading(model_of(fields), data) == []
