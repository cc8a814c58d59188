"""`microfn new`: a project to begin with."""

from __future__ import annotations

import os
import shlex

import click

__all__ = ["command"]

_APP = """from microfn import Params, Request, Router

app = Router()


@app.get("/")
def index(request: Request, params: Params) -> str:
    return "Welcome!\\n"


@app.get("/hello/:name", name="hello")
def hello(request: Request, params: Params) -> dict[str, str]:
    return {"hello": params["name"]}
"""
_TEST = """import pytest
from microfn.testing import Client

from app import app


@pytest.fixture
def client() -> Client:
    return app.test_client()


def test_the_index_welcomes(client: Client) -> None:
    assert client.get("/").text == "Welcome!\\n"


def test_a_name_is_greeted(client: Client) -> None:
    assert client.get("/hello/Ann").json == {"hello": "Ann"}


def test_what_is_not_there_is_404(client: Client) -> None:
    assert client.get("/nothing").status_code == 404
"""
_MAKEFILE = """.PHONY: run serve test

run: ## while you develop
\tmicrofn run

serve: ## as it is deployed
\tmicrofn serve

test:
\t@python -c "import pytest" 2>/dev/null || python -m pip install --quiet -r requirements.txt
\tpython -m pytest
"""
_FILES = {
    "app.py": _APP,
    "test_app.py": _TEST,
    "Makefile": _MAKEFILE,
    ".gitignore": "__pycache__/\n.pytest_cache/\n.venv/\n",
    "requirements.txt": "microfn[gunicorn]\npytest\n",
}


@click.command("new")
@click.argument("directory", type=click.Path(file_okay=False))
def command(directory: str) -> None:
    """Write an application, its test and a Makefile into a new DIRECTORY.

    \b
    microfn new shop && cd shop && microfn run
    """  # noqa: D301 - click wants the character
    taken = [name for name in _FILES if os.path.exists(os.path.join(directory, name))]
    if taken:
        raise click.ClickException(f"{directory} has {', '.join(taken)} already; nothing was written")
    try:
        os.makedirs(directory, exist_ok=True)
        for name, text in _FILES.items():
            with open(os.path.join(directory, name), "x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise click.ClickException(f"{directory} cannot be written: {error.strerror}") from None
    click.echo(f"Written to {directory}: {', '.join(_FILES)}\nNext: cd {shlex.quote(directory)} && microfn run")
