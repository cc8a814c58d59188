"""Whole documents, as a validator of OpenAPI reads them, and the handle that serves them."""

from __future__ import annotations

import subprocess
import sys
import time

import msgspec
import pydantic
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from microfn import HostSwitch, Router
from microfn.openapi import document, openapi

from .notes import app as notes


def handle(request, params):
    """Do something."""
    return ""


def made(app):
    """The document of an application, which has to be valid."""
    result = document(app, title="Käse", version="1")
    assert list(OpenAPIV31SpecValidator(result).iter_errors()) == []
    return result


def operations(result):
    return {(path, method): one for path, item in result["paths"].items() for method, one in item.items()}


def test_the_example_is_valid_and_has_all_that_is_registered():
    result = made(notes)
    assert {key: value.get("operationId") for key, value in operations(result).items()} == {
        ("/k%C3%A4se/notes", "get"): "notes",
        ("/k%C3%A4se/notes", "post"): "create",
        ("/k%C3%A4se/notes/{id}", "get"): "note",
        ("/k%C3%A4se/notes/{id}", "delete"): None,
        ("/items/{item}/tag", "put"): None,
        ("/items/on/{day}", "get"): None,
    }
    assert result["tags"] == [{"name": "käse"}, {"name": "items"}]
    assert set(result["components"]["schemas"]) == {
        "Found",
        "InvalidData",
        "NewNote",
        "Note",
        "Problem",
        "Tag",
    }


def test_an_application_without_routes_is_valid():
    assert made(Router()) == {"openapi": "3.1.0", "info": {"title": "Käse", "version": "1"}, "paths": {}}


def test_a_validator_finds_a_document_that_is_wrong():
    app = Router()
    app.get("/:id")(handle)
    result = made(app)
    result["paths"]["/{id}"]["get"]["parameters"].clear()
    assert list(OpenAPIV31SpecValidator(result).iter_errors()) != []


def test_only_methods_of_openapi_and_registered_ones_are_told():
    app = Router()
    app.route("/", methods=["GET", "QUERY", "CONNECT"])(handle)
    app.route("/explicit", methods=["HEAD", "OPTIONS", "TRACE"])(handle)
    app.route("/dav", methods=["PROPFIND"])(handle)
    assert list(operations(made(app))) == [
        ("/", "get"),
        ("/explicit", "head"),
        ("/explicit", "options"),
        ("/explicit", "trace"),
    ]


def test_no_two_operations_have_one_id():
    users, app = Router(), Router()
    users.route("/:id", methods=["GET", "PUT"], name="user")(handle)
    app.include("/v1", users)
    app.include("/v2", users)
    app.get("/taken", name="user_get")(handle)
    app.get("/größe", name="größe")(handle)
    ids = [one["operationId"] for one in operations(made(app)).values()]
    assert ids == ["user", "user_put", "user_get_2", "user_put_2", "user_get", "größe"]


def test_groups_includes_and_mounts_have_prefixes_and_tags():
    inner, users, app = Router(), Router(), Router()
    users.get("")(handle)
    users.group("/:id").get("/posts")(handle)
    inner.include("/users", users)
    inner.get("/")(handle)
    app.mount("/v1", inner)
    app.get("/plain")(handle)
    assert {path: one.get("tags") for (path, _), one in operations(made(app)).items()} == {
        "/plain": None,
        "/v1/users": ["v1/users"],
        "/v1/users/{id}/posts": ["v1/users/{id}"],
        "/v1/": ["v1"],
    }


def test_only_mounted_routers_are_told_and_no_circle_is_endless():
    app, other = Router(), Router()
    app.mount("/foreign", lambda environ, start_response: [])
    app.mount("/self", app)
    app.mount("/other", other)
    other.mount("/back", app)
    other.get("/x")(handle)
    assert list(operations(made(app))) == [("/other/x", "get")]


def test_the_longest_mount_wins():
    outer, inner, app = Router(), Router(), Router()
    outer.get("/b/x", name="hidden")(handle)
    inner.get("/x", name="seen")(handle)
    app.mount("/a", outer)
    app.mount("/a/b", inner)
    assert operations(made(app))["/a/b/x", "get"]["operationId"] == "seen"


def test_an_overlap_is_two_paths():
    app = Router(overlap=True)
    for pattern in "/a/:x", "/a/*x", "/a/b":
        app.get(pattern)(handle)
    app.delete("/a/:other")(handle)
    assert list(operations(made(app))) == [
        ("/a/{x}", "get"),
        ("/a/{x}", "delete"),
        ("/a/{x_}", "get"),
        ("/a/b", "get"),
    ]


class Node(pydantic.BaseModel):
    children: list[Node] = []


class Tree(msgspec.Struct):
    left: Tree | None = None


def test_recursive_types_of_both_libraries_are_valid():
    app = Router()
    app.post("/a", valid=Node, responses={200: list[Node]})(handle)
    app.post("/b", valid=Tree, query=Tree)(handle)
    assert {"Node", "Tree"} <= set(made(app)["components"]["schemas"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: document(7, title="x", version="1"), "app must be a Router, got 7"),
        (lambda: document(HostSwitch({"x": Router()}), title="x", version="1"), "app must be a Router, got <microfn"),
        (lambda: document(Router().group("/x"), title="x", version="1"), "app must be a Router, got <Group /x>"),
        (lambda: document(Router(), title=None, version="1"), "title must be a str, got None"),
        (lambda: openapi(Router(), title="x", version=1.0), "version must be a str, got 1.0"),
    ],
)
def test_arguments_of_other_types_are_refused(given, message):
    with pytest.raises(TypeError, match=message):
        given()


USES_NONE = """
import sys
from dataclasses import dataclass
from microfn import Router

@dataclass
class Own:
    name: str

app = Router()
app.get("/", responses={200: Own, 404: "No."})(lambda request, params: "")
app.test_client().get("/")
print([name for name in sys.modules if name.startswith(("microfn.openapi", "msgspec", "pydantic", "yaml"))])
"""


def test_a_program_that_makes_no_document_imports_nothing_of_it():
    done = subprocess.run([sys.executable, "-c", USES_NONE], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_ten_thousand_routes_take_seconds():
    """Each has a type of its own name and another of the same name."""
    app = Router()
    for number in range(10_000):
        name = f"Type{number}" if number % 2 else "Type"
        valid = msgspec.defstruct(name, [(f"field{number}", int)])
        app.handle("POST", f"/{number}/:id", handle, convert={"id": int}, valid=valid)
    begun = time.process_time()
    result = document(app, title="x", version="1")
    assert time.process_time() - begun < 30
    assert len(result["components"]["schemas"]) == 10_002


class TestServed:
    def app(self):
        app = Router()
        app.get("/openapi.json")(openapi(app, title="Käse", version="1"))
        app.get("/x", name="x")(handle)
        return app

    def test_it_is_json_without_its_own_route(self):
        app = self.app()
        answer = app.test_client().get("/openapi.json")
        assert answer.content_type == "application/json"
        assert answer.json == made(app)
        assert list(answer.json["paths"]) == ["/x"]
        assert "Käse".encode() in answer.data

    def test_it_is_kept_until_routes_change(self, monkeypatch):
        calls = []
        monkeypatch.setattr(
            "microfn.openapi.documents.document",
            lambda *args, **kwargs: calls.append(args) or document(*args, **kwargs),
        )
        app, inner = self.app(), Router()
        app.mount("/inner", inner)
        app.mount("/self", app)
        client = app.test_client()
        assert [list(client.get("/openapi.json").json["paths"]) for _ in range(3)] == [["/x"]] * 3
        assert len(calls) == 1
        app.get("/y")(handle)
        assert list(client.get("/openapi.json").json["paths"]) == ["/x", "/y"]
        inner.get("/z")(handle)
        assert list(client.get("/openapi.json").json["paths"]) == ["/x", "/y", "/inner/z"]
        assert len(calls) == 3

    def test_its_server_is_the_script_name(self):
        client = self.app().test_client()
        assert client.get("/openapi.json", base_url="http://x/ä b").json["servers"] == [{"url": "/%C3%A4%20b"}]
        assert "servers" not in client.get("/openapi.json").json

    def test_a_type_without_a_schema_is_a_500_that_says_why(self, caplog):
        app = self.app()
        app.get("/wrong", responses={200: HostSwitch})(handle)
        assert app.test_client().get("/openapi.json").status_code == 500
        assert "must be a type that msgspec or pydantic supports, got HostSwitch" in caplog.text
