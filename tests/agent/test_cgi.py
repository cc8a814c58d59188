"""What a function is asked, as CGI has it."""

from __future__ import annotations

import pytest

from microfn.agent.cgi import metavariables


@pytest.mark.parametrize("environ", [{}, {"QUERY_STRING": "", "SCRIPT_NAME": ""}], ids=["absent", "empty"])
def test_query_and_prefix_are_set_even_if_they_are_empty(environ):
    variables = metavariables(environ, None)
    assert variables[b"QUERY_STRING"] == b""
    assert variables[b"SCRIPT_NAME"] == b""
    assert b"PATH_INFO" not in variables
