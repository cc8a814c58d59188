"""Documents with tested examples: each block of Python, each command of a console, and the output below it.

Blocks of Python form one module, app.py. If a block begins with a file name, `# test_app.py`, it is that file instead.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine

ROOT = Path(__file__).parent.parent


def blocks(document: Path) -> list[tuple[str, str]]:
    """Return language and text of each block of code, even if it is a Sphinx directive with options."""
    found = re.findall(
        r"^```(?:\{code-block\} )?(\w+)\n(.*?)^```", document.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return [(language, re.sub(r"\A(?::[\w-]+:.*\n)+\n", "", text)) for language, text in found]


def commands(text: str) -> list[tuple[str, str]]:
    """Return each command of a transcript with its output."""
    return re.findall(r"^\$ ([^\n]*)\n((?:(?!\$ ).*\n?)*)", text, re.MULTILINE)


def curl(client: Any, command: str) -> str:
    """Return the output of curl."""
    method, headers, data, url, follow = None, {}, None, "", False
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
    if data is not None:
        method = method or "POST"
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    parts = urlsplit(url)
    reply = client.open(
        parts.path,
        method=method or "GET",
        query_string=parts.query,
        headers=headers,
        data=data,
        follow_redirects=follow,
        buffered=True,
    )
    return reply.text


def module(command: str, directory: Path) -> str:
    """Return the output of `microfn ...` or `python -m ...`."""
    words = shlex.split(command.removeprefix("python -m "))
    done = subprocess.run(
        [sys.executable, "-m", *words],
        check=False,
        cwd=directory,
        env={**os.environ, "COLUMNS": "80", "CI": "true"},  # in CI, hypothesis sets no time limits
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=180,
    )
    return done.stdout.decode().replace("python -m microfn", "microfn")  # as help calls itself here


def named_file(text: str) -> str | None:
    """Return the file name of a block, if its first line is a comment with only a name."""
    found = re.match(r"(?:# |\{# |/\* )([\w./]+\.\w+)(?: #\}| \*/)?\n", text)
    return found[1] if found else None


def timeless(output: str) -> str:
    """Return the output without times."""
    return re.sub(r"\d+\.\d\ds\b", "", output).rstrip("\n")


def run(document: Path, directory: Path) -> int:
    """Run it from top to bottom, as modules in `directory`; the number of things that were compared."""
    namespace: dict[str, Any] = {"__name__": "app", "__file__": str(directory / "app.py")}
    try:
        return _run(document, directory, namespace)
    finally:
        # A pool keeps connections open, and Python 3.13 warns when it frees an open one, in whatever test that is.
        for engine in (value for value in namespace.values() if isinstance(value, Engine)):
            engine.dispose()


def _run(document: Path, directory: Path, namespace: dict[str, Any]) -> int:
    printed, compared = "", 0
    sources: list[str] = []
    for language, text in blocks(document):
        file = named_file(text)
        if file is not None:
            (directory / file).parent.mkdir(exist_ok=True)
            (directory / file).write_text(text, "utf-8")
        elif language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as stream:
                exec(compile(text, str(directory / "app.py"), "exec", dont_inherit=True), namespace)
            printed = stream.getvalue()
            sources.append(text)
            (directory / "app.py").write_text("\n\n".join(sources), "utf-8")
            compared += 1
        elif language == "text" and printed:
            assert printed == text
        elif language == "console":
            for command, shown in commands(text):
                if command.startswith("cd "):
                    directory /= command[3:]
                elif command.startswith(("curl ", "microfn ", "python -m ")):
                    is_curl = command.startswith("curl ")
                    got = curl(namespace["app"].test_client(), command) if is_curl else module(command, directory)
                    assert timeless(got) == timeless(shown), command
                    compared += 1
    return compared
