"""What the README shows is what happens."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from microfn import RouteConflict, Router

from .wsgi import call

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def first_example() -> Router:
    source = "".join(text for language, text in BLOCKS if language == "python")
    namespace: dict = {}
    exec(compile(source, "app.py", "exec"), namespace)
    return namespace["app"]


def transcript() -> list[tuple[str, str]]:
    """Each `$ curl` line with what is shown below it."""
    shown = "".join(text for language, text in BLOCKS if language == "console")
    return re.findall(r"^\$ (curl .*)\n([^$].*\n)", shown, re.MULTILINE)


def run(client, command: str) -> str:
    """What curl would print."""
    method, headers, data, url, follow = "GET", {}, None, "", False
    words = iter(shlex.split(command)[1:])
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            data = next(words)
        elif word == "-L":
            follow = True
        else:
            url = word
    path = urlsplit(url).path
    return client.open(path, method=method, headers=headers, data=data, follow_redirects=follow).text


def test_the_first_example_answers_as_shown():
    client = first_example().test_client()
    shown = transcript()
    assert len(shown) == 8
    for command, output in shown:
        assert run(client, command) == output.rstrip("\n")


def test_there_are_two_commands_and_both_are_targets_of_make():
    makefile = (Path(__file__).parent.parent / "Makefile").read_text()
    (commands,) = [text for language, text in BLOCKS if language == "console" and "make" in text]
    targets = re.findall(r"^\$ make (\w+)", commands, re.MULTILINE)
    assert targets == ["run", "test"]
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def rows(heading: str) -> list[list[str]]:
    table = README.split(f"## {heading}\n")[1].split("\n\n")[1]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]


def test_the_patterns_match_as_shown():
    pattern = ""
    for first, path, shown in rows("Patterns"):
        pattern = first.strip("`") or pattern
        app = Router()
        app.get(pattern)(lambda request, params: repr(params))
        reply = call(app, path=path.strip("`"))
        if shown.startswith("`{"):
            assert reply.text == shown.split("`")[1].replace('"', "'")
        elif shown.startswith("a redirect"):
            assert reply.headers["location"] == shown.split("`")[1]
        else:
            assert str(reply.code) == shown[:3]


def test_the_conflict_reads_as_shown():
    (shown,) = [text for language, text in BLOCKS if language == "text"]
    source = "\n" * 7 + "app.get('/users/:id')(handle)" + "\n" * 4 + "app.get('/users/new')(handle)"
    app = Router()
    with pytest.raises(RouteConflict) as caught:
        exec(compile(source, "app.py", "exec"), {"app": app, "handle": lambda request, params: ""})
    assert str(caught.value) == shown.rstrip("\n")
