"""Programs; `microfn.agent.functions.texts` checks their texts."""

from __future__ import annotations

import os
import sys

import pytest

from microfn.agent.functions.program import Program, check_program, handle_program


def test_program_has_a_path_a_directory_and_an_environment(tmp_path):
    script = tmp_path / "run"
    script.write_text("#!/bin/sh\n", "utf-8")
    script.chmod(0o700)
    assert check_program(["./run", "x"], cwd=tmp_path, env={"A": "b"}) == Program(
        [str(script), "x"], str(tmp_path), {"A": "b"}
    )


def test_handle_program_finds_modules_where_this_process_does():
    program = handle_program("tests.agent.handles:echo", env={"A": "b"})
    assert program.env == {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)), "A": "b"}
    with pytest.raises(TypeError, match="env must be a mapping"):
        handle_program("tests.agent.handles:echo", env=["A=B"])
