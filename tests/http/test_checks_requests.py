"""`query=` and `valid=` of routes, as `request.query` and `request.valid`."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import msgspec
import pydantic
import pytest
from werkzeug.datastructures import MultiDict

from microfn import InvalidData, Router, json_response, validate

from ..wsgi import call


@dataclasses.dataclass
class Paging:
    page: int = 1
    tags: list[str] = dataclasses.field(default_factory=list)


class Note(msgspec.Struct):
    text: str


class Model(pydantic.BaseModel):
    page: int = 1
    tags: list[str] = []


def show(request, params):
    return {"page": request.query.page, "tags": request.query.tags}


def get(app, query="", method="GET", path="/", **environ):
    return call(app, method, path=path, QUERY_STRING=query, **environ)


@pytest.mark.parametrize("form", [Paging, Model, Paging | None])
def test_query_is_an_object_of_the_type(form):
    app = Router()
    app.get("/", query=form)(show)
    assert get(app).json == {"page": 1, "tags": []}
    assert get(app, "page=2&tags=a&tags=b%20c&more=x").json == {"page": 2, "tags": ["a", "b c"]}
    assert get(app, "tags=a").json == {"page": 1, "tags": ["a"]}


def test_wrong_query_is_a_problem_with_the_place():
    app = Router()
    app.get("/", query=Paging)(show)
    got = get(app, "page=two&tags=a")
    assert (got.code, got.headers["content-type"]) == (422, "application/problem+json")
    assert got.json == {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "#/page: Expected `int`, got `str`",
        "errors": [{"detail": "Expected `int`, got `str`", "in": "query", "pointer": "#/page"}],
    }


@pytest.mark.parametrize(
    "query", ["page=", "page=1.5", "page=%20", "page=%D9%A3", "page=1e400", "page=%FF", "page=0x1"]
)
def test_number_that_is_none_is_refused(query):
    app = Router()
    app.get("/", query=Paging)(show)
    assert get(app, query).json["errors"][0]["pointer"] == "#/page"


def test_callable_gets_the_args():
    app, seen = Router(), []
    app.get("/", query=lambda args: seen.append(args) or args.getlist("a"))(lambda request, params: request.query)
    assert get(app, "a=1&a=2").json == ["1", "2"]
    assert isinstance(seen[0], MultiDict)


def test_error_of_a_callable_says_query():
    def positive(args):
        if args.get("n", type=int) is None:
            raise InvalidData("n must be a number", path="n")
        return int(args["n"])

    app = Router()
    app.get("/", query=positive)(lambda request, params: str(request.query))
    assert get(app, "n=7").text == "7"
    assert get(app, "n=x").json["errors"] == [{"detail": "n must be a number", "in": "query", "pointer": "#/n"}]


def test_missing_key_that_a_callable_asks_for_is_named():
    app = Router()
    app.get("/", query=lambda args: args["q"])(lambda request, params: request.query)
    got = get(app)
    assert (got.code, got.json["detail"]) == (400, "The request has no 'q'.")


@pytest.mark.parametrize("option", ["query", "valid"])
def test_data_is_checked_on_first_use_and_once(option):
    app, calls = Router(), []

    def check(data):
        calls.append(data)
        return "checked"

    app.post("/unread", **{option: check})(lambda request, params: "")
    app.post("/read", **{option: check})(lambda request, params: getattr(request, option) + getattr(request, option))
    assert call(app, "POST", path="/unread", body=b"{", CONTENT_TYPE="application/json").code == 200
    assert calls == []
    assert call(app, "POST", path="/read", body=b"{}", CONTENT_TYPE="application/json").text == "checkedchecked"
    assert len(calls) == 1


def test_refusal_can_be_caught_where_it_is_raised():
    app = Router()

    def errors_of(read):
        try:
            return [read()]
        except InvalidData as error:
            return error.errors

    @app.post("/", query=Paging, valid=Note)
    def create(request, params):
        return errors_of(lambda: request.query) + errors_of(lambda: request.valid)

    got = call(app, "POST", QUERY_STRING="page=x", body=b'{"text": 1}', CONTENT_TYPE="application/json")
    assert [(error["in"], error["pointer"]) for error in got.json] == [("query", "#/page"), ("body", "#/text")]
    assert got.code == 200


def test_middleware_may_read_first():
    app, seen = Router(), []

    @app.use
    def look(handle):
        def looked(request, params):
            seen.append(request.query.page)
            return handle(request, params)

        return looked

    app.get("/", query=Paging)(show)
    assert get(app, "page=3").json["page"] == 3
    assert seen == [3]
    assert get(app, "page=x").code == 422


@pytest.mark.parametrize("name", ["query", "valid"])
def test_route_without_the_option_has_no_object(name, caplog):
    app = Router()
    app.post("/")(lambda request, params: getattr(request, name))
    app.error(404)(lambda request, error: getattr(request, name))
    assert call(app, "POST", body=b"{}", CONTENT_TYPE="application/json").code == 500
    assert f"request.{name} needs a route that is registered with {name}=" in caplog.text
    assert get(app, path="/nothing").code == 500


def test_head_is_checked_like_get():
    app = Router()
    app.get("/", query=Paging)(show)
    assert (get(app, "page=2", "HEAD").code, get(app, "page=2", "HEAD").body) == (200, b"")
    refused = get(app, "page=x", "HEAD")
    assert (refused.code, refused.body, refused.headers["content-type"]) == (422, b"", "application/problem+json")


def test_options_and_other_methods_check_nothing():
    app = Router()
    app.get("/", query=lambda args: pytest.fail("it is called"))(show)
    got = get(app, "page=x", "OPTIONS")
    assert (got.code, got.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert get(app, "page=x", "POST").code == 405
    assert get(app, "page=x", path="//").code == 301


def test_own_options_route_has_a_query():
    app = Router()
    app.options("/", query=Paging)(show)
    assert get(app, "page=2", "OPTIONS").json["page"] == 2


def test_routes_of_groups_and_included_routers_keep_it():
    users, app = Router(), Router()
    users.get("", query=Paging)(show)
    users.group("/in").get("/group", query=Paging, valid=Note)(show)
    app.include("/users", users)
    app.include("/people/:tenant", users)
    outer = Router()
    outer.mount("/app", app)
    for path in "/users", "/users/in/group", "/people/7", "/people/7/in/group":
        assert get(app, "page=2", path=path).json["page"] == 2
        assert get(app, "page=x", path=path).code == 422
        assert get(outer, "page=2", path="/app" + path).json["page"] == 2
    assert [(route.query, route.valid) for route in app.routes] == [(Paging, None), (Paging, Note)] * 2


@pytest.mark.parametrize("register", ["route", "handle"])
def test_all_ways_of_registration_take_it(register):
    app = Router()
    if register == "route":
        app.route("/", methods=["GET", "POST"], query=Paging)(show)
    else:
        app.handle("GET", "/", show, query=Paging, valid=None)
        app.handle("POST", "/", show, query=Paging)
    for method in "GET", "POST":
        assert get(app, "page=2", method).json["page"] == 2
        assert get(app, "page=x", method).code == 422


def test_house_format_of_errors():
    app = Router()

    @app.error(InvalidData)
    def house(request, error):
        return json_response({"fields": [one["pointer"] for one in error.errors]}, 400)

    app.get("/", query=Paging)(show)
    app.post("/")(lambda request, params: validate(Note, request.json).text)
    assert (get(app, "page=x").code, get(app, "page=x").json) == (400, {"fields": ["#/page"]})
    got = call(app, "POST", body=b'{"text": 1}', CONTENT_TYPE="application/json")
    assert (got.code, got.json) == (400, {"fields": ["#/text"]})


def test_query_that_is_too_long_is_refused_before():
    app = Router()
    app.get("/", query=Paging)(show)
    assert get(app, "a=" + "x" * 20_000).code == 414


@pytest.mark.parametrize("use", ["query", "validate"])
def test_mistake_in_a_check_is_logged(use, caplog):
    def broken(data):
        return data.nothing

    app = Router()
    app.get("/", query=broken)(
        lambda request, params: request.query if use == "query" else validate(broken, request.args)
    )
    got = get(app, "a=1")
    assert (got.code, got.json["detail"]) == (422, "The value is not as expected.")
    assert "GET / [/] raised AttributeError" in caplog.text
    assert len(caplog.records) == 1
    with app.test_client(raise_exceptions=True) as client, pytest.raises(AttributeError):
        client.get("/")


def test_refusal_of_a_query_is_not_logged(caplog):
    app = Router()
    app.get("/", query=Paging)(show)
    assert get(app, "page=x").code == 422
    assert caplog.records == []


def test_copy_of_a_request_has_its_query():
    app = Router()

    def copied(request: Any, params: Any) -> Any:
        before = copy.copy(request).query.page
        pages = [request.query.page, pickle.loads(pickle.dumps(request)).query.page]
        return [before, *pages, copy.copy(request).query.page]

    app.get("/", query=Paging)(copied)
    assert get(app, "page=2").json == [2, 2, 2, 2]


class ModelChange(pydantic.BaseModel):
    title: str = ""
    note: str | None = None


class StructChange(msgspec.Struct):
    title: str | msgspec.UnsetType = msgspec.UNSET
    note: str | msgspec.UnsetType | None = msgspec.UNSET


def sent_of(change):
    if isinstance(change, pydantic.BaseModel):
        return change.model_dump(exclude_unset=True)
    return {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}


@pytest.mark.parametrize("form", [ModelChange, StructChange])
@pytest.mark.parametrize(
    ("sent", "changes"),
    [
        (b"{}", {}),
        (b'{"title": ""}', {"title": ""}),
        (b'{"note": null}', {"note": None}),
        (b'{"title": "\xc3\xa4", "note": "x"}', {"title": "ä", "note": "x"}),
        (b'{"title": null}', None),
        (b'{"title": 7}', None),
        (b"null", None),
    ],
)
def test_patch_tells_null_from_a_field_that_is_absent(form, sent, changes):
    app = Router()
    app.patch("/", valid=form)(lambda request, params: sent_of(request.valid))
    got = app.test_client().patch("/", data=sent, content_type="application/json")
    assert (got.status_code, got.json if got.status_code == 200 else None) == (
        200 if changes is not None else 422,
        changes,
    )


def test_only_validate_makes_a_422_of_data_that_a_handle_checks(caplog):
    app = Router()
    app.post("/checked")(lambda request, params: validate(Model, request.json).model_dump())
    app.post("/own")(lambda request, params: Model.model_validate(request.json).model_dump())
    client = app.test_client()
    assert [client.post(path, json={"page": 2}).status_code for path in ("/checked", "/own")] == [200, 200]
    got = client.post("/checked", json={"page": "two"})
    assert (got.status_code, got.json["errors"][0]["pointer"]) == (422, "#/page")
    assert "ValidationError" not in caplog.text
    assert client.post("/own", json={"page": "two"}).status_code == 500
    assert "ValidationError" in caplog.text
