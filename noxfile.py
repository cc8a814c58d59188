"""Tests on all installed versions of Python that microfn supports: `nox`, or `make versions`."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess

import nox

VERSIONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]

nox.options.error_on_missing_interpreters = False
nox.options.default_venv_backend = "venv"


def interpreter(version: str) -> str:
    """Return a working interpreter of this version: on the path, or of pyenv, whose shims can be broken."""
    pyenv = shutil.which("pyenv")
    root = os.environ.get("PYENV_ROOT") or (os.path.dirname(os.path.dirname(pyenv)) if pyenv else "")
    for found in (shutil.which(f"python{version}"), *glob.glob(f"{root}/versions/{version}.*/bin/python")):
        if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:  # noqa: S603
            return found
    return version


@nox.session(python=[interpreter(version) for version in VERSIONS])
def tests(session: nox.Session) -> None:
    """Run all tests except those of speed and with servers. Arguments go to pytest.

    Slow tests run on the oldest version only, since `make test-all` runs them on another.
    """
    session.install(".[test]", "pytest-xdist")
    apart = "speed or server or package or hosts or cgroups"
    if session.python != interpreter(VERSIONS[0]):
        apart += " or slow"
    session.run("python", "-m", "pytest", "-q", "-n", "3", "-m", f"not ({apart})", *session.posargs)
