"""Results with a status or headers: valid forms, and replaced headers."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from werkzeug.datastructures import Headers

from microfn import Response, Router

from ..handles import answer
from ..wsgi import call

TEXT = "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (201, "201 Created"),
        (HTTPStatus.ACCEPTED, "202 Accepted"),
        ("404 Not Found", "404 Not Found"),
        ("299 Home Made", "299 Home Made"),
        (299, "299 Unknown"),
        (599, "599 Unknown"),
    ],
)
def test_a_tuple_says_the_status(status, line):
    assert answer(("x", status)).status == line


@pytest.mark.parametrize(
    "headers",
    [
        {"X-One": "1", "X-Two": 2},
        [("X-One", "1"), ("X-Two", "2")],
        Headers([("X-One", "1"), ("X-Two", "2")]),
        (("X-One", "1"), ["X-Two", "2"]),
    ],
)
def test_a_tuple_says_the_headers(headers):
    reply = answer(("x", 200, headers))
    assert (reply.headers["x-one"], reply.headers["x-two"]) == ("1", "2")
    assert reply.headers["content-type"] == TEXT


@pytest.mark.parametrize(
    "headers", [{"X-One": "1"}, [("X-One", "1")], (("X-One", "1"),), Headers({"X-One": "1"}), {}, [], ()]
)
@pytest.mark.parametrize(("body", "status"), [("x", 200), (Response("x", 201), 201), (lambda: iter("x"), 200)])
def test_a_tuple_may_have_a_body_and_headers_alone(body, status, headers):
    reply = answer((body() if callable(body) and not isinstance(body, Response) else body, headers))
    assert (reply.code, reply.body, reply.headers.get("x-one")) == (status, b"x", "1" if headers else None)


def test_error_handler_with_headers_alone_keeps_the_status():
    app = Router()
    app.error(404)(lambda request, error: ("none", {"X-One": "1"}))
    assert [call(app, path="/x").code, call(app, path="/x").headers["x-one"]] == [404, "1"]


def test_a_header_may_come_several_times():
    reply = answer(("x", 200, {"Set-Cookie": ["a=1", "b=2"]}))
    assert [value for name, value in reply.header_list if name == "Set-Cookie"] == ["a=1", "b=2"]


def test_a_given_content_type_replaces_the_default():
    assert answer(("<svg/>", 200, {"content-type": "image/svg+xml"})).header_list == [
        ("Content-Length", "6"),
        ("content-type", "image/svg+xml"),
    ]


def test_tuple_changes_a_response_for_one_request_only():
    """The tuple has another status and other headers."""
    response = Response("ok", headers={"X-One": "1"})
    reply = answer((response, 202, {"x-one": "2"}))
    assert (reply.status, reply.headers["x-one"]) == ("202 Accepted", "2")
    assert (response.status_code, response.headers["X-One"]) == (200, "1")
