"""Completion on public objects shows exactly the documented names."""

from __future__ import annotations

import re

import pytest
from werkzeug.test import create_environ
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import Response as WerkzeugResponse

import microfn
from microfn import Request, Response, Router
from microfn.routing.hints import MODULE_NAMES, REQUEST_NAMES, RESPONSE_NAMES, ROUTER_NAMES

from .documents import ROOT

ENVIRON = create_environ()
REFERENCE = "\n".join(page.read_text("utf-8") for page in (ROOT / "docs/reference").glob("*.md"))


def documented(name):
    return set(re.findall(rf"^\.\. auto(?:method|attribute|property):: {name}\.(\w+)$", REFERENCE, re.MULTILINE))


def shown(instance):
    return {name for name in dir(instance) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("instance", "base"),
    [
        (Router(), object()),
        (Router().group("/a"), object()),
        (Request(ENVIRON), WerkzeugRequest(ENVIRON)),
        (Response("x"), WerkzeugResponse("x")),
    ],
    ids=["Router", "Group", "Request", "Response"],
)
def test_dir_shows_documented_names(instance, base):
    """Beside the names of werkzeug's own class; a group has the documented decorators of a Router."""
    name = type(instance).__name__
    known = documented("Router") if name in ("Router", "Group") else documented(name)
    assert known or name == "Response"
    own = shown(instance) - shown(base)
    assert own <= known, sorted(own - known)
    assert name == "Group" or known <= shown(instance), sorted(known - shown(instance))


HINTS = [
    (Router(), ROUTER_NAMES),
    (Router().group("/a"), ROUTER_NAMES),
    (Request(ENVIRON), REQUEST_NAMES),
    (Response("x"), RESPONSE_NAMES),
]


@pytest.mark.parametrize(("instance", "names"), HINTS, ids=["Router", "Group", "Request", "Response"])
def test_dir_leaves_hints_for_foreign_names_out(instance, names):
    """A hint is raised for them all the same, and none of them is a name that there is."""
    kind = type(instance).__name__
    assert not set(dir(instance)) & set(names)
    assert not set(dir(WerkzeugRequest(ENVIRON))) & set(REQUEST_NAMES)
    assert not set(dir(WerkzeugResponse())) & set(RESPONSE_NAMES)
    assert not documented(kind) & set(names)
    for name in names:
        with pytest.raises(AttributeError, match=f"^{kind} has no '{name}'; use "):
            getattr(instance, name)
        assert not hasattr(instance, name)


def test_dir_of_the_module_leaves_hints_out():
    assert not set(dir(microfn)) & set(MODULE_NAMES)
    assert not set(microfn.__all__) & set(MODULE_NAMES)
    modules = {path.stem for path in (ROOT / "microfn").iterdir()}
    assert not modules & set(MODULE_NAMES)


def test_dir_shows_what_was_set_and_what_a_client_adds():
    app, request = Router(), Request(ENVIRON)
    app.get("/")(lambda request, params: "x")
    request.session = {}
    assert "session" in dir(request)
    response = app.test_client().get("/")
    assert response.text == "x"
    assert {"text", "request", "history"} <= set(dir(response))
    assert "media" not in dir(response)
