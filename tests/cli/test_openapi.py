"""`microfn openapi`: a document, as JSON and YAML."""

from __future__ import annotations

import importlib
import json
import sys

import pytest
import yaml

from .shop import typed


@pytest.mark.usefixtures("here")
def test_the_document_is_json():
    document = json.loads(typed("openapi"))
    assert document["info"] == {"title": "app:app", "version": "0.1.0"}
    assert list(document["paths"]) == ["/", "/users/{id}", "/users/me", "/k%C3%A4se/{rest}"]


@pytest.mark.usefixtures("here")
def test_yaml_is_the_same_document():
    options = ("openapi", "app:create()", "--title", "Käse", "--version", "2")
    text = typed(*options, "--yaml")
    assert yaml.safe_load(text) == json.loads(typed(*options))
    assert text.startswith("openapi: 3.1.0\ninfo:\n  title: Käse\n  version: '2'\n")
    assert "&id" not in text


@pytest.mark.usefixtures("here")
def test_yaml_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert typed("openapi", "--yaml", code=1) == 'Error: --yaml needs PyYAML; run pip install "microfn[openapi]".\n'
    assert json.loads(typed("openapi"))["openapi"] == "3.1.0"


def test_a_type_without_a_schema_is_an_error_without_a_traceback(here):
    lines = ("from microfn import Router", "app = Router()", "class Own: ...")
    route = 'app.get("/", responses={200: Own})(lambda request, params: "")'
    (here / "odd.py").write_text("\n".join([*lines, route]), "utf-8")
    output = typed("openapi", "odd", code=1)
    assert output.startswith(
        "Error: responses of GET / (odd.py:4) must be a type that msgspec or pydantic supports, got Own"
    )


@pytest.mark.usefixtures("here")
def test_an_application_that_is_no_router_is_an_error():
    assert "other:application must be a Router, got function" in typed("openapi", "other:application", code=1)


SERVED = """
from microfn import Router
from microfn.openapi import openapi


def change(content):
    content["info"]["license"] = {"name": "MIT"}
    return content


def create(*versions):
    app = Router()
    for version in versions:
        api = Router(tags=[version], security=["token"])
        api.get("/books")(lambda request, params: "")
        schemes = {"token": {"type": "http", "scheme": "bearer"}}
        served = openapi(api, title=f"Bücher {version}", version=version, security_schemes=schemes, change=change)
        api.get("/openapi.json", security=[])(served)
        app.mount(f"/ä{version}", api)
    app.get("/docs")(lambda request, params: "")
    return app


app = create("1")
"""


@pytest.fixture
def served(here, monkeypatch):
    monkeypatch.syspath_prepend(here)
    (here / "served.py").write_text(SERVED, "utf-8")
    return importlib.import_module("served")


def test_the_served_document_is_printed(served):
    """The Router is mounted in the application. The document has its prefix as the server, and the change."""
    printed = json.loads(typed("openapi", "served"))
    assert printed == served.app.test_client().get("/ä1/openapi.json").json
    assert printed["servers"] == [{"url": "/%C3%A41"}]
    assert printed["info"] == {"title": "Bücher 1", "version": "1", "license": {"name": "MIT"}}
    assert list(printed["paths"]) == ["/books"]
    assert json.loads(typed("openapi", "served", "--path", "/ä1/openapi.json")) == printed
    assert yaml.safe_load(typed("openapi", "served:create('1')", "--yaml")) == printed


@pytest.mark.usefixtures("served")
def test_title_and_version_that_are_typed_come_first():
    info = json.loads(typed("openapi", "served", "--title", "Ä", "--version", "2"))["info"]
    assert info == {"title": "Ä", "version": "2", "license": {"name": "MIT"}}


@pytest.mark.usefixtures("served")
def test_one_of_several_documents_is_chosen_by_its_path():
    app = "served:create('1', '2')"
    assert json.loads(typed("openapi", app, "--path", "/ä2/openapi.json"))["info"]["version"] == "2"
    serves = f"{app} serves /ä1/openapi.json, /ä2/openapi.json.\n"
    assert typed("openapi", app, code=1) == f"Error: --path needs a path; {serves}"
    output = typed("openapi", app, "--path", "/openapi.json", code=1)
    assert output == f"Error: --path must be the path of a document, got '/openapi.json'; {serves}"


@pytest.mark.usefixtures("here")
def test_a_path_without_served_documents_is_an_error():
    output = typed("openapi", "--path", "/openapi.json", code=1)
    assert output == "Error: --path must be the path of a document, got '/openapi.json'; app:app serves none.\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return None", "Error: change must return the document, a dict, got None\n"),
        ("return {'x': change}", "Error: Object of type function is not JSON serializable\n"),
        ("return content['käse']", "KeyError: 'käse'\n"),
    ],
)
def test_a_change_that_fails_is_an_error(here, body, message):
    source = SERVED.replace('content["info"]["license"] = {"name": "MIT"}', body)
    (here / "broken.py").write_text(source, "utf-8")
    output = typed("openapi", "broken", code=1)
    assert output.startswith("Error: ")
    assert output.endswith(message)


def test_security_without_schemes_is_an_error(here):
    (here / "unknown.py").write_text("from microfn import Router\napp = Router(security=['token'])\n", "utf-8")
    output = typed("openapi", "unknown", code=1)
    assert output.startswith("Error: security of the Router must name security_schemes, got 'token'; there are none")
