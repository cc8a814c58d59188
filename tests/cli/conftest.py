"""A directory with an application, in which commands are typed."""

from __future__ import annotations

import sys

import pytest

from .shop import OTHER, SHOP


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory with an application, in which commands are typed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    (tmp_path / "app.py").write_text(SHOP, "utf-8")
    (tmp_path / "other.py").write_text(OTHER, "utf-8")
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
