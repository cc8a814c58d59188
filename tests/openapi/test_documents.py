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
from microfn.openapi.documents import served_documents

from .notes import app as notes


def handle(request, params):
    """Do something."""
    return ""


def made(app, **options):
    """The document of an application, which has to be valid."""
    result = document(app, title="Käse", version="1", **options)
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


TOKEN = {"token": {"type": "http", "scheme": "bearer"}}


def test_schemes_and_the_security_of_the_router_hold_for_all():
    app = Router(security=["token"])
    app.get("/guarded", security=["token"])(handle)
    app.get("/public", security=[])(handle)
    app.get("/either", security=["token", {}])(handle)
    app.mount("/in", app)
    result = made(app, security_schemes=TOKEN)
    assert result["components"] == {"securitySchemes": TOKEN}
    assert result["security"] == [{"token": []}]
    assert {path: one.get("security") for (path, _), one in operations(result).items()} == {
        "/guarded": None,
        "/public": [],
        "/either": [{"token": []}, {}],
    }


def test_security_of_a_group_is_that_of_its_operations():
    app = Router()
    app.group("/a", security=["token"]).get("/x")(handle)
    app.get("/b")(handle)
    result = made(app, security_schemes=TOKEN)
    assert "security" not in result
    assert [one.get("security") for one in operations(result).values()] == [[{"token": []}], None]


@pytest.mark.parametrize(
    ("app", "place"),
    [
        (lambda: Router(security=["tokn"]), "security of the Router"),
        (lambda: guarded("tokn"), r"security of GET /x \(.*test_documents.py:\d+\)"),
    ],
)
def test_a_scheme_that_is_not_there_is_refused(app, place):
    with pytest.raises(ValueError, match=f"^{place} must name security_schemes, got 'tokn'; did you mean 'token'"):
        made(app(), security_schemes=TOKEN)


def guarded(name):
    app = Router()
    app.get("/x", security=[name])(handle)
    return app


def test_deprecated_operations_say_so():
    app = Router()
    old = app.group("/v1", deprecated=True)
    old.get("/x")(handle)
    old.get("/y", deprecated=False)(handle)
    app.get("/z", deprecated=True)(handle)
    assert [one.get("deprecated") for one in operations(made(app)).values()] == [True, None, True]


def test_all_tags_of_operations_are_listed_once():
    app = Router()
    app.get("/x", tags=["b", "a"])(handle)
    app.group("/a").get("/y")(handle)
    app.group("/c", tags=[]).get("/y")(handle)
    result = made(app)
    assert result["tags"] == [{"name": "b"}, {"name": "a"}]
    assert [one.get("tags") for one in operations(result).values()] == [["b", "a"], ["a"], None]


class Node(pydantic.BaseModel):
    children: list[Node] = []


class Tree(msgspec.Struct):
    left: Tree | None = None


class Change(msgspec.Struct):
    title: str | msgspec.UnsetType = msgspec.UNSET
    note: str | msgspec.UnsetType | None = msgspec.UNSET


def test_fields_that_may_be_absent_are_not_required():
    app = Router()
    app.patch("/", valid=Change)(handle)
    schema = made(app)["components"]["schemas"]["Change"]
    assert schema["required"] == []
    assert schema["properties"]["title"] == {"type": "string"}


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
        (lambda: openapi(Router(), title="x", version="1", change={}), r"change must be a function of .*, got \{\}"),
        (lambda: openapi(Router(), title="x", version="1", security_schemes=["a"]), "security_schemes must be a map"),
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

    def test_a_change_sees_the_server_and_is_made_once(self):
        def change(content):
            seen.append(content.get("servers"))
            content["info"]["license"] = {"name": "MIT"}
            return {**content, "externalDocs": {"url": "https://example.com/ä"}}

        seen, app = [], Router()
        app.get("/openapi.json")(openapi(app, title="Käse", version="1", security_schemes=TOKEN, change=change))
        client = app.test_client()
        for _ in range(2):
            content = client.get("/openapi.json", base_url="http://x/api").json
            assert content["info"] == {"title": "Käse", "version": "1", "license": {"name": "MIT"}}
            assert content["externalDocs"] == {"url": "https://example.com/ä"}
            assert content["servers"] == [{"url": "/api"}]
            assert content["components"] == {"securitySchemes": TOKEN}
            assert content["paths"] == {}
        assert seen == [[{"url": "/api"}]]

    @pytest.mark.parametrize("wrong", [None, [], "{}"])
    def test_a_change_that_returns_no_document_is_a_500(self, wrong, caplog):
        app = Router()
        app.get("/openapi.json")(openapi(app, title="Käse", version="1", change=lambda content: wrong))
        assert app.test_client().get("/openapi.json").status_code == 500
        assert f"change must return the document, a dict, got {wrong!r}" in caplog.text

    def test_documents_that_are_served_are_found_by_their_paths(self):
        inner, app = self.app(), Router()
        app.mount("/in", inner)
        app.group("/v1").get("/doc.json")(openapi(app, title="All", version="2"))
        found = served_documents(app)
        assert {path: prefix for path, (prefix, _) in found.items()} == {"/v1/doc.json": "", "/in/openapi.json": "/in"}
        prefix, served = found["/in/openapi.json"]
        client = app.test_client()
        assert served.document(prefix) == client.get("/in/openapi.json").json
        assert served.document("", title="Other")["info"] == {"title": "Other", "version": "1"}
        assert found["/v1/doc.json"][1].document("") == client.get("/v1/doc.json").json

    def test_a_type_without_a_schema_is_a_500_that_says_why(self, caplog):
        app = self.app()
        app.get("/wrong", responses={200: HostSwitch})(handle)
        assert app.test_client().get("/openapi.json").status_code == 500
        assert "must be a type that msgspec or pydantic supports, got HostSwitch" in caplog.text
