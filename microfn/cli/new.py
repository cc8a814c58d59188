"""`microfn new`, which creates a project."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from contextlib import ExitStack, suppress

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


def test_unknown_path_is_404(client: Client) -> None:
    assert client.get("/nothing").status_code == 404
"""
_MAKEFILE = """.PHONY: run serve test

run: ## serve it while you develop
\tmicrofn run

serve: ## serve it as it is deployed
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


@click.command("new", short_help="Write a new application with a test.")
@click.argument("directory", type=click.Path(file_okay=False))
def command(directory: str) -> None:
    """Write an application, its test and a Makefile into a new DIRECTORY.

    \b
    microfn new shop && cd shop && microfn run

    The directory may exist. If one of the files exists, nothing is written.
    """  # noqa: D301 - click wants the character
    shown = click.format_filename(directory)
    if not directory:
        raise click.UsageError(f"DIRECTORY must be the name of a directory, got {directory!r}.")
    taken = [name for name in _FILES if os.path.lexists(os.path.join(directory, name))]
    if taken:
        raise click.ClickException(f"{shown} already has {', '.join(taken)}; nothing was written.")
    with ExitStack() as undone:
        try:
            _write(directory, undone)
        except OSError as error:
            place = click.format_filename(os.fspath(error.filename or directory))
            raise click.ClickException(f"{place} cannot be written: {error.strerror}; nothing was written.") from None
        undone.pop_all()
    enter = f"cd {shlex.quote(os.path.join('.', shown) if shown.startswith('-') else shown)} && "
    click.echo(f"Written to {shown}: {', '.join(_FILES)}\nNext: {'' if directory == '.' else enter}microfn run")


def _write(directory: str, undone: ExitStack) -> None:
    """Write the files; `undone` gets the function that reverts each step."""
    missing, parent = [], directory
    while parent and not os.path.lexists(parent):
        missing.append(parent)
        parent = os.path.dirname(parent)
    for path in reversed(missing):
        if not os.path.isdir(path):  # "shop/" exists as soon as "shop" does
            os.mkdir(path)
            undone.callback(_remove, os.rmdir, path)
    for name, text in _FILES.items():
        path = os.path.join(directory, name)
        with open(path, "x", encoding="utf-8") as file:
            undone.callback(_remove, os.remove, path)
            file.write(text)


def _remove(remove: Callable[[str], None], path: str) -> None:
    with suppress(OSError):  # the first error is the one to report
        remove(path)
