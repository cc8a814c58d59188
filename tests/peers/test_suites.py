"""A small suite, run as the foreign ones are: with the swap and without."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest
import werkzeug.wrappers

from . import __main__, suites
from .suites import ROOT, Suite, check, run

pytestmark = pytest.mark.slow

TESTS = """
import pytest
import werkzeug
from werkzeug.test import Client, EnvironBuilder, create_environ
from werkzeug.wrappers import Request, Response

def module_of(value):
    return (value if isinstance(value, type) else type(value)).__module__.partition(".")[0]

def test_same():
    assert Request(create_environ("/a?b=c")).args["b"] == "c"

def test_difference():
    assert "werkzeug.request" in Request(create_environ()).environ

@pytest.mark.parametrize("value", [
    Request, Response, werkzeug.Request, werkzeug.Response, werkzeug.wrappers.request.Request,
    werkzeug.wrappers.response.Response, EnvironBuilder().get_request(), werkzeug.exceptions.NotFound().get_response(),
    werkzeug.utils.redirect("/"), Client(Response("x")).get("/").request,
], ids=range(10))
def test_class(value):
    assert module_of(value) == "werkzeug"

def test_skipped():
    pytest.skip("always")

def test_failing():
    assert 1 == 2

@pytest.fixture
def broken():
    raise ValueError("planted")

def test_broken(broken):
    pass
"""
SWAPPED = {f"tests/test_planted.py::test_class[{number}]": "It is swapped." for number in range(10)}
DIFFERENCE = "tests/test_planted.py::test_difference"


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    directory = tmp_path_factory.mktemp("planted") / "suite"
    (directory / "tests").mkdir(parents=True)
    (directory / "pyproject.toml").write_text("[tool.pytest.ini_options]\nfilterwarnings = ['error']\n", "utf-8")
    (directory / "tests/test_planted.py").write_text(TESTS, "utf-8")
    (directory / "tests/test_unreadable.py").write_text("import no_such_module", "utf-8")
    return directory


def test_check_finds_the_planted_difference(planted):
    result = check(planted, Suite("planted", 10, SWAPPED))
    (fault,) = result.faults
    assert fault.startswith(f"{DIFFERENCE}: passed, but failed with microfn's classes: ")
    assert "werkzeug.request" in fault
    assert {test.rpartition("/")[2] for test in result.failing_anyway} == {
        "test_planted.py::test_failing",
        "test_planted.py::test_broken",
        "test_unreadable.py",
    }


def test_check_finds_an_unneeded_row(planted):
    rows = {**SWAPPED, DIFFERENCE: "By design.", "tests/test_planted.py::test_same": "By design."}
    (fault,) = check(planted, Suite("planted", 10, rows)).faults
    assert fault.startswith("tests/test_planted.py::test_same: the list says that it differs")


def test_run_raises_if_pytest_cannot_run(planted):
    with pytest.raises(RuntimeError, match="pytest ended with 4"):
        run(planted, "--no-such-option", is_swapped=False)


@pytest.mark.parametrize(("least", "status"), [(10, 1), (10_000, 1), (None, 0)])
def test_main_returns_one_if_there_are_faults(planted, least, status, monkeypatch, capsys):
    rows = {**SWAPPED, DIFFERENCE: "By design."} if least is None else SWAPPED
    monkeypatch.setattr(__main__, "SUITES", [Suite("werkzeug", least or 10, rows)])
    monkeypatch.setattr(__main__, "fetch", lambda name: planted)
    assert __main__.main() == status
    assert ("  fault: " in capsys.readouterr().out) is bool(status)


def test_swap_gives_flask_the_classes_of_microfn():
    code = (
        "from tests.peers.swap import import_package, swap; import_package(); swap(); import flask; "
        "print(flask.Request.__mro__[1], flask.Response.__mro__[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.split("<class ")[1:] == [
        "'microfn.http.request.Request'> ",
        "'microfn.http.response.Response'>\n",
    ]


def test_swap_refuses_a_flask_that_came_before():
    words = [sys.executable, "-c", "import flask, tests.peers.swap; tests.peers.swap.swap()"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=False, encoding="utf-8")
    assert "Flask must be imported after the swap" in done.stderr


def test_fetch_downloads_once_and_again_if_it_broke_off(tmp_path, monkeypatch):
    wanted = f"werkzeug-{version('werkzeug')}"
    calls = []

    def download(words, **options):
        calls.append(words)
        if len(calls) == 1:
            raise subprocess.CalledProcessError(1, words)
        directory = Path(words[words.index("--dest") + 1])
        (tmp_path / "tests").mkdir(exist_ok=True)
        directory.mkdir(parents=True)
        with tarfile.open(directory / f"{wanted}.tar.gz", "w:gz") as archive:
            archive.add(tmp_path / "tests", f"{wanted}/tests")

    monkeypatch.setattr(suites, "BUILD", tmp_path / "build")
    monkeypatch.setattr(subprocess, "run", download)
    with pytest.raises(subprocess.CalledProcessError):
        suites.fetch("werkzeug")
    for _ in range(2):
        assert (suites.fetch("werkzeug") / "tests").is_dir()
    assert len(calls) == 2
    assert calls[0][-1] == f"werkzeug=={version('werkzeug')}"


def test_swap_changes_nothing_when_it_is_imported():
    """With --doctest-modules, pytest imports the plugin into the process of all other tests."""
    from . import swap

    for original, replacement in swap.REPLACEMENTS.items():
        assert original is not replacement
        assert original.__module__.startswith("werkzeug.")
    assert set(swap.REPLACEMENTS) == {werkzeug.wrappers.Request, werkzeug.wrappers.Response}
