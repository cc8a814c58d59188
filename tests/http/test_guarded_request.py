"""Properties that parse a header: each has a limit, and none of them is a 500."""

from __future__ import annotations

import pytest
from werkzeug.exceptions import HTTPException

from microfn import Request, Router
from microfn.http.guarded_request import GuardedRequest

from ..wsgi import call, environ_of

BAD_HEADERS = [
    ("authorization", {"HTTP_AUTHORIZATION": "Basic \xff"}),
    ("args", {"QUERY_STRING": "\xff=1"}),
    ("full_path", {"QUERY_STRING": "\xff"}),
]


@pytest.mark.parametrize(("name", "extra"), BAD_HEADERS)
def test_what_a_client_sends_and_nobody_can_read_is_400(name, extra):
    app = Router()
    app.get("/")(lambda request, params: repr(getattr(request, name)))
    assert call(app, **extra).code == 400


def test_an_absurd_date_is_none():
    assert Request(environ_of(HTTP_DATE="Mon, 01 Jan 99999999999 00:00:00 GMT")).date is None


class Small(GuardedRequest):
    max_header_length = max_target_length = 10


@pytest.mark.parametrize(("name", "key"), [("cookies", "HTTP_COOKIE"), ("args", "QUERY_STRING")])
def test_property_refuses_a_text_above_its_limit(name, key):
    assert len(getattr(Small(environ_of(**{key: "a=b"})), name)) == 1
    with pytest.raises(HTTPException):
        getattr(Small(environ_of(**{key: "x" * 11})), name)


def test_property_is_computed_once():
    request = GuardedRequest(environ_of(HTTP_COOKIE="a=1"))
    assert request.cookies is request.cookies
