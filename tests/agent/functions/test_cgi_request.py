"""A call's request as CGI variables."""

from __future__ import annotations

from microfn.agent.call_request import CallRequest
from microfn.agent.functions.cgi_request import metavariables


def test_query_and_prefix_are_set_even_if_they_are_empty():
    variables = metavariables(CallRequest("GET", ""))
    assert variables[b"QUERY_STRING"] == b""
    assert variables[b"SCRIPT_NAME"] == b""
    assert b"PATH_INFO" not in variables


def test_headers_have_the_names_of_cgi_but_for_proxy():
    headers = (("X-Some-Name", "grün"), ("content-type", "text/x"), ("Proxy", "http://evil.example"))
    variables = metavariables(CallRequest("POST", "/x", headers=headers, connection={"REMOTE_ADDR": "::1"}))
    assert variables[b"HTTP_X_SOME_NAME"] == b"gr\xfcn"
    assert variables[b"CONTENT_TYPE"] == b"text/x"
    assert variables[b"REMOTE_ADDR"] == b"::1"
    assert b"HTTP_PROXY" not in variables
    assert b"HTTP_CONTENT_TYPE" not in variables


def test_params_come_each_and_as_json():
    variables = metavariables(CallRequest("GET", "/", params={"id": 7, "name": "ä\udcff"}))
    assert variables[b"FN_PARAM_id"] == b"7"
    assert variables[b"FN_PARAM_name"] == b"\xc3\xa4\xff"
    assert variables[b"FN_PARAMS"] == b'{"id": 7, "name": "\\u00e4\\udcff"}'
