"""The Python of a function is the current one, even if a server embeds it."""

from __future__ import annotations

import os
import sys

import pytest

from microfn.agent.interpreter import interpreter


@pytest.mark.parametrize("found", ["", None, "/usr/bin/uwsgi"])
def test_interpreter_is_found_if_a_server_embeds_python(monkeypatch, found):
    monkeypatch.setattr(sys, "executable", found)
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    assert interpreter() == os.path.join(sys.exec_prefix, "bin", name)
