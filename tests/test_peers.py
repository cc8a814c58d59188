"""Failures of other frameworks that microfn avoids: each row is one kind.

They were measured on 2026-11-24. If the installed versions are the same, the tests assert that they still fail.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

import pytest

from microfn import Router

from .wsgi import Input, Reply, call

MEASURED = {"bottle": "0.13.4", "flask": "3.1.3"}
DEEP = "/deep" + "/s" * 1200
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    around = tmp_path_factory.mktemp("peers")
    for directory in around / "public", around / "outside":
        directory.mkdir()
    (around / "outside" / "secret.txt").write_text("secret", "utf-8")
    (around / "public" / "out").symlink_to(around / "outside")
    return around / "public"


def of_microfn(root, deep="/deep"):
    app = Router()
    app.get("/docs/")(lambda request, params: "docs")
    app.get("/about")(lambda request, params: "about")
    app.get("/users/:id")(lambda request, params: params["id"])
    app.get(deep)(lambda request, params: "deep")
    app.get("/header")(lambda request, params: ("", 200, {"X-Value": request.args["v"]}))
    app.get("/auth")(lambda request, params: str(request.authorization))
    app.get("/query")(lambda request, params: str(len(request.args)))
    app.get("/url")(lambda request, params: request.url)
    app.post("/body")(lambda request, params: request.get_data())
    app.post("/json")(lambda request, params: json.dumps(request.json))
    app.post("/form")(lambda request, params: str(len(list(request.form.items(multi=True)))))
    app.serve_files("/files/*path", root)
    return app


def of_flask(root, deep="/deep"):
    from flask import Flask, request, send_from_directory

    app = Flask("peer", static_folder=None)
    app.logger.disabled = True
    app.get("/docs/")(lambda: "docs")
    app.get("/about", endpoint="about")(lambda: "about")
    app.get("/users/<id>", endpoint="user")(lambda id: id)  # noqa: A006
    app.get("/header", endpoint="header")(lambda: ("", 200, {"X-Value": request.args["v"]}))
    app.get(deep, endpoint="deep")(lambda: "deep")
    app.get("/auth", endpoint="auth")(lambda: str(request.authorization))
    app.get("/query", endpoint="query")(lambda: str(len(request.args)))
    app.get("/url", endpoint="url")(lambda: request.url)
    app.post("/body", endpoint="body")(lambda: request.get_data())
    app.post("/json", endpoint="json")(lambda: json.dumps(request.json))
    app.post("/form", endpoint="form")(lambda: str(len(list(request.form.items(multi=True)))))
    app.get("/files/<path:path>", endpoint="files")(lambda path: send_from_directory(root, path))
    return app


def of_bottle(root, deep="/deep"):
    from bottle import Bottle, request, response, static_file

    def header():
        response.set_header("X-Value", request.query.v)
        return ""

    app = Bottle()
    app.get("/docs/", callback=lambda: "docs")
    app.get("/about", callback=lambda: "about")
    app.get("/users/<id>", callback=lambda id: id)  # noqa: A006
    app.get(deep, callback=lambda: "deep")
    app.get("/header", callback=header)
    app.get("/auth", callback=lambda: str(request.auth))
    app.get("/query", callback=lambda: str(len(request.query)))
    app.get("/url", callback=lambda: request.url)
    app.post("/body", callback=lambda: request.body.read())
    app.post("/json", callback=lambda: json.dumps(request.json))
    app.post("/form", callback=lambda: str(len(request.forms.allitems())))
    app.get("/files/<path:path>", callback=lambda path: static_file(path, root=str(root)))
    return app


class Failure(NamedTuple):
    """A request, the right response, and the frameworks that differ."""

    name: str
    request: dict[str, Any]
    is_right: Callable[[Reply], bool]
    peers: str


def answers(*codes: int) -> Callable[[Reply], bool]:
    return lambda reply: reply.code in codes


def leads_to(location: str) -> Callable[[Reply], bool]:
    return lambda reply: reply.headers.get("location") == location


def get(path: str, **options: Any) -> dict[str, Any]:
    return {"method": "GET", "path": path, **options}


def post(path: str, body: bytes = b"", kind: str = "text/plain", **options: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "body": body, "CONTENT_TYPE": kind, **options}


def broken_off() -> Input:
    return Input(b"", allowed=None, error=ConnectionResetError(104, "reset"))


FAILURES = [
    Failure(
        "a redirect leads to the host that the client names",
        get("/docs", HTTP_HOST="evil.example"),
        leads_to("/docs/"),
        "flask",
    ),
    Failure(
        "a redirect leads nowhere where nobody names a host",
        get("/docs", HTTP_HOST=None, SERVER_NAME=None, SERVER_PORT=None),
        leads_to("/docs/"),
        "flask",
    ),
    Failure("a redirect loses bytes of the query", get("/docs", query="a=\xff"), leads_to("/docs/?a=%FF"), "flask"),
    Failure("a line break in SCRIPT_NAME is a 500", get("/docs", SCRIPT_NAME="/a\r\nb"), answers(301), "flask"),
    Failure("a NUL is sent in a header", get("/header", query="v=a%00b"), answers(500), "flask"),
    Failure("a header is sent that is not latin-1", get("/header", query="v=%E6%97%A5"), answers(500), "flask"),
    Failure("characters that are no bytes crash", get("/users/\ud800"), answers(400), "flask bottle"),
    Failure(
        "bytes that are no UTF-8 are dropped, and another route answers", get("/ab\xffout"), answers(400), "bottle"
    ),
    Failure("bytes that are no UTF-8 are dropped from a value", get("/users/a\xffb"), answers(400), "bottle"),
    Failure(
        "a method in lower case is taken for another one",
        {"method": "get", "path": "/about"},
        answers(405),
        "flask bottle",
    ),
    Failure("a link leads out of the directory", get("/files/out/secret.txt"), answers(404), "flask bottle"),
    Failure(
        "credentials that are no text are a 500",
        get("/auth", HTTP_AUTHORIZATION="Basic \xff"),
        answers(200, 400),
        "flask",
    ),
    Failure("a query that is no text is a 500", get("/query", query="\xff=\xfe"), answers(200, 400), "flask"),
    Failure("a route of many segments is a 500", get(DEEP), answers(200), "flask"),
    Failure(
        "a host with a path in it moves the path", get("/url", HTTP_HOST="evil.example/x?"), answers(400), "bottle"
    ),
    Failure("JSON of many levels is a 500", post("/json", b"[" * 100_000, "application/json"), answers(400), "flask"),
    Failure(
        "the begin of a body is taken for all of it",
        post("/body", b"short", CONTENT_LENGTH="100"),
        answers(400),
        "bottle",
    ),
    Failure(
        "the begin of a body is taken for all of it, where the server ends it",
        post("/body", b"short", CONTENT_LENGTH="100", wsgi__input_terminated=True),
        answers(400),
        "flask bottle",
    ),
    Failure(
        "a body without a length is lost",
        post("/body", b"all", CONTENT_LENGTH=None, wsgi__input_terminated=True),
        lambda reply: reply.body == b"all",
        "bottle",
    ),
    Failure(
        "a length that is no number is a 500", post("/body", b"hello", CONTENT_LENGTH="5, 5"), answers(400), "bottle"
    ),
    Failure("a length below zero reads on", post("/body", b"hello", CONTENT_LENGTH="-1"), answers(400), "bottle"),
    Failure(
        "a length with an underscore reads on", post("/body", b"hello", CONTENT_LENGTH="1_0"), answers(400), "bottle"
    ),
    Failure(
        "what a proxy left of chunks is read on",
        post("/body", b"5\r\nhello\r\n0\r\n\r\n", CONTENT_LENGTH=None, HTTP_TRANSFER_ENCODING="chunked"),
        lambda reply: reply.body == b"",
        "bottle",
    ),
    Failure(
        "a client that goes is a 500",
        post("/body", CONTENT_LENGTH="100", wsgi__input=broken_off()),
        answers(400),
        "bottle",
    ),
    Failure("a form cut short is a 500", post("/form", b"a=1", FORM, CONTENT_LENGTH="100"), answers(400), "bottle"),
    Failure("a form whose bytes are no text is a 500", post("/form", b"%", FORM), answers(200, 400), "bottle"),
    Failure(
        "a form that is not said to end is a 500",
        post("/form", b"a=1", FORM, CONTENT_LENGTH=None),
        answers(200, 400),
        "bottle",
    ),
]


def is_right(make: Callable[..., Any], root: Any, failure: Failure) -> bool:
    # An application that fails here has no other response.
    app = make(root, DEEP) if failure.request["path"] == DEEP else make(root)
    try:
        reply = call(app, validate=False, **failure.request)
    except AssertionError:  # it read beyond the body
        return False
    values_are_sendable = all(
        value.isprintable() and max(value, default="") < "\u0100" for _, value in reply.header_list
    )
    return reply.error is None and values_are_sendable and failure.is_right(reply)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_where_others_fail_microfn_does_not(root, failure, caplog):
    assert is_right(of_microfn, root, failure)


@pytest.mark.parametrize(("name", "make"), [("bottle", of_bottle), ("flask", of_flask)])
def test_the_others_do_fail_there(root, name, make):
    if version(name) != MEASURED[name]:
        pytest.skip(f"{name} is another version now than the one that was measured, {MEASURED[name]}")
    failing = {failure.name for failure in FAILURES if not is_right(make, root, failure)}
    assert {failure.name for failure in FAILURES if name in failure.peers.split()} <= failing
