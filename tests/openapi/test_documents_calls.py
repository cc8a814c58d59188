"""Schemathesis calls an application as its document says, and looks for answers that it does not tell."""

from __future__ import annotations

import pytest
from werkzeug.security import generate_password_hash

from examples.bookmarks import auth
from examples.bookmarks.app import create_app
from examples.bookmarks.database import connect, create_tables
from examples.bookmarks.settings import Settings
from microfn import Router, json_response
from microfn.openapi import openapi

from .calls import called
from .notes import app as notes

pytestmark = [pytest.mark.slow, pytest.mark.server]


def test_the_example_answers_as_its_document_says(tmp_path):
    code, output = called(notes, tmp_path, 25)
    assert code == 0, output
    assert "6 selected / 6 total" in output


@pytest.fixture
def bookmarks(tmp_path, monkeypatch):
    """The application with a database of its own, and hashes that take no time."""
    monkeypatch.setattr(auth, "generate_password_hash", lambda text, _: generate_password_hash(text, "pbkdf2:sha256:1"))
    monkeypatch.setattr(auth, "NO_PASSWORD", auth.hash_password("nobody"))
    engine = connect(f"sqlite:///{tmp_path}/bookmarks.db")
    create_tables(engine)
    return create_app(Settings(metrics_token="of Prometheus"), engine)


def signed_in(app):
    """Return the header of a new user with a hundred bookmarks, so that some ids are guessed."""
    client, credentials = app.test_client(), {"name": "ann", "password": "correct horse battery"}
    assert client.post("/users", json=credentials).status_code == 201
    header = f"Bearer {client.post('/tokens', json=credentials).json['token']}"
    for number in range(100):
        wanted = {"url": f"https://example.com/{number}", "title": "An example"}
        assert client.post("/bookmarks", json=wanted, headers={"Authorization": header}).status_code == 201
    return f"Authorization: {header}"


@pytest.mark.parametrize(
    ("options", "selected"),
    [
        # A token is of no use after the logout, and Prometheus has one of its own.
        (("--exclude-operation-id", "logout", "--exclude-path", "/metrics"), 9),
        (("--include-operation-id", "logout"), 1),
    ],
)
def test_the_bookmarks_answer_a_user_as_documented(bookmarks, tmp_path, options, selected):
    code, output = called(bookmarks, tmp_path, 10, "--header", signed_in(bookmarks), *options)
    assert code == 0, output
    assert f"{selected} selected / 11 total" in output
    assert "Missing test data" not in output


def test_the_metrics_of_the_bookmarks_are_as_documented(bookmarks, tmp_path):
    header = "Authorization: Bearer of Prometheus"
    code, output = called(bookmarks, tmp_path, 5, "--header", header, "--include-path", "/metrics")
    assert code == 0, output
    assert "1 selected / 11 total" in output


def test_an_answer_that_is_not_documented_is_found(tmp_path):
    app = Router()

    @app.get("/a/:id", convert={"id": int})
    def teapot(request, params):
        return "", 418

    @app.get("/b", responses={200: list[int]})
    def other(request, params):
        return json_response({"not": "a list"})

    @app.get("/c")
    def broken(request, params):
        raise KeyError

    app.get("/open", security=["token"])(lambda request, params: "")
    schemes = {"token": {"type": "http", "scheme": "bearer"}}
    app.get("/openapi.json")(openapi(app, title="Wrong", version="1", security_schemes=schemes))
    code, output = called(app, tmp_path, 3)
    assert code == 1
    for found in (
        "Undocumented status code",
        "Response violates schema",
        "Server error",
        "accepts requests without auth",
    ):
        assert found in output
