"""`microfn new`: a project that runs and passes its tests."""

from __future__ import annotations

import os
import subprocess
import sys

from .shop import typed


def test_new_writes_a_project_that_runs_at_once(tmp_path):
    shop = tmp_path / "my shop"
    assert "Next: cd" in typed("new", str(shop))
    assert sorted(os.listdir(shop)) == [".gitignore", "Makefile", "app.py", "requirements.txt", "test_app.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=shop, capture_output=True, timeout=60, check=False, encoding="utf-8")
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    (shop / "app.py").write_text("mine", "utf-8")
    assert "app.py, test_app.py, Makefile" in typed("new", str(shop), code=1)
    assert (shop / "app.py").read_text("utf-8") == "mine"
    (tmp_path / "file").write_text("", "utf-8")
    assert "cannot be written" in typed("new", str(tmp_path / "file" / "x"), code=1)


def test_what_to_type_next_can_be_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "Next: cd 'a b' && microfn run" in typed("new", "a b")
