"""Documents whose examples are run: each block of Python, each `$ curl`, and what is shown below them."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent


def blocks(document: Path) -> list[tuple[str, str]]:
    """Language and text of each block of code."""
    return re.findall(r"^```(\w+)\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)


def curls(text: str) -> list[tuple[str, str]]:
    """Each `$ curl` of a transcript, and what is shown below it."""
    return re.findall(r"^\$ (curl [^\n]*)\n((?:(?!\$ ).*\n?)*)", text, re.MULTILINE)


def curl(client: Any, command: str) -> str:
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
    return client.open(path, method=method, headers=headers, data=data, follow_redirects=follow, buffered=True).text


def run(document: Path, directory: Path) -> int:
    """Run it from top to bottom, as modules in `directory`; the number of things that were compared."""
    namespace: dict[str, Any] = {"__name__": "app"}
    printed, compared = "", 0
    for language, text in blocks(document):
        if language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as stream:
                exec(compile(text, str(directory / "app.py"), "exec"), namespace)
            printed = stream.getvalue()
            compared += 1
        elif language == "text" and printed:
            assert printed == text
        elif language == "console":
            for command, shown in curls(text):
                assert curl(namespace["app"].test_client(), command).rstrip("\n") == shown.rstrip("\n"), command
                compared += 1
    return compared
