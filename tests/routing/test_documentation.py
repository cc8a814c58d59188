"""Facts for documents: their checks, and a part of an application within another."""

from __future__ import annotations

import pytest

from microfn import Router
from microfn.routing.documentation import UNDOCUMENTED, documentation_of


def test_options_that_say_nothing_are_no_facts():
    assert documentation_of() is UNDOCUMENTED
    assert documentation_of(responses=None, tags=None, security=None, deprecated=None) is UNDOCUMENTED


def test_empty_options_are_facts():
    facts = documentation_of(responses={}, tags=[], security=[], deprecated=False)
    assert facts == ({}, (), (), False)


def test_facts_are_copies_of_what_was_given():
    responses, tags, scopes = {404: "No."}, ["a"], ["read"]
    facts = documentation_of(responses=responses, tags=tags, security=[{"oauth": scopes}])
    responses[500] = "Broken."
    tags.append("b")
    scopes.append("write")
    assert facts[:3] == ({404: "No."}, ("a",), ({"oauth": ["read"]},))
    with pytest.raises(TypeError, match="does not support item assignment"):
        facts.responses[500] = "Broken."


def test_lists_may_be_any_iterable_and_tags_are_there_once():
    facts = documentation_of(tags=iter(["a", "ä", "a"]), security=("token", {"x": ("r",)}, {}))
    assert facts.tags == ("a", "ä")
    assert facts.security == ({"token": []}, {"x": ["r"]}, {})


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        ({}, {}, UNDOCUMENTED),
        ({}, {"tags": ["a"]}, ({}, ("a",), None, None)),
        ({"tags": ["b"]}, {"tags": ["a"]}, ({}, ("b",), None, None)),
        ({"tags": []}, {"tags": ["a"]}, ({}, (), None, None)),
        ({"security": []}, {"security": ["a"]}, ({}, None, (), None)),
        ({"deprecated": False}, {"deprecated": True}, ({}, None, None, False)),
        ({"responses": {404: "b"}}, {"responses": {404: "a", 401: "a"}}, ({404: "b", 401: "a"}, None, None, None)),
        (
            {"responses": {404: "b"}, "deprecated": True},
            {"tags": ["a"], "security": ["x"]},
            ({404: "b"}, ("a",), ({"x": []},), True),
        ),
    ],
)
def test_inner_facts_come_before_those_around_them(inner, outer, expected):
    assert documentation_of(**inner).within(documentation_of(**outer)) == expected


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"responses": [404]}, TypeError, r"responses must be a mapping of statuses to types or texts, got \[404\]"),
        ({"responses": {"404": "No."}}, TypeError, "responses must have statuses that are ints, got '404'"),
        ({"responses": {True: "No."}}, TypeError, "responses must have statuses that are ints, got True"),
        ({"responses": {199: "No."}}, ValueError, "responses must have statuses from 200 to 599, got 199"),
        ({"responses": {600: "No."}}, ValueError, "responses must have statuses from 200 to 599, got 600"),
        ({"responses": {404: 7}}, TypeError, "responses must be types or texts, got 7 for 404"),
        ({"responses": {404: None}}, TypeError, "responses must be types or texts, got None for 404"),
        ({"tags": "users"}, TypeError, r"tags must be a list of texts, got 'users'; did you mean \['users'\]\?"),
        ({"tags": b"users"}, TypeError, "tags must be a list of texts, got b'users'$"),
        ({"tags": 7}, TypeError, "tags must be a list of texts, got 7$"),
        ({"tags": ["a", 7]}, TypeError, "tags must be texts, got 7"),
        (
            {"security": "key"},
            TypeError,
            r"security must be a list of names of schemes, got 'key'; did you mean \['key",
        ),
        ({"security": {"a": []}}, TypeError, r"security must be a list .*; did you mean \[\{'a': \[\]\}\]\?"),
        ({"security": [7]}, TypeError, "security must have names of schemes, or dicts of names to scopes, got 7"),
        ({"security": [{7: []}]}, TypeError, "security must have names that are texts, got 7"),
        (
            {"security": [{"a": "read"}]},
            TypeError,
            r"the scopes of 'a' in security must be a list of texts, got 'read'",
        ),
        ({"security": [{"a": [7]}]}, TypeError, r"the scopes of 'a' in security must be texts, got \[7\]"),
        ({"deprecated": 1}, TypeError, "deprecated must be True or False, got 1"),
    ],
)
def test_an_option_that_says_no_fact_is_refused_everywhere(options, error, message):
    app, included = Router(), Router()
    for register in (
        lambda: Router(**options),
        lambda: app.group("/x", **options),
        lambda: app.include("/x", included, **options),
        lambda: app.handle("GET", "/x", lambda request, params: "", **options),
    ):
        with pytest.raises(error, match=message):
            register()
    assert app.routes == ()
    app.include("/x", included)


def test_route_has_its_own_responses_and_not_those_around_it():
    app = Router(responses={500: "The server failed."})
    app.get("/x", responses={404: "There is no x."})(lambda request, params: "")
    assert app.routes[0].responses == {404: "There is no x."}
