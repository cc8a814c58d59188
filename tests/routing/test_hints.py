"""Hints for people who write another framework's patterns and names."""

from __future__ import annotations

import pytest

from microfn import InvalidPattern, Router


def ok(request, params):
    return "ok"


@pytest.mark.parametrize(
    "foreign",
    ["/users/<id>", "/users/<int:id>", "/users/<id:int>", "/users/{id:int}", "/users/{id}", "/users/{id}/posts"],
)
def test_param_of_another_framework_is_refused_with_a_hint(foreign):
    with pytest.raises(InvalidPattern, match="did you mean ':id'"):
        Router().get(foreign)(ok)


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
