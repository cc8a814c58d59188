"""One route as an operation: its body, and all that it responds with."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest
from werkzeug.exceptions import HTTPException

import microfn
from microfn import InvalidData, Router
from microfn.openapi.entries import Entry, Part, entries
from microfn.openapi.operations import Operations


@dataclass
class Note:
    text: str


class Struct(msgspec.Struct):
    text: str


def handle(request, params): ...


def reading(request, params):
    """Read the checked data of the route."""
    return str([getattr(request, name) for name in request.route.checks])


def entry_of(app, number=-1):
    route = app.routes[number]
    return Entry("", (Part(app._registry.current, route.scope),), route, "", route.parsed.names)


def operation(*, app=None, pattern="/", method="POST", of=handle, **options):
    app = app or Router()
    app.handle(method, pattern, of, **options)
    return Operations().make(entry_of(app))


def statuses(**options):
    return list(operation(**options)["responses"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["200"]),
        ({"pattern": "/:id"}, ["200"]),
        ({"pattern": "/:id", "convert": {"id": int}}, ["200", "404"]),
        ({"query": Note}, ["200", "414", "422"]),
        ({"query": lambda args: args}, ["200", "414", "422"]),
        ({"valid": Note}, ["200", "400", "413", "415", "422"]),
        ({"responses": {201: Note}}, ["201"]),
        ({"responses": {303: "See the note."}}, ["303"]),
        ({"responses": {409: "It is taken."}}, ["200", "409"]),
        ({"responses": {422: "No."}, "valid": Note}, ["200", "400", "413", "415", "422"]),
        ({"responses": {}}, ["200"]),
    ],
)
def test_all_statuses_of_a_route_are_told_in_order(options, expected):
    assert statuses(**options) == expected


@pytest.mark.parametrize(
    ("options", "request_of", "status"),
    [
        ({"query": Note}, {"query_string": "text=" + "x" * 70_000}, 414),
        ({"query": Note}, {}, 422),
        ({"valid": Note}, {"data": b"{", "content_type": "application/json"}, 400),
        ({"valid": Note, "max_content_length": 1}, {"json": {}}, 413),
        ({"valid": Note}, {"data": b"{}", "content_type": "text/plain"}, 415),
        ({"valid": Note}, {"json": {}}, 422),
        ({"pattern": "/:id", "convert": {"id": int}}, {"path": "/x"}, 404),
    ],
)
def test_a_status_that_is_told_is_one_that_is_sent(options, request_of, status):
    app = Router()
    made = operation(app=app, of=reading, **options)
    sent = app.test_client().open(method="POST", **{"path": "/", **request_of})
    assert sent.status_code == status
    assert str(status) in made["responses"]


def test_files_may_be_missing():
    app = Router()
    app.serve_files("/source/*path", microfn.__path__[0])
    made = Operations().make(entry_of(app))
    assert list(made["responses"]) == ["200", "404"]


def test_the_body_is_required_and_has_the_schema_of_its_type():
    made = operation(valid=list[int])
    schema = {"type": "array", "items": {"type": "integer"}}
    assert made["requestBody"] == {"required": True, "content": {"application/json": {"schema": schema}}}
    assert operation(valid=lambda data: data)["requestBody"]["content"] == {"application/json": {"schema": {}}}
    assert "requestBody" not in operation()


def test_params_come_before_the_query():
    made = operation(pattern="/:id", query=Note)
    assert [(one["name"], one["in"]) for one in made["parameters"]] == [("id", "path"), ("text", "query")]
    assert "parameters" not in operation(query=lambda args: args)


def test_a_declared_type_is_json():
    response = operation(responses={201: Note})["responses"]["201"]
    assert response["description"] == "Created."
    assert response["content"] == {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}
    assert operation(responses={204: Note})["responses"]["204"] == {"description": "No Content."}


def test_a_declared_text_is_the_description():
    responses = operation(responses={204: "Gone, 無.", 409: "It is taken.", 422: "No."}, query=Note)["responses"]
    assert responses["204"] == {"description": "Gone, 無."}
    assert responses["409"]["description"] == "It is taken."
    assert responses["409"]["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem")
    assert responses["422"]["content"]["application/problem+json"]["schema"]["$ref"].endswith("/InvalidData")
    plain = operation(responses={422: "No."})["responses"]["422"]
    assert plain["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem")


@pytest.mark.parametrize("key", [422, InvalidData, HTTPException])
def test_the_content_of_an_error_handler_is_not_known(key):
    app = Router()
    app.error(key)(lambda request, error: {"house": "format"})
    assert operation(app=app, query=Note)["responses"]["422"] == {"description": "Unprocessable Entity."}
    declared = operation(app=app, pattern="/x", responses={422: "No."}, query=Note)["responses"]["422"]
    assert declared == {"description": "No."}


def test_an_error_handler_counts_for_its_own_scope_and_status():
    app = Router()
    app.group("/other").error(422)(handle)
    app.error(404)(handle)
    app.error(Exception)(handle)
    assert "$ref" in operation(app=app, query=Note)["responses"]["422"]
    group = app.group("/inner")
    group.error(499)(handle)
    group.post("/x", responses={499: "Odd.", 498: "Odd."})(handle)
    responses = Operations().make(entry_of(app))["responses"]
    assert responses["499"] == {"description": "Odd."}
    assert "content" in responses["498"]


@dataclass
class HouseError:
    error: str


HOUSE = {"application/json": {"schema": {"$ref": "#/components/schemas/HouseError"}}}


def test_responses_of_a_group_are_those_of_its_routes():
    app = Router(responses={422: HouseError})
    group = app.group("/in", responses={401: "Log in.", 200: Note})
    group.post("/x", query=Note, responses={401: HouseError})(handle)
    group.post("/y")(handle)
    app.post("/z", query=Note)(handle)
    first, second, third = (Operations().make(entry_of(app, number))["responses"] for number in range(3))
    assert list(first) == ["200", "401", "414", "422"]
    assert first["401"]["content"] == first["422"]["content"] == HOUSE
    assert list(second) == ["200", "401", "422"]
    assert second["401"]["description"] == "Log in."
    assert "application/problem+json" in second["401"]["content"]
    assert list(third) == ["200", "414", "422"]
    assert third["422"] == {"description": "Unprocessable Entity.", "content": HOUSE}


def test_responses_around_a_mount_are_those_of_its_middleware():
    """Error handlers don't see the responses of a mounted Router, so its own 422 stays."""
    inner, app = Router(), Router(responses={401: "Log in.", 422: HouseError, 201: Note})
    inner.post("/x", query=Note)(handle)
    app.error(401)(lambda request, error: {"house": "format"})
    app.mount("/in", inner)
    (entry,) = entries(app, leave_out=str)
    responses = Operations().make(entry)["responses"]
    assert list(responses) == ["200", "201", "401", "414", "422"]
    assert responses["401"] == {"description": "Log in."}
    assert responses["422"] == {"$ref": "#/components/responses/UnprocessableEntity"}


def test_an_inherited_type_that_no_library_knows_names_its_route():
    app = Router(responses={200: Operations})
    app.get("/x")(handle)
    with pytest.raises(TypeError, match=r"^responses of GET /x \(.*test_operations.py:\d+\) must be a type"):
        Operations().make(entry_of(app))


def test_an_annotated_error_handler_says_the_content():
    def house(request, error) -> HouseError: ...

    def text(request, error) -> str: ...

    app = Router()
    app.error(HTTPException)(house)
    group = app.group("/in")
    group.error(409)(text)
    group.post("/x", query=Note, responses={409: "Taken.", 410: "Gone.", 303: "See it."})(handle)
    responses = Operations().make(entry_of(app))["responses"]
    assert responses["422"] == {"description": "Unprocessable Entity.", "content": HOUSE}
    assert responses["410"] == {"description": "Gone.", "content": HOUSE}
    assert responses["409"] == {"description": "Taken.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    assert responses["303"] == {"description": "See it."}


def test_a_type_of_responses_comes_before_an_error_handler():
    def house(request, error) -> dict[str, str]: ...

    app = Router(responses={422: HouseError})
    app.error(422)(house)
    assert operation(app=app, query=Note)["responses"]["422"]["content"] == HOUSE


def annotated(hint):
    def handle(request, params): ...

    handle.__annotations__["return"] = hint
    return handle


@pytest.mark.parametrize(
    ("hint", "content"),
    [
        (Note, {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}),
        (
            list[Note],
            {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Note"}}}},
        ),
        (str, {"text/plain": {"schema": {"type": "string"}}}),
        (list[Operations], {"application/json": {"schema": {}}}),
    ],
)
def test_an_annotation_is_the_content_of_a_200(hint, content):
    assert operation(of=annotated(hint))["responses"]["200"] == {"description": "OK.", "content": content}


def test_a_declared_success_comes_before_the_annotation():
    assert statuses(of=annotated(Note), responses={202: "Later."}) == ["202"]


def test_without_a_library_only_declared_types_are_refused(monkeypatch):
    monkeypatch.setattr("microfn.http.checks._import_library", lambda name: None)
    made = operation(of=annotated(Note))
    assert made["responses"]["200"]["content"] == {"application/json": {"schema": {}}}
    with pytest.raises(ModuleNotFoundError, match=r"responses of POST / .*=Note needs msgspec or pydantic"):
        operation(responses={200: Note})


def test_a_type_that_no_library_knows_is_refused_with_its_route():
    with pytest.raises(TypeError, match=r"^responses of POST /x \(.*test_operations.py:\d+\) must be a type"):
        operation(pattern="/x", responses={200: Operations})


def test_both_libraries_name_their_classes_in_one_document():
    made = Operations()
    app = Router()
    app.post("/a", valid=Struct)(handle)
    app.post("/b", valid=Note, responses={200: Note})(handle)
    for number in range(2):
        made.make(entry_of(app, number))
    assert {"Struct", "Note"} <= set(made.schemas.components)
