"""`microfn openapi`: a document, as JSON and YAML."""

from __future__ import annotations

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
