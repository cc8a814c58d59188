"""Hints for people who write another framework's patterns and names."""

from __future__ import annotations

import pytest

from microfn import InvalidPattern, Router
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
        with pytest.raises(InvalidPattern, match="a backslash escapes nothing here"):
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
    with pytest.raises(InvalidPattern, match="is no param here"):
        Router().get(pattern)(ok)


def test_the_suggestion_keeps_what_the_param_took():
    with pytest.raises(InvalidPattern, match=r"did you mean ':id' with convert=\{'id': int\}\?"):
        Router().get("/users/<int:id>")(ok)
    with pytest.raises(InvalidPattern, match=r"did you mean '\*rest'\?"):
        Router().get("/src/<path:rest>")(ok)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("errorhandler", r"it is app\.error\(status\)"),
        ("run", "`microfn run` while you develop"),
        ("wsgi_app", "the Router itself"),
        ("nothing", "'Router' object has no attribute 'nothing'"),
    ],
)
def test_what_other_frameworks_have_is_told_by_its_name_here(name, message):
    app = Router()
    with pytest.raises(AttributeError, match=message):
        getattr(app, name)
    assert not hasattr(app, name)
