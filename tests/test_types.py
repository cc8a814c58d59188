"""Type checkers see all of the code, and refuse programs that cannot work: `microfn.http.types`.

`programs/right` passes mypy and pyright, both strict, and can be run. Each line of `programs/wrong` that ends with
`# wrong` is an error for both, and no other line is.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from typing import Any, get_type_hints

import pytest
from click.testing import CliRunner

import microfn
from microfn import ErrorHandler, Handle, Middleware, Params, Request, Response, Result
from microfn.cli.new import command as new
from microfn.routing.route import PlainOptions, RouteOptions

from .documents import ROOT, blocks, named_file
from .wsgi import call

PROGRAMS = ROOT / "tests/programs"
UNCHECKED = {"uploads"}
"""How-tos that look into the JSON of a response, which may be None for werkzeug."""
RIGHT = sorted(path.stem for path in (PROGRAMS / "right").glob("[!_]*.py"))
WRONG = sorted(path.stem for path in (PROGRAMS / "wrong").glob("[!_]*.py"))

PLANTED = [
    (
        "http/request.py",
        "return method  # unch",
        "return str(5 + self.nonexistent)  # unch",
        'no attribute "nonexistent"',
    ),
    (
        "http/request.py",
        "        return Context()",
        "        return SimpleNamespace()",
        "Incompatible return value type",
    ),
    (
        "http/request.py",
        "loads(self.get_data().removeprefix(codecs.BOM_UTF8))",
        "loads(self.get_data(as_text=True))",
        "incompatible type",
    ),
    ("http/response.py", "return self._wsgi[0]", "return self._wsgi[1]", "Incompatible return value type"),
    ("http/response.py", "return int(self._wsgi[0][:3])", "return self._wsgi[0][:3]", "Incompatible return value type"),
    ("application/builder.py", "        find=table.index.find,\n", "", 'Missing positional argument "find"'),
    ("application/builder.py", "        root=root,", "        root=table,", "incompatible type"),
    (
        "router.py",
        "max_path_length=max_path_length,\n            path",
        "max_path_length=codec,\n            path",
        "type",
    ),
    ("router.py", "encoders=encoders_for(codec),\n", "", 'Missing positional argument "encoders"'),
]


@pytest.mark.slow
def test_types_planted_faults_are_found(tmp_path):
    """In a copy with one fault a line, mypy reports each of them and nothing else."""
    shutil.copytree(ROOT / "microfn", tmp_path / "microfn", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    for name, sound, faulty, _ in PLANTED:
        path = tmp_path / "microfn" / name
        text = path.read_text("utf-8")
        assert text.count(sound) == 1, (name, sound)
        path.write_text(text.replace(sound, faulty), "utf-8")
    command = [sys.executable, "-m", "mypy", "--package", "microfn", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=300, check=False)
    errors = re.findall(r"^microfn/([\w/]+\.py):\d+: error: (.*)$", done.stdout, re.MULTILINE)
    assert done.returncode == 1, done.stdout + done.stderr
    for name, _, faulty, reported in PLANTED:
        found = next((error for error in errors if error[0] == name and reported in error[1]), None)
        assert found is not None, f"{name}: {faulty!r} is not found:\n{done.stdout}"
        errors.remove(found)
    assert not errors


def marked_lines():
    """File and line of each error that both checkers have to find."""
    for path in sorted((PROGRAMS / "wrong").glob("*.py")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if line.endswith("  # wrong"):
                yield path.relative_to(ROOT).as_posix(), number


def place_of(file, line):
    path = (ROOT / file).resolve()
    return (path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name), int(line)


def mypy(paths, directory):
    """The errors that mypy finds by itself, without the configuration of this repository."""
    options = ["--strict", "--config-file=", "--python-version=3.10", f"--cache-dir={directory / 'cache'}"]
    command = [sys.executable, "-m", "mypy", *options, *map(str, paths)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert not done.stderr
    for file, line, message in re.findall(r"^(\S+\.py):(\d+): error: (.*)$", done.stdout, re.MULTILINE):
        yield place_of(file, line), message


def pyright(paths, directory):
    """The errors that pyright finds; basedpyright is the package that brings all it needs."""
    settings = {
        "include": [os.path.relpath(path, directory) for path in paths],
        "extraPaths": [str(ROOT)],
        "pythonVersion": "3.10",
        "reportUnusedImport": False,  # one example of a page may use an import of another
        "typeCheckingMode": "strict",
    }
    (directory / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable]
    command += ["--project", str(directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=300, check=False)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] >= len(paths), done.stderr
    for found in report["generalDiagnostics"]:
        if found["severity"] == "error":
            yield place_of(found["file"], found["range"]["start"]["line"] + 1), found["message"]


def annotated_pages(directory):
    """The examples of each how-to that is annotated, but for those that are not."""
    for page in sorted((ROOT / "docs/howto").glob("*.md")):
        sources = [text for language, text in blocks(page) if language == "python" and named_file(text) is None]
        sources = [text for text in sources if text.count("def ") == text.count(") -> ")]
        if any(": Request" in text for text in sources) and page.stem not in UNCHECKED:
            file = directory / f"howto_{page.stem.replace('-', '_')}.py"
            file.write_text("\n".join(sources), "utf-8")
            yield file


def programs(directory):
    """Return all programs, the how-tos, and the files of `microfn new`."""
    assert CliRunner().invoke(new, [str(directory / "shop")]).exit_code == 0
    written = [directory / "shop/app.py", directory / "shop/test_app.py", *annotated_pages(directory)]
    assert {path.stem for path in written} >= {"app", "test_app", "howto_auth", "howto_types"}
    return [*sorted(PROGRAMS.glob("*/[!_]*.py")), *written]


@pytest.mark.slow
@pytest.mark.parametrize("checker", [mypy, pyright])
def test_checker_finds_each_wrong_line_and_no_other(checker, tmp_path):
    found = dict(checker(programs(tmp_path), tmp_path))
    expected = set(marked_lines())
    assert {place: message for place, message in found.items() if place not in expected} == {}
    assert expected - found.keys() == set()


def gets(app):
    """The reply to a GET of each route, by its pattern."""
    return {
        route.pattern: call(app, path=route.pattern.replace(":id", "7"), validate=False)
        for route in app.routes
        if route.method == "GET"
    }


@pytest.mark.parametrize("name", RIGHT)
def test_right_program_works(name, caplog):
    """The handles of the program respond. Some raise an exception, whose handler is tested below."""
    app = importlib.import_module(f"tests.programs.right.{name}").app
    replies = gets(app)
    assert len(replies) >= 4
    if name != "errors":
        assert {pattern: reply.code for pattern, reply in replies.items() if reply.code >= 500} == {}
        assert not caplog.records


def test_error_handlers_of_right_program_respond():
    from .programs.right.errors import app

    assert {pattern: (reply.code, reply.text) for pattern, reply in gets(app).items()} == {
        "/own-class": (409, '{"item":"a"}'),
        "/class-above": (410, '{"item":"a"}'),
        "/union": (500, "KeyError"),
        "/invalid": (422, '[{"detail":"Too young.","in":"body","pointer":"#"}]'),
        "/too-many": (429, "slower"),
        "/aborted": (404, '{"error":"There is no such page."}'),
    }


def test_wrong_result_is_really_a_500(caplog):
    """Types refuse no result that works."""
    from .programs.wrong.results import app

    replies = gets(app)
    assert len(replies) > 20
    assert {reply.code for reply in replies.values()} == {500}


def test_wrong_programs_are_many():
    assert len(list(marked_lines())) > 100
    assert RIGHT == WRONG
    assert {"handles", "results", "errors", "middleware", "parts"} == set(RIGHT)


def test_types_are_there_at_run_time():
    """Annotations may be looked at, and the generic names take an argument."""

    def handle(request: Request, params: Params) -> Result: ...

    def middleware(handle: Handle[Response], other: Middleware, error: ErrorHandler[KeyError]) -> Handle: ...

    hints: dict[str, Any] = get_type_hints(handle, {**vars(microfn)})
    assert hints == {"request": Request, "params": dict[str, Any], "return": Any}
    hints = get_type_hints(middleware, {**vars(microfn)})
    assert hints["handle"].__args__ == (Request, dict[str, Any], Response)
    assert hints["error"].__args__ == (Request, KeyError, Any)
    assert {"ErrorHandler", "Handle", "Middleware", "Params", "Result"} <= set(microfn.__all__)


def test_options_of_a_route_are_shared_but_for_use():
    """So an option that a route gets is known to type checkers too."""
    assert RouteOptions.__optional_keys__ == PlainOptions.__optional_keys__ | {"use"}
