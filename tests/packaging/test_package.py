"""The published package: built, inspected, and installed in an empty environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from microfn import __version__

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.package


def done(*command: str | Path, cwd: Path = ROOT, **environ: str) -> str:
    """Return the output of a command. It must succeed, and print no other path of Python than its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MAKE", "MFLAGS"))}
    words, environ = [str(part) for part in command], {**kept, **environ}
    finished = subprocess.run(
        words, cwd=cwd, env=environ, capture_output=True, timeout=300, check=False, encoding="utf-8"
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout + finished.stderr


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build with `python -m build` from a copy of the checkout, without files of other builds."""
    source, built = tmp_path_factory.mktemp("source") / "microfn", tmp_path_factory.mktemp("dist")
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "*.egg-info", "build", "dist", "__pycache__"))
    done(sys.executable, "-m", "build", "--outdir", built, source)
    return built


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def sdist(dist: Path) -> Path:
    (found,) = dist.glob("*.tar.gz")
    return found


def test_an_index_would_take_both(wheel, sdist):
    assert done(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist).count("PASSED") == 2


def test_the_wheel_is_pure_and_has_the_package_alone(wheel):
    assert wheel.name == f"microfn-{__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    ours = {str(path.relative_to(ROOT)) for path in (ROOT / "microfn").rglob("*.py")} | {"microfn/py.typed"}
    assert ours <= set(names)
    assert {name.split("/")[0] for name in names} == {"microfn", f"microfn-{__version__}.dist-info"}
    assert {"LICENSE", "LICENSE.httprouter"} <= {Path(name).name for name in names}


def test_the_sdist_has_what_it_takes_to_build_and_no_tests(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"microfn/py.typed", "setup.cfg", "setup.py", "README.md", "LICENSE", "LICENSE.httprouter"} <= names
    assert {"CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md", "docs/tutorial.md"} <= names
    assert not [
        name for name in names if re.search(r"(^|/)tests?(/|_)|_test\.py$", name) and not name.startswith("docs/")
    ]


@pytest.fixture(scope="module", params=["wheel", "sdist"])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment in which nothing but microfn is installed."""
    home = tmp_path_factory.mktemp("home")
    done(sys.executable, "-m", "venv", home / "venv")
    package = request.getfixturevalue(request.param)
    done(home / "venv/bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install", package)
    return home


def test_a_new_project_passes_its_tests(installed):
    path = f"{installed / 'venv/bin'}{os.pathsep}{os.environ['PATH']}"
    done("microfn", "new", "shop", cwd=installed, PATH=path)
    assert "3 passed" in done("make", "test", cwd=installed / "shop", PATH=path)
    assert "/hello/:name" in done("microfn", "routes", cwd=installed / "shop", PATH=path)
