"""`abort` raises the intended error, or describes its arguments."""

from __future__ import annotations

import pytest
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, MethodNotAllowed, TooManyRequests
from werkzeug.wrappers import Response as WerkzeugResponse

from microfn import Response, Router, abort

from ..wsgi import call


def abort_with(*args, **options):
    app = Router()
    app.get("/")(lambda request, params: abort(*args, **options))
    return call(app)


@pytest.mark.parametrize("description", ["No such note.", Markup("<b>"), ValueError("x"), 5, "", None, "\ud800"])
def test_abort_tells_its_description(description):
    reply = abort_with(404, description)
    assert reply.code == 404
    assert description in ("", None, "\ud800") or reply.json["detail"] == str(description)


@pytest.mark.parametrize("kind", [Response, WerkzeugResponse])
def test_abort_answers_with_a_response(kind):
    assert abort_with(kind("teapot", 418)).text == "teapot"
    assert abort_with(404, response=kind("gone", 410)).text == "gone"
    with pytest.raises(HTTPException):
        abort(kind("x"))


def test_abort_takes_the_options_of_an_exception():
    with pytest.raises(TooManyRequests) as info:
        abort(429, "Later.", retry_after=7)
    assert (info.value.description, info.value.retry_after) == ("Later.", 7)
    with pytest.raises(MethodNotAllowed) as info:
        abort(405, ["GET"], "No.")
    assert (info.value.valid_methods, info.value.description) == (["GET"], "No.")
    assert abort_with(416, 7).headers["content-range"] == "bytes */7"


@pytest.mark.parametrize("value", [{"a": 1}, ["a"], ("a", "b"), {"a"}, b"a", {}])
def test_abort_refuses_a_description_that_is_no_text(value):
    for options in ({}, {"retry_after": 5}):
        with pytest.raises(
            TypeError, match=rf"description must be a str, got {type(value).__name__}: .*return \(value"
        ):
            abort(429, value, **options)
    with pytest.raises(TypeError, match="description must be a str"):
        abort(400, description=value)
    assert abort_with(400, value).code == 500


@pytest.mark.parametrize("status", [200, 299, 302, 0, -1, 999, 10**30, True])
def test_abort_refuses_a_status_that_is_no_errors(status):
    with pytest.raises(LookupError, match=f"status must be the status of an error that werkzeug knows, got {status}"):
        abort(status)


@pytest.mark.parametrize("status", ["404", "404 Not Found", None, 4.04, HTTPException, {"a": 1}])
def test_abort_refuses_a_status_that_is_no_number(status):
    with pytest.raises(TypeError, match="status must be an int or a Response, got"):
        abort(status)


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((404,), {"message": "x"}, r"arguments of abort must be a status and a description, got message='x': "),
        ((404, "a", None, "c"), {}, r"arguments of abort must be a status and a description, got 'a', None, 'c': "),
        ((404, "a", "b"), {}, r"response must be a Response, got 'b'"),
        (
            (405, "No."),
            {},
            r"valid_methods must be a list of methods, got 'No\.'; did you mean abort\(405, d",
        ),
        ((416, "No."), {}, r"length must be a number of bytes, got 'No\.'; did you mean abort\(416, description="),
    ],
)
def test_abort_refuses_other_arguments(args, options, message):
    with pytest.raises(TypeError, match=message):
        abort(*args, **options)
