"""The errors of registration: classes, attributes, and messages with a way out."""

from __future__ import annotations

import pickle

import pytest

from microfn.errors import (
    InvalidHandle,
    InvalidMethod,
    InvalidPattern,
    InvalidUrl,
    RouteConflict,
    RouteError,
    name_of,
)


def handle(request, params):
    return ""


ERRORS = [
    (InvalidPattern("/:", "no name"), RouteError, "invalid pattern '/:': no name"),
    (InvalidMethod("get", "lower case"), RouteError, "invalid method 'get': lower case"),
    (InvalidUrl("user", "no such route"), RouteError, "cannot build a URL for 'user': no such route"),
    (InvalidUrl(handle, "no route"), RouteError, f"cannot build a URL for {__name__}.handle: no route"),
    (InvalidHandle(handle, "async"), TypeError, f"{__name__}.handle cannot be a handle: async"),
    (InvalidHandle(7, "not callable", "a middleware"), TypeError, "7 cannot be a middleware: not callable"),
    (
        RouteConflict("/a", "/b", "same", handle),
        RouteError,
        "/a conflicts with /b; a route can be registered only once",
    ),
]


@pytest.mark.parametrize(("error", "base", "message"), ERRORS)
def test_error_has_its_class_and_message(error, base, message):
    assert isinstance(error, base)
    assert str(error) == message


@pytest.mark.parametrize("error", [error for error, _, _ in ERRORS])
def test_error_keeps_its_attributes_when_pickled(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize("clash", ["names", "place"])
def test_conflict_of_wildcards_names_the_option(clash):
    assert "Router(overlap=True)" in str(RouteConflict("/:a", "/:b/c", clash, handle))


def test_name_of_a_handle_has_its_module():
    assert name_of(handle) == f"{__name__}.handle"
    assert name_of(7) == "7"
