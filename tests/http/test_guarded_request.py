"""Properties that parse a header: each has a limit, and none of them is a 500."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request as WerkzeugRequest

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


LAST = "Fri, 31 Dec 9999 23:59:59 -0001"
IF_RANGES = [
    ('"a"', '"a"'),
    ('W/"a"', '"a"'),
    ("a", '"a"'),
    ("", ""),
    ('a"b', ""),
    ('"a"b"', ""),
    ('W/"a"b', ""),
    (LAST, ""),
    ("Tue, 24 Nov 2026 04:36:00 GMT", "Tue, 24 Nov 2026 04:36:00 GMT"),
]


@pytest.mark.parametrize(("sent", "written"), IF_RANGES)
def test_if_range_that_cannot_be_written_is_empty(sent, written):
    found = Request(environ_of(HTTP_IF_RANGE=sent)).if_range
    assert (str(found), found.to_header(), repr(found)) == (written, written, f"<IfRange {written!r}>")
    assert (found.etag is None and found.date is None) is (written == "")


@pytest.mark.parametrize("name", ["date", "if_modified_since", "if_unmodified_since"])
def test_date_beyond_those_of_utc_is_none(name):
    assert getattr(Request(environ_of(**{f"HTTP_{name.upper()}": LAST})), name) is None
    known = getattr(Request(environ_of(**{f"HTTP_{name.upper()}": "Tue, 24 Nov 2026 04:36:00 GMT"})), name)
    assert known.year == 2026


def test_charset_with_a_nul_is_disregarded():
    accepted = Request(environ_of(HTTP_ACCEPT_CHARSET="utf-8, \0")).accept_charsets
    assert ("utf-8" in accepted, "latin-1" in accepted) == (False, False)


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


def args_of(cls, query):
    """The pairs of a query; None if it is refused."""
    try:
        return list(cls(environ_of(QUERY_STRING=query)).args.items(multi=True))
    except (HTTPException, UnicodeDecodeError):
        return None


@given(st.text("ab=&+;%2fé#\xff ", max_size=12))
@example("=&=a&&a==b&c")
@example("")
def test_args_are_those_that_werkzeug_reads(query):
    sent = query.encode("utf-8", "replace").decode("latin-1")
    assert args_of(Request, sent) == args_of(WerkzeugRequest, sent)
    assert args_of(Request, query) == args_of(WerkzeugRequest, query)
