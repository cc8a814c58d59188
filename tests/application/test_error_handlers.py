"""The error handler that is the most specific one answers."""

from __future__ import annotations

import pytest
from werkzeug.exceptions import (
    BadRequest,
    BadRequestKeyError,
    HTTPException,
    InternalServerError,
    NotFound,
)

from microfn import Router

from ..handles import raising
from ..wsgi import call


class Teapot(HTTPException):
    code = 404
    description = "a teapot"


class Strange(ValueError):
    pass


def handlers(*keys):
    """An app whose error handlers answer with the key they were registered for."""
    app = Router()
    for key in keys:
        name = key if isinstance(key, int) else key.__name__
        app.error(key)(lambda request, error, name=name: f"{name} {type(error).__name__}")
    return app


SPECIFIC = [
    ([404], NotFound(), "404 NotFound", 404),
    ([404], Teapot(), "404 Teapot", 404),
    ([404, Teapot], Teapot(), "Teapot Teapot", 404),
    ([404, NotFound], NotFound(), "NotFound NotFound", 404),
    ([404, HTTPException], NotFound(), "404 NotFound", 404),
    ([HTTPException], NotFound(), "HTTPException NotFound", 404),
    ([BadRequest], BadRequestKeyError("x"), "BadRequest BadRequestKeyError", 400),
    ([KeyError], BadRequestKeyError("x"), None, 400),
    ([Exception], NotFound(), None, 404),
    ([Exception, 500], NotFound(), None, 404),
    ([ValueError], Strange(), "ValueError Strange", 500),
    ([ValueError, Strange], Strange(), "Strange Strange", 500),
    ([Exception, ValueError], Strange(), "ValueError Strange", 500),
    ([Exception], Strange(), "Exception Strange", 500),
    ([Exception, 500], Strange(), "Exception Strange", 500),
    ([500], Strange(), "500 InternalServerError", 500),
    ([500], InternalServerError(), "500 InternalServerError", 500),
    ([HTTPException], Strange(), "HTTPException InternalServerError", 500),
    ([InternalServerError], Strange(), "InternalServerError InternalServerError", 500),
    ([503], Strange(), None, 500),
    ([KeyError], Strange(), None, 500),
]


@pytest.mark.parametrize(("keys", "error", "text", "code"), SPECIFIC)
def test_the_most_specific_handler_answers(keys, error, text, code):
    app = handlers(*keys)
    app.get("/")(raising(error))
    reply = call(app)
    assert reply.code == code
    if text is None:
        assert reply.headers["content-type"] == "application/problem+json"
    else:
        assert reply.text == text
