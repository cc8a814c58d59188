"""Content-Length: dropped with its body, and respected by the response."""

from __future__ import annotations

import pytest
from werkzeug.wrappers import Response as WerkzeugResponse

from microfn import Response, Router, json_response
from microfn.http.content_length import forget_length, remember_length
from microfn.http.response import copy_response
from microfn.middleware import access_log

from ..handles import answer
from ..wsgi import call


def test_stream_in_place_of_a_body_drops_its_length():
    response = Response("four")
    forget_length(response)
    assert response.headers["Content-Length"] == "4"
    response.response = iter(["a"])
    forget_length(response)
    assert "Content-Length" not in response.headers

    response = Response("four")
    response.set_data("longer")
    remember_length(response)
    response = copy_response(response)
    response.response = iter(["a"])
    forget_length(response)
    assert "Content-Length" not in response.headers


def test_a_length_that_was_said_of_the_stream_stays():
    streaming, replaced = Response(iter(["a"]), headers={"Content-Length": "1"}), Response("four")
    replaced.response = iter(["a"])
    replaced.headers["Content-Length"] = "1"
    for response in streaming, replaced:
        forget_length(response)
        assert response.headers["Content-Length"] == "1"


def halving(handle):
    """Middleware that puts a shorter stream in place of the body, as one that compresses does."""

    def halved(request, params):
        response = handle(request, params)
        chunks = response.response
        response.response = (chunk[: len(chunk) // 2] for chunk in chunks)
        return response

    return halved


OF_FOUR = [
    lambda: "four",
    lambda: {"a": 1},
    lambda: json_response("ab"),
    lambda: Response("four"),
    lambda: Response(["fo", "ur"], headers={"Content-Length": "4"}),
    lambda: Response(iter(["fo", "ur"]), headers={"Content-Length": "4"}),
    lambda: WerkzeugResponse("four"),
    lambda: WerkzeugResponse(iter(["fo", "ur"]), headers={"Content-Length": "4"}),
    lambda: (iter(["fo", "ur"]), {"Content-Length": "4"}),
    lambda: (Response("four"), 201),
]


@pytest.mark.parametrize("make", OF_FOUR)
@pytest.mark.parametrize("others", [0, 1, 2])
def test_length_is_gone_with_the_body_it_was_told_of(make, others):
    app = Router()
    for _ in range(others):
        app.use(lambda handle: lambda request, params: handle(request, params))
    app.use(halving)
    reply = answer(make(), router=app)
    assert (reply.error, reply.headers.get("content-length")) == (None, None)
    assert 2 <= len(reply.body) <= 4


@pytest.mark.parametrize("make", OF_FOUR)
def test_access_log_leaves_the_length_as_it_is(make):
    app = Router()
    app.use(access_log(lambda line: None))
    plain, logged = answer(make()), answer(make(), router=app)
    assert (logged.body, sorted(logged.header_list)) == (plain.body, sorted(plain.header_list))


@pytest.mark.parametrize(
    ("told", "body", "failure"),
    [
        ("6", b"abcdef", None),
        ("4", b"abcd", "longer than its Content-Length of 4 bytes"),
        ("0", b"", "longer than its Content-Length of 0 bytes"),
        ("7", b"abcdef", "1 bytes shorter than its Content-Length of 7 bytes"),
        ("9" * 19, b"abcdef", None),
    ],
)
@pytest.mark.parametrize("has_middleware", [False, True])
@pytest.mark.parametrize(
    "make",
    [lambda headers: (iter(["abc", "def"]), headers), lambda headers: Response(iter(["abc", "def"]), headers=headers)],
)
def test_no_more_is_sent_than_is_told_and_no_less(make, told, body, failure, has_middleware, caplog):
    app = Router()
    if has_middleware:
        app.use(lambda handle: lambda request, params: handle(request, params))
        app.use(lambda handle: lambda request, params: handle(request, params))
    reply = answer(make({"Content-Length": told}), router=app, validate=False)
    assert (reply.headers["content-length"], reply.body) == (told, body)
    assert (reply.error is not None) is (failure is not None)
    if failure:
        assert failure in str(reply.error)
        assert len(caplog.records) == 1


def test_length_of_a_part_of_a_whole_body_stays():
    app = Router()
    app.get("/")(lambda request, params: Response("hello").make_conditional(request, True, 5))
    for asked, length in ("bytes=0-", "5"), ("bytes=-9", "5"), ("bytes=1-2", "2"):
        reply = call(app, HTTP_RANGE=asked)
        assert (reply.code, reply.headers["content-length"], len(reply.body)) == (206, length, int(length))
