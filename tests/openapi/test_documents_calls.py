"""Schemathesis calls an application as its document says, and looks for answers that it does not tell."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest

from microfn import Router, json_response
from microfn.openapi import openapi

from .notes import app as notes

pytestmark = [pytest.mark.slow, pytest.mark.server]

# Not negative_data_rejection: pydantic takes 0 for a date, and msgspec the text "null" for None.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "positive_data_acceptance",
    "unsupported_method",
)


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Silent(WSGIRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def serving(app):
    with make_server("127.0.0.1", 0, app, Server, Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/openapi.json"
        finally:
            server.shutdown()
            thread.join()


def called(app, directory, examples):
    """The exit code and the output of schemathesis, which has two minutes at most."""
    with serving(app) as url:
        options = [
            "--max-examples",
            str(examples),
            "--phases",
            "coverage,fuzzing",
            "--seed",
            "7",
            "--no-color",
            "--no-shrink",
        ]
        command = [sys.executable, "-m", "schemathesis.cli", "run", url, "--checks", ",".join(CHECKS), *options]
        done = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False
        )
    return done.returncode, done.stdout + done.stderr


def test_the_example_answers_as_its_document_says(tmp_path):
    code, output = called(notes, tmp_path, 25)
    assert code == 0, output
    assert "6 selected / 6 total" in output


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

    app.get("/openapi.json")(openapi(app, title="Wrong", version="1"))
    code, output = called(app, tmp_path, 3)
    assert code == 1
    for found in "Undocumented status code", "Response violates schema", "Server error":
        assert found in output
