"""The launcher as a program (`microfn.agent.launcher.__main__`) needs Linux, and imports only its own folder."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from microfn.agent import launcher
from microfn.agent.launcher.program import become_subreaper

FOLDER = os.path.dirname(launcher.__file__)
PRINT_MODULES = """
import atexit, runpy, sys
atexit.register(lambda: print(*sorted(name for name in sys.modules if sys.modules[name] is not None)))
sys.argv = [{folder!r}]
runpy.run_path({folder!r}, run_name="__main__")
"""


def test_launcher_imports_its_folder_and_the_standard_library():
    program = PRINT_MODULES.format(folder=FOLDER)
    command = [sys.executable, "-I", "-S", "-c", program]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    names = {name.partition(".")[0] for name in ended.stdout.split()}
    assert "launcher" in names, ended.stderr
    assert names - set(sys.stdlib_module_names) - {"__main__", "launcher"} == set()


def autogroup() -> str:
    """Return the name and the precedence of this session, or "" if the system has none for sessions."""
    path = Path("/proc/self/autogroup")
    return path.read_text("ascii") if path.exists() else ""


@pytest.fixture(autouse=True)
def session_keeps_its_precedence():
    before = autogroup()
    yield
    assert autogroup() == before


def test_launcher_is_run_by_its_path_in_any_directory(tmp_path):
    (tmp_path / "socket.py").write_text("raise SystemExit(7)")
    command = [sys.executable, "-W", "error", "-I", "-S", FOLDER]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd=tmp_path, check=False)
    assert b"not a socket" in ended.stderr or b"Socket operation on non-socket" in ended.stderr


def test_system_without_subreapers_is_an_error(monkeypatch):
    class System:
        @staticmethod
        def prctl(*_):
            ctypes.set_errno(22)
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: System)
    with pytest.raises(OSError, match="PR_SET_CHILD_SUBREAPER"):
        become_subreaper()
