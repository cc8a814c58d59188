"""Hints for patterns and names of other frameworks."""

from __future__ import annotations

import copy
import re
import subprocess
import sys

import pytest
from werkzeug.test import create_environ

import microfn
from microfn import InvalidPattern, Request, Response, Router
from microfn.routing.hints import MODULE_NAMES, REQUEST_NAMES, RESPONSE_NAMES, ROUTER_NAMES
from microfn.tree import Tree


def ok(request, params):
    return "ok"


@pytest.mark.parametrize(
    "foreign",
    ["/users/<id>", "/users/<int:id>", "/users/<id:int>", "/users/{id:int}", "/users/{id}", "/users/{id}/posts"],
)
def test_param_of_another_framework_is_refused_with_a_hint(foreign):
    with pytest.raises(InvalidPattern, match="did you mean ':id'"):
        Router().get(foreign)(ok)


ESCAPED = ["/files\\:undelete", "/files/:id\\:undelete", "/a\\*b", "/\\*rest", "/\\:", "/a/\\\\:b", "\\:a", "/ä\\:ü"]


@pytest.mark.parametrize("pattern", ESCAPED)
@pytest.mark.parametrize("overlap", [False, True])
def test_escaped_wildcard_is_refused_with_a_hint(pattern, overlap):
    app = Router(overlap=overlap)
    for register in (
        lambda: app.post(pattern)(ok),
        lambda: app.handle("POST", pattern, ok),
        lambda: app.group("/a").get(pattern if pattern[0] == "/" else f"/{pattern}")(ok),
        lambda: app.group(pattern),
        lambda: app.include(pattern, Router()),
        lambda: app.mount(pattern, Router()),
    ):
        with pytest.raises(InvalidPattern, match="a backslash does not escape"):
            register()
    assert app.routes == ()


def test_tree_takes_a_backslash_as_text():
    tree = Tree()
    tree.add_route("/files\\:undelete", "x")
    assert tree.get_value("/files\\7") == ("x", [("undelete", "7")], False)
    app = Router()
    app.get("/a\\b/:c")(ok)
    assert app.lookup("GET", "/a\\b/c")[1] == {"c": "c"}


@pytest.mark.parametrize("part", [Router().group, lambda prefix: Router().mount(prefix, Router())])
def test_prefix_of_another_framework_is_refused_with_a_hint(part):
    with pytest.raises(InvalidPattern, match="did you mean ':id'"):
        part("/users/<int:id>")


@pytest.mark.parametrize("pattern", ["x/<int:id>", "/<path:rest>/*x/y", "/{id}/:"])
def test_hint_comes_before_what_else_is_wrong(pattern):
    with pytest.raises(InvalidPattern, match="is not a param of microfn"):
        Router().get(pattern)(ok)


def test_the_suggestion_keeps_what_the_param_took():
    with pytest.raises(InvalidPattern, match=r"did you mean ':id' with convert=\{'id': int\}\?"):
        Router().get("/users/<int:id>")(ok)
    with pytest.raises(InvalidPattern, match=r"did you mean '\*rest'\?"):
        Router().get("/src/<path:rest>")(ok)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("errorhandler", r"use app\.error\(status\)"),
        ("run", "`microfn run` while you develop, `microfn serve` in production"),
        ("wsgi_app", "the Router itself"),
        ("nothing", "'Router' object has no attribute 'nothing'"),
    ],
)
def test_what_other_frameworks_have_is_told_by_its_name_here(name, message):
    app = Router()
    with pytest.raises(AttributeError, match=message):
        getattr(app, name)
    assert not hasattr(app, name)


def app():
    return Router()


def group():
    return Router().group("/g")


def request():
    return Request(create_environ())


def response():
    return Response("x")


@pytest.mark.parametrize(
    ("make", "name", "hint"),
    [
        *[(make, "before_request", r"app\.use") for make in (app, group)],
        *[(make, "add_url_rule", r"app\.handle\(method") for make in (app, group)],
        (app, "debug", "`microfn run`"),
        (app, "url_map", r"app\.routes"),
        (app, "make_response", r"Response\(text, status\)"),
        (app, "test_request_context", "create_environ"),
        (app, "add_route", r"app\.handle\(method, pattern, handle\)"),
        (app, "hook", "middleware"),
        (app, "secret_key", "the how-to on authentication"),
        (request, "session", "the how-to on authentication"),
        (request, "endpoint", r"request\.route\.name"),
        (request, "view_args", r"request\.params"),
        (request, "media", r"request\.json"),
        (request, "get_param_as_int", r"request\.args"),
        (request, "forms", r"request\.form"),
        (response, "set_header", r"response\.headers\[name\] = value"),
        (response, "media", "a dict or a list"),
        (response, "text", r"get_data\(as_text=True\)"),
    ],
)
def test_foreign_attribute_is_told_by_its_name_here(make, name, hint):
    with pytest.raises(AttributeError, match=hint):
        getattr(make(), name)


@pytest.mark.parametrize("names", [ROUTER_NAMES, REQUEST_NAMES, RESPONSE_NAMES, MODULE_NAMES])
def test_hints_name_what_there_is(names):
    here = {"app": app(), "request": request(), "response": response()}
    found = 0
    for hint in names.values():
        for owner, name in re.findall(r"\b(app|request|response)\.([a-z_]+)", hint):
            assert name in dir(here[owner]), hint
            found += 1
    assert found > 5


@pytest.mark.parametrize(
    ("make", "name"),
    [(app, "debug"), (app, "testing"), (app, "secret_key"), (group, "debug")]
    + [(response, name) for name in ("body", "content", "media", "media_type", "status_line", "text")],
)
def test_foreign_switch_cannot_be_set(make, name):
    """Nothing would come of it."""
    with pytest.raises(AttributeError, match=f"has no '{name}'; use"):
        setattr(make(), name, True)


@pytest.mark.parametrize(
    ("make", "name"), [(app, "config"), (app, "logger"), (request, "session"), (request, "user"), (response, "context")]
)
def test_attribute_of_ones_own_can_be_set(make, name):
    instance = make()
    setattr(instance, name, 7)
    assert getattr(instance, name) == 7
    copied = copy.copy(instance)
    assert getattr(copied, name) == 7


@pytest.mark.parametrize("name", sorted(MODULE_NAMES))
def test_foreign_import_is_told_by_its_name_here(name):
    message = re.escape(f"microfn has no '{name}'; use {MODULE_NAMES[name]}")
    with pytest.raises(ImportError, match=message):
        exec(f"from microfn import {name}")
    with pytest.raises(ImportError, match=message):
        exec(f"from microfn import Router, {name} as x")
    with pytest.raises(AttributeError, match=message):
        getattr(microfn, name)
    assert not hasattr(microfn, name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("HTTP_404", "the int 404"), ("HTTPNotFound", r"abort\(status, text\)"), ("HTTPError", r"abort\(status, text\)")],
)
def test_foreign_status_is_told_by_its_name_here(name, hint):
    with pytest.raises(ImportError, match=hint):
        exec(f"from microfn import {name}")


@pytest.mark.parametrize("name", ["nothing", "HTTP_", "HTTP_x", "HTTP", "HTTPs", "__path", "Requests"])
def test_unknown_import_is_the_interpreters_business(name):
    with pytest.raises(ImportError, match=f"cannot import name '{name}'"):
        exec(f"from microfn import {name}")
    with pytest.raises(AttributeError, match=f"module 'microfn' has no attribute '{name}'"):
        getattr(microfn, name)


def test_foreign_import_has_a_hint_before_importlib_is_there():
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path}; from microfn import g"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.stderr.splitlines()[-1] == "ImportError: microfn has no 'g'; use request.context"
