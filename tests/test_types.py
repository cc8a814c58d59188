"""The type checker sees all of the code: it finds a fault that is planted in any room of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from .documents import ROOT

PLANTED = [
    ("http/request.py", "return method.upper()", "return str(5 + self.nonexistent)", 'no attribute "nonexistent"'),
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
