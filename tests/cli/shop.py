"""An application in files, and commands that are typed beside it."""

from __future__ import annotations

from click.testing import CliRunner

from microfn import cli

SHOP = """
from microfn import Router
import other

app = Router(overlap=True)
app.get("/", name="home")(lambda request, params: "home")


@app.get("/users/:id", name="user", convert={"id": int})
def user(request, params):
    raise AssertionError("a handle was called")


app.get("/users/me")(user)
app.delete("/users/:id")(user)
app.mount("/old", other.application)
group = app.group("/käse")
group.get("/*rest")(user)


@app.error(404)
def nothing(request, error):
    raise AssertionError("an error handler was called")


@app.use
def middleware(handle):
    def called(request, params):
        raise AssertionError("a middleware was called")

    return called


def create():
    return app


number = 7
"""
OTHER = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"old"]
"""


def typed(*words, code=0):
    result = CliRunner().invoke(cli.main, words)
    assert result.exit_code == code, result.output
    return result.output
