"""A handle as a separate application."""

from __future__ import annotations

import pytest

from microfn import Router
from microfn.agent.worker import application, deadline_of, handle_of

from ..wsgi import call
from . import handles


def test_a_handle_is_found_by_its_name():
    assert handle_of("tests.agent.handles:echo") is handles.echo
    assert handle_of("tests.agent.handles:Functions.inner") is handles.Functions.inner


def test_what_cold_made_of_a_handle_is_not_the_handle(agent, monkeypatch):
    monkeypatch.setattr(handles, "echo", agent.cold(handles.echo, memory=64, timeout=60))
    with pytest.raises(TypeError, match=r"got the return value of cold\(\)"):
        handle_of("tests.agent.handles:echo")


@pytest.mark.parametrize(
    ("name", "error"), [("tests.agent.handles:no", AttributeError), ("tests.no:echo", ImportError)]
)
def test_a_name_of_nothing_is_an_error(name, error):
    with pytest.raises(error):
        handle_of(name)


def test_it_answers_everything_with_its_params_and_its_deadline():
    def handle(request, params):
        return f"{request.method} {request.path} {params} {request.deadline.left():.0f}"

    app = application(handle, {"id": 7}, deadline_of("2999-01-01T00:00:00.000Z"))
    assert isinstance(app, Router)
    got = call(app, "POST", "/a//b/")
    assert got.text.startswith("POST /a//b/ {'id': 7} 3")


def test_without_a_deadline_there_is_none():
    app = application(lambda request, params: str(hasattr(request, "deadline")), {}, deadline_of(""))
    assert call(app).text == "False"


def test_a_deadline_that_has_passed_is_over_soon():
    assert deadline_of("1999-01-01T00:00:00.000Z").timeout == 0.001
