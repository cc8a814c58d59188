"""Texts of docstrings, and types of annotations."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import msgspec
import pydantic
import pytest
from prometheus_client import CollectorRegistry

import microfn
from microfn import Response
from microfn.middleware import Metrics
from microfn.openapi.descriptions import description_of, returned_type


def show(request, params) -> dict[str, int]:
    """Show
    a user.

    Users are public.

    - All of them: 可.
    """


class Shown:
    """A class, for readers of its code."""

    def __call__(self, request, params) -> list[int]:
        """List them."""

    def method(self, request, params):
        """Do it."""


class Silent:
    """A class, for readers of its code."""

    def __call__(self, request, params): ...


def decorated(handle):
    @functools.wraps(handle)
    def called(*args):
        return handle(*args)

    return called


WHOLE = {"summary": "Show a user.", "description": "Users are public.\n\n- All of them: 可."}


@pytest.mark.parametrize(
    ("handle", "expected"),
    [
        (show, WHOLE),
        (functools.partial(functools.partial(show)), WHOLE),
        (decorated(show), WHOLE),
        (Shown(), {"summary": "List them."}),
        (Shown().method, {"summary": "Do it."}),
        (Silent(), {}),
        (lambda request, params: "", {}),
    ],
)
def test_the_docstring_is_summary_and_description(handle, expected):
    assert description_of(handle) == expected


def test_handles_of_microfn_say_nothing_of_their_inside():
    app = microfn.Router()
    app.serve_files("/source/*path", microfn.__path__[0])
    assert description_of(app.routes[0].handle) == {}
    assert description_of(Metrics(registry=CollectorRegistry()).expose) == {}


def test_a_handle_without_a_module_is_described():
    assert description_of({}.get)["summary"].startswith("Return the value for key")


@dataclass
class Plain:
    name: str


class Typed(TypedDict):
    name: str


class Struct(msgspec.Struct):
    name: str


class Model(pydantic.BaseModel):
    name: str


def returning(hint):
    def handle(request, params): ...

    handle.__annotations__ = {"return": hint}
    return handle


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (dict, dict),
        (list[Model], list[Model]),
        (dict[str, Any], dict[str, Any]),
        (Plain, Plain),
        (Typed, Typed),
        (str, str),
        (Plain | Response, Plain),
        (tuple[Plain, int], None),
        (Plain | dict[str, int], None),
        (Annotated[str, "x"], None),
        (Response, None),
        (Struct, None),
        (Model, None),
        (Any, None),
        (bytes, None),
        (None, None),
        ("Nothing", None),
        ("not python", None),
    ],
)
def test_the_annotation_tells_what_is_returned(hint, expected):
    """A Struct or a model is no result that a handle may return."""
    assert returned_type(returning(hint)) == expected


def test_the_annotation_of_any_callable_is_found():
    assert returned_type(Shown()) == list[int]
    assert returned_type(functools.partial(show)) == dict[str, int]
    assert returned_type(lambda request, params: "") is None
