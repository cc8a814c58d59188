"""Requests of calls, from WSGI and without HTTP."""

from __future__ import annotations

import json

import pytest

from microfn.agent.call_request import CallRequest, check_target, request_from_environ, request_without_http

ENVIRON = {"REQUEST_METHOD": "POST", "SERVER_PORT": 4711, "wsgi.url_scheme": "https", "REMOTE_USER": ""}


def test_request_has_the_parts_of_an_environ():
    request = request_from_environ(
        {**ENVIRON, "SCRIPT_NAME": "/a", "PATH_INFO": "/b", "QUERY_STRING": "c", "CONTENT_TYPE": "x", "HTTP_X_Y": "z"},
        {"id": 7},
    )
    assert request == CallRequest(
        "POST",
        "/b",
        "c",
        "/a",
        (("X-Y", "z"), ("Content-Type", "x")),
        {"id": 7},
        {"SERVER_PORT": "4711", "HTTPS": "on"},
    )


def test_headers_are_all_but_those_about_the_connection():
    """If a client names a header in Connection, a header of trusted middleware is still kept."""
    names = "CONNECTION", "TE", "TRANSFER_ENCODING", "CONTENT_LENGTH", "X_ROLE", "X_EMPTY"
    environ = {f"HTTP_{name}": "x-role" for name in names} | {"HTTP_X_EMPTY": ""}
    assert request_from_environ({**ENVIRON, **environ}, None).headers == (("X-Role", "x-role"),)


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/a b", "", "/a%20b"),
        ("", "", "/"),
        ("/ü?".encode().decode("latin-1"), "q=1", "/%C3%BC%3F?q=1"),
        ("//a/../b;c=d", "", "//a/../b;c=d"),
    ],
)
def test_target_is_path_and_query_as_a_request_line_has_them(path, query, target):
    assert CallRequest("GET", path, query).target == target


def test_request_without_http_is_like_one_of_wsgi():
    request = request_without_http("PUT", "/ä?q=ö", {"X-Name": "ü", "Content-Length": "9", "TE": "x"}, {"id": 7})
    assert (request.path, request.query) == ("/ä".encode().decode("latin-1"), "q=ö".encode().decode("latin-1"))
    assert request.headers == (("X-Name", "ü".encode().decode("latin-1")),)
    assert request.connection["SERVER_NAME"] == "localhost"


@pytest.mark.parametrize(("method", "path"), [("", "/"), ("A B", "/"), (None, "/"), ("GET", ""), ("GET", b"/")])
def test_invalid_target_is_refused(method, path):
    with pytest.raises(ValueError, match=r"must be a token|must begin with"):
        check_target(method, path)


@pytest.mark.parametrize(
    ("headers", "params", "error"),
    [
        ([("A", "b")], {}, TypeError),
        ({}, "a=b", TypeError),
        ({"": "x"}, {}, ValueError),
        ({1: "x"}, {}, ValueError),
        ({"A": 1}, {}, TypeError),
        ({"A": "b\nc"}, {}, ValueError),
    ],
)
def test_invalid_headers_and_params_are_refused(headers, params, error):
    with pytest.raises(error):
        request_without_http("GET", "/", headers, params)


def test_params_are_json_that_every_parser_reads():
    circular = []
    circular.append(circular)
    params = {"nan": float("nan"), "deep": [float("-inf")], "n": 7, "z": 2j, "name": "\ud800é", "c": circular}
    text = CallRequest("GET", "/", params=params).params_json
    found = json.loads(text, parse_constant=pytest.fail)
    assert found == {"nan": "nan", "deep": "[-inf]", "n": 7, "z": "2j", "name": "\ud800é", "c": "[[...]]"}
    assert text.isascii()
