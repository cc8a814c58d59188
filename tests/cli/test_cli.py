"""The command line, as it is typed."""

from __future__ import annotations

import runpy
import sys

import pytest
from click.testing import CliRunner

from microfn import __version__, cli

from .shop import typed


def test_help_shows_every_command_with_examples():
    shown = typed("--help")
    for name in "run", "serve", "routes", "match", "check", "openapi", "new", "deploy":
        assert f"  {name} " in shown
        assert f"microfn {name}" in typed(name, "--help")
    assert "0.1.0" in typed("--version")
    assert "No such command 'nothing'" in typed("nothing", code=2)


def test_python_m_is_the_command_line(monkeypatch, capsys):
    """`python -m microfn` runs `microfn.__main__`."""
    monkeypatch.setattr(sys, "argv", ["microfn", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("microfn", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"microfn, version {__version__}\n"


@pytest.mark.parametrize(("value", "is_coloured"), [(None, True), ("", True), ("1", False)])
def test_no_command_has_colours_where_nobody_wants_them(value, is_coloured, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "painted.py").write_text("from microfn import Router\napp = Router()\n", "utf-8")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if value is not None:
        monkeypatch.setenv("NO_COLOR", value)
    result = CliRunner().invoke(cli.main, ["match", "GET", "/nothing", "painted"], color=True)
    assert "404 Not Found" in result.output
    assert ("\x1b[33m" in result.output) is is_coloured
