"""Responses of functions, parsed from output in pieces of any size."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from microfn.agent.errors import Failed
from microfn.agent.functions.cgi_response import read_response

PLAIN = SimpleNamespace(protocol="plain", content_type="text/x")
CGI = SimpleNamespace(protocol="cgi", content_type="")


def reply_of(output, *, function=CGI, method="GET", piece=3):
    source = io.BytesIO(output)
    return read_response(function, method, lambda: source.read(piece))


def test_plain_output_is_the_body():
    status, headers, body = reply_of(b"Status: 404\n\nx", function=PLAIN)
    assert (status, headers, b"".join(body)) == ("200 OK", [("Content-Type", "text/x")], b"Status: 404\n\nx")


@pytest.mark.parametrize("piece", [1, 2, 3, 100])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_cgi_output_begins_with_a_head(piece, end):
    output = end.join([b"Status: 418 Teapot", b"X-A:  b ", b"Connection: X-B", b"X-B: c", b"", b"body"])
    status, headers, body = reply_of(output, piece=piece)
    assert (status, headers, b"".join(body)) == ("418 Teapot", [("X-A", "b")], b"body")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"X: y", "200 OK"),
        (b"Location: /x", "302 Found"),
        (b"Status: 404", "404 Not Found"),
        (b"Status: 299", "299 Unknown"),
    ],
)
def test_status_has_a_phrase_and_a_default(head, status):
    assert reply_of(head + b"\n\n").status == status


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"", "without a response"),
        (b"X: y\n", "without a response"),
        (b"no header\n\n", "an invalid header"),
        (b"Status: 99\n\n", "an invalid status"),
        (b"Status: 200\nStatus: 200\n\n", "an invalid status"),
        (b"Content-Length: x\n\n", "an invalid length"),
        (b"X: " + b"y" * 70_000, "has no end"),
    ],
)
def test_invalid_head_fails(head, message):
    with pytest.raises(Failed, match=message):
        reply_of(head, piece=1000)


@pytest.mark.parametrize(("body", "message"), [(b"abcd", "more than it announced"), (b"ab", "less than it announced")])
def test_body_of_another_length_than_its_header_fails(body, message):
    with pytest.raises(Failed, match=message):
        list(reply_of(b"Content-Length: 3\n\n" + body, piece=1).body)


@pytest.mark.parametrize(("method", "status"), [("HEAD", b"200"), ("GET", b"204"), ("GET", b"304")])
def test_reply_to_head_or_without_content_has_no_body(method, status):
    reply = reply_of(b"Status: " + status + b"\nContent-Length: 9\n\nbody", method=method)
    assert list(reply.body) == []
    assert ("Content-Length", "9") in reply.headers or status == b"204"
