"""Errors as people and programs see them: problems in JSON, pages and text."""

from __future__ import annotations

import json

import pytest
from werkzeug.datastructures import CombinedMultiDict, Headers, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import (
    BadRequest,
    BadRequestKeyError,
    ImATeapot,
    TooManyRequests,
)

from microfn import Request, Router, abort
from microfn.http.problems import preferred_type

from ..handles import raising
from ..wsgi import call, environ_of

JSON = "application/problem+json"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

ACCEPTS = [
    ("", JSON),
    ("*/*", JSON),
    ("application/json", JSON),
    ("application/problem+json", JSON),
    ("text/html", HTML),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
    ("text/*", HTML),
    ("text/html;q=0.5, application/json", JSON),
    ("text/html, application/json", JSON),
    ("text/html, application/problem+json;q=0.9", HTML),
    ("text/plain", TEXT),
    ("text/plain, text/html;q=0.5", TEXT),
    ("text/plain, text/html", HTML),
    ("text/plain, application/json", JSON),
    ("text/plain;q=0.9, */*;q=0.1", TEXT),
    ("image/png", JSON),
    ("text/html;q=0", JSON),
    ("text/html;charset=utf-8", HTML),
    ("text/html;level=1, application/json;q=0.5", HTML),
    ("text/html;q=nonsense", JSON),
    (",;q=,/", JSON),
    ("\xff", JSON),
]


@pytest.mark.parametrize(("accept", "content_type"), ACCEPTS)
def test_accept_decides_what_an_error_looks_like(accept, content_type):
    assert preferred_type(accept) == content_type
    reply = call(Router(), path="/nope", HTTP_ACCEPT=accept)
    assert reply.headers["content-type"] == content_type
    assert reply.headers["vary"] == "Accept"
    assert reply.headers["content-length"] == str(len(reply.body))


def test_an_accept_of_any_size_is_answered():
    assert call(Router(), path="/nope", HTTP_ACCEPT="text/html," * 10000).headers["content-type"] == JSON


def test_a_problem_says_type_title_status_and_detail():
    app = Router()
    app.get("/")(lambda request, params: abort(404, "No such <user> é"))
    assert json.loads(call(app).text) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "No such <user> é",
    }


def test_a_field_that_is_missing_is_named():
    app = Router()
    app.post("/")(lambda request, params: request.form["name"])
    app.get("/")(lambda request, params: request.args["page"])
    app.get("/raised")(raising(BadRequestKeyError()))
    assert json.loads(call(app, "POST").text)["detail"] == "The request has no 'name'."
    assert json.loads(call(app).text)["detail"] == "The request has no 'page'."
    assert call(app, path="/raised").code == 400


MISSING = {
    "args": lambda request: request.args["x"],
    "form": lambda request: request.form["x"],
    "files": lambda request: request.files["x"],
    "values": lambda request: request.values["x"],
    "cookies": lambda request: request.cookies["x"],
    "headers": lambda request: request.headers["x"],
}
OWN = {
    "a MultiDict": lambda request: MultiDict({"secret": "1"})["x"],
    "an ImmutableMultiDict": lambda request: ImmutableMultiDict({"secret": "1"})["x"],
    "a CombinedMultiDict": lambda request: CombinedMultiDict([request.args])["x"],
    "Headers": lambda request: Headers({"secret": "1"})["x"],
    "a copy": lambda request: (request.args, request.args.copy()["x"]),
    "another request's": lambda request: (request.args, Request(environ_of()).args["x"]),
    "an error that was made": lambda request: (request.args, raising(BadRequestKeyError("x"))(request, {})),
}


@pytest.mark.parametrize("read", MISSING.values(), ids=MISSING)
def test_key_that_the_client_could_have_sent_is_named(read):
    app = Router()

    @app.use
    def passing(handle):
        return lambda request, params: handle(request, params)

    app.post("/")(lambda request, params: read(request))
    got = call(app, "POST")
    assert (got.code, got.json["detail"]) == (400, "The request has no 'x'.")


@pytest.mark.parametrize("read", OWN.values(), ids=OWN)
def test_key_of_the_applications_own_is_not_named(read):
    app = Router()
    app.post("/")(lambda request, params: read(request))
    app.post("/valid", valid=lambda data: read(Request(environ_of())))(lambda request, params: request.valid)
    app.post("/in/:x", convert={"x": lambda text: read(Request(environ_of()))})(lambda request, params: "")
    for path in "/", "/valid", "/in/1":
        got = call(app, "POST", path=path, body=b"{}", CONTENT_TYPE="application/json")
        assert (got.code, got.json["detail"]) == (400, BadRequest.description)


def test_header_that_is_missing_is_a_key_error_too():
    headers = Request(environ_of(HTTP_X_A="1", CONTENT_TYPE="a/b")).headers
    assert (headers["X-A"], headers["content-type"], headers.get("x"), "x" in headers) == ("1", "a/b", None, False)
    with pytest.raises(KeyError):
        _ = headers["x"]


def test_a_limit_is_named():
    app = Router(max_content_length=3)
    app.post("/")(lambda request, params: request.get_data())
    for options in [{}, {"CONTENT_LENGTH": None, "wsgi__input_terminated": True}]:
        reply = call(app, "POST", body=b"four", **options)
        assert json.loads(reply.text)["detail"] == "The body can have at most 3 bytes."


def test_html_is_escaped_and_text_is_not():
    app = Router()
    app.get("/")(lambda request, params: abort(404, "<script>alert(1)</script> é"))
    page = call(app, HTTP_ACCEPT="text/html").text
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; é" in page
    assert call(app, HTTP_ACCEPT="text/plain").text == "404 Not Found\n<script>alert(1)</script> é\n"


@pytest.mark.parametrize("description", ["\ud800", 5, ["a"], ""])
@pytest.mark.parametrize("accept", ["text/html", "text/plain", "*/*"])
def test_any_description_can_be_sent(description, accept):
    app = Router()
    app.get("/")(raising(ImATeapot(description)))
    assert call(app, HTTP_ACCEPT=accept).code == 418


def test_an_error_keeps_its_headers():
    app = Router()
    app.get("/busy")(raising(TooManyRequests(retry_after=7)))
    assert call(app, path="/busy").headers["retry-after"] == "7"
