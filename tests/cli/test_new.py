"""`microfn new`: a project that runs and passes its tests, or nothing at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from .shop import typed

FILES = [".gitignore", "Makefile", "app.py", "requirements.txt", "test_app.py"]


def ran(shop, *command):
    words = [sys.executable, "-m", *command]
    done = subprocess.run(words, cwd=shop, capture_output=True, timeout=60, check=False, encoding="utf-8")
    return done.stdout + done.stderr


@pytest.mark.slow
def test_new_writes_a_project_that_runs_at_once(tmp_path):
    shop = tmp_path / "my shop"
    assert "Next: cd" in typed("new", str(shop))
    assert sorted(os.listdir(shop)) == FILES
    assert "3 passed" in ran(shop, "pytest", "-q", "-p", "no:cacheprovider")
    assert ran(shop, "microfn", "check") == "app:app: 2 routes\nNo problems found.\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def everything(directory):
    """All that is there, and the text of each file."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in sorted(directory.rglob("*"))
    }


WRITTEN = [
    ("shop", "Next: cd shop && microfn run\n"),
    ("a b", "Next: cd 'a b' && microfn run\n"),
    ("a'b", """Next: cd 'a'"'"'b' && microfn run\n"""),
    ("käse", "Next: cd 'käse' && microfn run\n"),
    ("$HOME", "Next: cd '$HOME' && microfn run\n"),
    (".", "Next: microfn run\n"),
    ("-shop", "Next: cd ./-shop && microfn run\n"),
    ("shop/", "Next: cd shop/ && microfn run\n"),
    ("a/b/c", "Next: cd a/b/c && microfn run\n"),
    ("a/b/../c", "Next: cd a/b/../c && microfn run\n"),
    ("there", "Next: cd there && microfn run\n"),
    ("app.py", "Next: cd app.py && microfn run\n"),
]


@pytest.mark.parametrize(("name", "shown"), WRITTEN)
def test_directory_may_have_any_name(name, shown, here):
    (here / "there").mkdir()
    (here / "there/README.md").write_text("mine", "utf-8")
    first = f"Written to {name}: app.py, test_app.py, Makefile, .gitignore, requirements.txt\n"
    assert typed("new", "--", name) == first + shown
    assert {*FILES} <= {*os.listdir(name)}
    assert (here / "there/README.md").read_text("utf-8") == "mine"


def test_what_to_type_next_can_be_typed(here):
    for name, _ in WRITTEN:
        (line,) = [line for line in typed("new", "--", name).splitlines() if line.startswith("Next: ")]
        command = line.removeprefix("Next: ").replace("microfn run", "cat app.py")
        done = subprocess.run(["sh", "-c", command], cwd=here, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, command
        for file in FILES:
            (here / name / file).unlink()


def test_name_that_is_no_text_is_shown(here):
    """A name on disk may be any bytes."""
    assert "Written to \N{REPLACEMENT CHARACTER}: app.py" in typed("new", "\udcff")
    assert b"\xff" in os.listdir(os.fsencode(here))


REFUSED = [
    ("", 2, "DIRECTORY must be the name of a directory, got ''"),
    ("-x", 2, "No such option"),
    ("file", 2, "Directory 'file' is a file."),
    ("file/x", 1, "Error: file/x cannot be written: Not a directory; nothing was written."),
    ("file/x/y", 1, "Error: file/x cannot be written: Not a directory; nothing was written."),
    ("link", 1, "Error: link/app.py cannot be written: No such file or directory; nothing was written."),
    ("link/x", 1, "Error: link/x cannot be written: No such file or directory; nothing was written."),
    ("new/" + "x" * 300, 1, "xxx cannot be written: File name too long; nothing was written."),
    ("full", 1, "Error: full already has app.py, Makefile, requirements.txt; nothing was written."),
    ("one", 1, "Error: one already has .gitignore; nothing was written."),
]


@pytest.mark.parametrize(("name", "code", "shown"), REFUSED)
def test_nothing_is_written_where_something_is_wrong(name, code, shown, here):
    (here / "file").write_text("", "utf-8")
    (here / "link").symlink_to("nowhere")
    for path in "full/app.py", "full/Makefile", "one/.gitignore":
        (here / path).parent.mkdir(exist_ok=True)
        (here / path).write_text("mine", "utf-8")
    (here / "full/requirements.txt").symlink_to("nowhere")
    before = everything(here)
    assert shown in " ".join(typed("new", name, code=code).split())
    assert everything(here) == before


class Failing:
    """A file that is there, and that nothing can be written into."""

    def __init__(self, file, error):
        self.file = file
        self.error = error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, text):
        raise self.error


@pytest.fixture
def failing(monkeypatch):
    """Let the writing of a file fail."""

    def fail(name, error):
        def opened(path, mode, *, encoding):
            file = open(path, mode, encoding=encoding)  # noqa: SIM115 - it is closed by what is tested
            return Failing(file, error) if os.path.basename(path) == name else file

        monkeypatch.setattr("microfn.cli.new.open", opened, raising=False)

    return fail


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("name", ["new", "there", "a/b/c", "a/b/../c/"])
@pytest.mark.parametrize("file", ["app.py", "Makefile", "requirements.txt"])
def test_disk_that_is_full_midway_leaves_nothing(name, file, here, failing):
    (here / "there").mkdir()
    before = everything(here)
    failing(file, FULL)
    shown = typed("new", name, code=1)
    assert shown == f"Error: {name} cannot be written: {FULL.strerror}; nothing was written.\n"
    assert everything(here) == before


def test_interrupt_midway_leaves_nothing(here, failing):
    failing("Makefile", KeyboardInterrupt())
    assert typed("new", "a/b", code=1) == "\nAborted!\n"
    assert everything(here) == {}


def test_directory_that_others_use_meanwhile_stays(here, failing, monkeypatch):
    failing("Makefile", FULL)
    monkeypatch.setattr("microfn.cli.new.os.remove", lambda path: (here / "shop/theirs").touch() or os.unlink(path))
    assert "shop cannot be written: No space left on device" in typed("new", "shop", code=1)
    assert list(everything(here)) == ["shop", "shop/theirs"]
