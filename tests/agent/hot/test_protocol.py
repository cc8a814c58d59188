"""The protocol of hot functions: good and bad responses, cut at any place, with h11 as a second opinion."""

from __future__ import annotations

import itertools
import json
import time
from collections import deque
from uuid import UUID

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from microfn.agent.call_request import CallRequest
from microfn.agent.errors import Failed, Refused
from microfn.agent.hot.protocol import LONGEST_HEAD, ResponseParser, encode_request

OK = b"HTTP/1.1 200 OK\r\n"
NOT_HTTP = "The function sent a response that is not HTTP."
NO_LENGTH = "The response of the function has no length."
BAD_LENGTH = "The function sent an invalid length."
BAD_HEADER = "The function sent an invalid header."
TOO_MUCH = "The function sent more than it announced."
ANOTHER_CALL = "The function responded to another call."
LONG_HEAD = "The function's head is too long."
NO_ANSWER = "The function ended without a response."
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HOPS = b"Connection: x-own\r\nX-Own: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"

# name: (method, bytes, status, headers, body, True if the process can be reused)
GOOD = {
    "length": ("GET", OK + b"Content-Length: 2\r\n\r\nhi", "200 OK", [("Content-Length", "2")], b"hi", True),
    "empty": ("GET", OK + b"Content-Length: 0\r\n\r\n", "200 OK", [("Content-Length", "0")], b"", True),
    "chunks": (
        "GET",
        OK + b"Transfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
        "200 OK",
        [],
        b"hi0123456789",
        True,
    ),
    "trailers": ("GET", CHUNKED + b"1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n", "200 OK", [], b"x", True),
    "bare LF": ("GET", b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\nx\n0\nA: b\n\n", "200 OK", [], b"x", True),
    "bare LF and no trailers": (
        "GET",
        b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1 \nx\n0\n\n",
        "200 OK",
        [],
        b"x",
        True,
    ),
    "no phrase": (
        "GET",
        b"HTTP/1.1 418\r\nContent-Length: 0\r\n\r\n",
        "418 I'm a Teapot",
        [("Content-Length", "0")],
        b"",
        True,
    ),
    "empty phrase": (
        "GET",
        b"HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n",
        "599 Unknown",
        [("Content-Length", "0")],
        b"",
        True,
    ),
    "own phrase": (
        "GET",
        b"HTTP/1.1 200 Gr\xfcn\r\nContent-Length: 0\r\n\r\n",
        "200 Gr\xfcn",
        [("Content-Length", "0")],
        b"",
        True,
    ),
    "close": (
        "GET",
        OK + b"Connection: x, Close\r\nContent-Length: 1\r\n\r\nx",
        "200 OK",
        [("Content-Length", "1")],
        b"x",
        False,
    ),
    "HTTP/1.0": (
        "GET",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
        "200 OK",
        [("Content-Length", "1")],
        b"x",
        False,
    ),
    "HTTP/1.0 that stays": (
        "GET",
        b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx",
        "200 OK",
        [("Content-Length", "1")],
        b"x",
        True,
    ),
    "interim": ("POST", INTERIM + OK + b"Content-Length: 1\r\n\r\nx", "200 OK", [("Content-Length", "1")], b"x", True),
    "HEAD": ("HEAD", OK + b"Content-Length: 9\r\n\r\n", "200 OK", [("Content-Length", "9")], b"", True),
    "HEAD without a length": ("HEAD", OK + b"\r\n", "200 OK", [], b"", True),
    "HEAD in chunks": ("HEAD", CHUNKED, "200 OK", [], b"", True),
    "204": ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204 No Content", [], b"", True),
    "304": (
        "GET",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
        "304 Not Modified",
        [("Content-Length", "7")],
        b"",
        True,
    ),
    "205 without a length": ("GET", b"HTTP/1.1 205 Reset Content\r\n\r\n", "205 Reset Content", [], b"", True),
    "205 with content": (
        "GET",
        b"HTTP/1.1 205 Reset Content\r\nContent-Length: 1\r\n\r\nx",
        "205 Reset Content",
        [],
        b"",
        True,
    ),
    "hop by hop": (
        "GET",
        OK + HOPS + b"Set-Cookie: a\r\nset-cookie: \xff \r\nContent-Length: 0\r\n\r\n",
        "200 OK",
        [("Set-Cookie", "a"), ("set-cookie", "\xff"), ("Content-Length", "0")],
        b"",
        True,
    ),
    "own id": (
        "GET",
        OK + b"Fn-Call-Id: 0af1\r\nContent-Length: 0\r\n\r\n",
        "200 OK",
        [("Content-Length", "0")],
        b"",
        True,
    ),
    "size of two digits": ("GET", CHUNKED + b"1a\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n", "200 OK", [], b"x" * 26, True),
    "value with colons": (
        "GET",
        OK + b"Location: http://x:1/\r\nX: \t\xa0X \xa0X\t \r\nContent-Length: 0\r\n\r\n",
        "200 OK",
        [("Location", "http://x:1/"), ("X", "\xa0X \xa0X"), ("Content-Length", "0")],
        b"",
        True,
    ),
    "value that ends with a space of latin-1": (
        "GET",
        OK + b"X: a\xa0\r\nContent-Length: 0\r\n\r\n",
        "200 OK",
        [("X", "a\xa0"), ("Content-Length", "0")],
        b"",
        True,
    ),
    "long trailers behind a long body": (
        "GET",
        CHUNKED + b"9c40\r\n" + b"x" * 40_000 + b"\r\n0\r\nA: " + b"a" * 40_000 + b"\r\n\r\n",
        "200 OK",
        [],
        b"x" * 40_000,
        True,
    ),
    "close without spaces": (
        "GET",
        OK + b"Connection: close,x\r\nX: 1\r\nContent-Length: 0\r\n\r\n",
        "200 OK",
        [("Content-Length", "0")],
        b"",
        False,
    ),
    "longest size": (
        "GET",
        CHUNKED + b"1;" + b"a" * 1020 + b"\r\nx\r\n0\r\n\r\n",
        "200 OK",
        [],
        b"x",
        True,
    ),
    "most interims": (
        "GET",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 16 + OK + b"Content-Length: 0\r\n\r\n",
        "200 OK",
        [("Content-Length", "0")],
        b"",
        True,
    ),
    "largest length": (
        "HEAD",
        OK + b"Content-Length: 999999999999999999\r\n\r\n",
        "200 OK",
        [("Content-Length", 18 * "9")],
        b"",
        True,
    ),
    "longest head": (
        "GET",
        OK + b"A: " + b"a" * (LONGEST_HEAD - 39) + b"\r\nContent-Length: 1\r\n\r\nx",
        "200 OK",
        [("A", "a" * (LONGEST_HEAD - 39)), ("Content-Length", "1")],
        b"x",
        True,
    ),
}

BAD = {
    "garbage": (b"hello\r\n\r\n", NOT_HTTP),
    "empty lines": (b"\r\n\r\n", NOT_HTTP),
    "HTTP/2": (b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n", NOT_HTTP),
    "CGI": (b"Status: 200\r\n\r\n", NOT_HTTP),
    "status": (b"HTTP/1.1 600 What\r\nContent-Length: 0\r\n\r\n", NOT_HTTP),
    "long status": (b"HTTP/1.1 2000\r\nContent-Length: 0\r\n\r\n", NOT_HTTP),
    "control character in phrase": (b"HTTP/1.1 200 O\x00K\r\nContent-Length: 0\r\n\r\n", NOT_HTTP),
    "switching protocols": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", NOT_HTTP),
    "endless interims": (b"HTTP/1.1 100 Continue\r\n\r\n" * 17, NOT_HTTP),
    "no length": (OK + b"\r\n", NO_LENGTH),
    "two lengths": (OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", NOT_HTTP),
    "length and chunks": (OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", NOT_HTTP),
    "another coding": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", NOT_HTTP),
    "chunks of HTTP/1.0": (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", NOT_HTTP),
    "negative length": (OK + b"Content-Length: -1\r\n\r\nx", BAD_LENGTH),
    "length with a sign": (OK + b"Content-Length: +1\r\n\r\nx", BAD_LENGTH),
    "length list": (OK + b"Content-Length: 1, 1\r\n\r\nx", BAD_LENGTH),
    "other digits": (OK + b"Content-Length: \xb2\r\n\r\nxx", BAD_LENGTH),
    "huge length": (OK + b"Content-Length: " + b"9" * 19 + b"\r\n\r\n", BAD_LENGTH),
    "no colon": (OK + b"Content-Length\r\n\r\n", BAD_HEADER),
    "space before colon": (OK + b"Content-Length : 1\r\n\r\nx", BAD_HEADER),
    "folded": (OK + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n", BAD_HEADER),
    "bare CR": (OK + b"A: b\rC: d\r\nContent-Length: 0\r\n\r\n", BAD_HEADER),
    "NUL": (OK + b"A: \x00\r\nContent-Length: 0\r\n\r\n", BAD_HEADER),
    "no name": (OK + b": x\r\nContent-Length: 0\r\n\r\n", BAD_HEADER),
    "more than it announced": (OK + b"Content-Length: 1\r\n\r\nxy", TOO_MUCH),
    "two responses": (2 * (OK + b"Content-Length: 1\r\n\r\nx"), TOO_MUCH),
    "content of 204": (b"HTTP/1.1 204 No Content\r\n\r\nx", TOO_MUCH),
    "bytes behind the last chunk": (CHUNKED + b"0\r\n\r\nx", TOO_MUCH),
    "another call": (OK + b"Fn-Call-Id: 0af2\r\nContent-Length: 0\r\n\r\n", ANOTHER_CALL),
    "two calls": (OK + b"Fn-Call-Id: 0af1\r\nFn-Call-Id: 0af2\r\nContent-Length: 0\r\n\r\n", ANOTHER_CALL),
    "chunk without a size": (CHUNKED + b"\r\n", NOT_HTTP),
    "negative chunk": (CHUNKED + b"-1\r\nx\r\n0\r\n\r\n", NOT_HTTP),
    "chunk with a prefix": (CHUNKED + b"0x1\r\nx\r\n0\r\n\r\n", NOT_HTTP),
    "huge chunk": (CHUNKED + b"1" * 16 + b"\r\n", NOT_HTTP),
    "longer than its chunk": (CHUNKED + b"1\r\nxy\r\n0\r\n\r\n", NOT_HTTP),
    "CR behind a chunk": (CHUNKED + b"1\r\nx\rx", NOT_HTTP),
    "endless size": (CHUNKED + b"1;" + b"a" * 1100, NOT_HTTP),
    "bad trailer": (CHUNKED + b"0\r\nx\r\n\r\n", BAD_HEADER),
    "a byte too much of head": (
        OK + b"A: " + b"a" * (LONGEST_HEAD - 38) + b"\r\nContent-Length: 1\r\n\r\nx",
        LONG_HEAD,
    ),
    "a byte too much of a size": (CHUNKED + b"1;" + b"a" * 1021 + b"\r\nx\r\n0\r\n\r\n", NOT_HTTP),
    "1 MB of head": (OK + b"A: " + b"a" * 1_000_000, LONG_HEAD),
    "1 MB of head with an end": (OK + b"A: " + b"a" * 1_000_000 + b"\r\n\r\n", LONG_HEAD),
    "1 MB of trailers": (CHUNKED + b"0\r\nA: " + b"a" * 1_000_000, LONG_HEAD),
}

SHORT = [name for name, row in GOOD.items() if len(row[1]) < 1500]


def parsed(method, pieces, call_id="0af1"):
    """Return the head, the body, and True if the process can be reused."""
    parser = ResponseParser(method, call_id)
    body = b"".join(map(parser.feed, pieces))
    assert parser.is_whole
    return parser.head, body, parser.can_reuse


@pytest.mark.parametrize("name", GOOD)
def test_good_response(name):
    method, data, status, headers, body, can_reuse = GOOD[name]
    assert parsed(method, [data]) == ((status, headers), body, can_reuse)


@pytest.mark.parametrize("name", SHORT)
def test_good_response_byte_by_byte(name):
    method, data, status, headers, body, can_reuse = GOOD[name]
    parser, pieces = ResponseParser(method, "0af1"), []
    for number, byte in enumerate(data, 1):
        pieces.append(parser.feed(bytes([byte])))
        assert parser.is_whole is (number == len(data))
    assert (parser.head, b"".join(pieces), parser.can_reuse) == ((status, headers), body, can_reuse)


@pytest.mark.parametrize("name", SHORT)
def test_half_a_response_is_never_whole(name):
    method, data, *_ = GOOD[name]
    for size in range(len(data)):
        parser = ResponseParser(method)
        parser.feed(data[:size])
        assert not parser.is_whole
        assert not parser.can_reuse
        with pytest.raises(Failed) as caught:
            parser.end()
        has_head = parser.head is not None
        assert caught.value.detail == ("The function sent less than it announced." if has_head else NO_ANSWER)


def test_parser_without_an_id_takes_any():
    parser = ResponseParser("GET")
    parser.feed(OK + b"Fn-Call-Id: 0af2\r\nContent-Length: 0\r\n\r\n")
    assert parser.is_whole


def test_connection_that_ends_is_not_used_again():
    parser = ResponseParser("GET")
    parser.feed(OK + b"Content-Length: 1\r\n\r\nx")
    assert parser.can_reuse
    parser.end()
    assert parser.is_whole
    assert not parser.can_reuse


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("size", [7, 2_000_000])
def test_bad_response(name, size):
    data, detail = BAD[name]
    parser = ResponseParser("GET", "0af1")
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    with pytest.raises(Failed) as caught:
        deque(map(parser.feed, pieces))
    assert caught.value.detail == detail
    assert not parser.can_reuse
    assert not parser.is_whole


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"hello" * 50 + b"\r\n\r\n", "Its first line was " + "hello" * 20),
        (b"HTTP/1.1 101 S\r\n\r\n", "It answered with 101."),
        (OK + b"\r\n", "It needs Content-Length, or to be chunked."),
        (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "Its length is ambiguous: 1, 2"),
        (OK + b"Content-Length: x\r\n\r\n", "x"),
        (OK + b"a" * 200 + b"\r\n\r\n", "a" * 100),
        (OK + b"Fn-Call-Id: 0af2\r\nContent-Length: 0\r\n\r\n", "Its response was to 0af2"),
        (OK + b"Fn-Call-Id: 1\r\nFn-Call-Id: 2\r\nContent-Length: 0\r\n\r\n", "Its response was to 1, 2"),
        (CHUNKED + b"g" * 200 + b"\r\n", f"A chunk began with {b'g' * 100!r}"),
        (CHUNKED + b"1\r\nxyz", "A chunk went on with b'yz'"),
        (CHUNKED + b"0\r\n" + b"a" * 70_000, "There were 70000 bytes."),
        (b"a" * (LONGEST_HEAD + 1), f"There were {LONGEST_HEAD + 1} bytes."),
    ],
)
def test_log_says_how_a_function_failed(data, reason):
    with pytest.raises(Failed) as caught:
        ResponseParser("GET", "0af1").feed(data)
    assert caught.value.reason == reason


@pytest.mark.parametrize("data", [b"\n", b"\r\n", b"1;" + b"a" * 1022])
def test_chunk_that_cannot_begin_so_is_refused_at_once(data):
    parser = ResponseParser("GET")
    assert parser.feed(CHUNKED) == b""
    with pytest.raises(Failed):
        parser.feed(data)


@given(st.sampled_from(SHORT), st.lists(st.integers(0, 400)))
def test_pieces_of_any_size_are_the_same_response(name, cuts):
    method, data, status, headers, body, can_reuse = GOOD[name]
    ends = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    pieces = [data[begin:end] for begin, end in itertools.pairwise(ends)]
    assert parsed(method, pieces) == ((status, headers), body, can_reuse)


def asked_h11(method, data):
    """Return h11's status, its body, and True if the connection can be reused; return None if h11 rejects the data."""
    peer = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * LONGEST_HEAD)
    peer.send(h11.Request(method=method, target="/", headers=[("Host", "localhost")]))
    peer.send(h11.EndOfMessage())
    status, body = 0, b""
    try:
        peer.receive_data(data)
        while True:
            event = peer.next_event()
            if event in (h11.NEED_DATA, h11.PAUSED):
                return None
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return status, body, peer.our_state is not h11.MUST_CLOSE
    except h11.RemoteProtocolError:
        return None


mutations = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from(["cut", "twice", *"\r\n :;,0123456789abcdefHTP/\0\xff"])), max_size=3
)


@given(st.sampled_from(SHORT), mutations)
@example("HTTP/1.0 that stays", [])
def test_h11_takes_what_the_parser_takes(name, changes):
    """The parser can be stricter than h11. If h11 accepts a response, both read the same one, and agree on reuse."""
    method, data, *_ = GOOD[name]
    for place, change in changes:
        at = place % (len(data) + 1)
        if change == "cut":
            data = data[:at] + data[at + 1 :]
        elif change == "twice":
            data = data[:at] + data[at : at + 1] + data[at:]
        else:
            data = data[:at] + change.encode("latin-1") + data[at + 1 :]
    parser = ResponseParser(method, "0af1")
    try:
        body = parser.feed(data)
    except Failed:
        return
    if not parser.is_whole:
        return
    answer = asked_h11(method, data)
    if parser.head.status.startswith("205"):  # h11 waits for the end of the connection, or has content
        return
    if answer is None:  # h11 requires CRLF in chunks, and a phrase without obs-text
        assert b"\n" in data.replace(b"\r\n", b"") or any(byte > 126 for byte in data.partition(b"\n")[0])
        return
    assert answer[0] == int(parser.head.status[:3])
    assert answer[1] == body
    assert answer[2] or not parser.can_reuse or data.startswith(b"HTTP/1.0")


def test_chunks_of_one_byte_take_time_in_proportion():
    data = b"1\r\nx\r\n" * 200_000
    parser = ResponseParser("GET")
    parser.feed(CHUNKED)
    began = time.process_time()
    size = sum(len(parser.feed(data[at : at + 65536])) for at in range(0, len(data), 65536))
    assert size == 200_000
    assert time.process_time() - began < 10


# Requests


def encoded(request, length=None, **options):
    given_options = {"call_id": "0af1", "end": 1_700_000_000.25, "attempt": 2}
    return encode_request(request, length=length, **(given_options | options))


def read_by_h11(head):
    peer = h11.Connection(h11.SERVER, max_incomplete_event_size=2 * LONGEST_HEAD)
    peer.receive_data(head)
    event = peer.next_event()
    headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
    return event.method.decode(), event.target.decode(), headers


def test_request_is_these_bytes():
    request = CallRequest(
        "PUT", "/64", "a=b", "/thumb", (("X-A", "1"), ("Accept", "*/*")), {"id": UUID(int=1)}, {"SERVER_NAME": "s"}
    )
    assert encoded(request, 5).split(b"\r\n") == [
        b"PUT /64?a=b HTTP/1.1",
        b"Host: s",
        b"X-A: 1",
        b"Accept: */*",
        b"Content-Length: 5",
        b"Fn-Call-Id: 0af1",
        b"Fn-Deadline: 2023-11-14T22:13:20.250Z",
        b"Fn-Attempt: 2",
        b'Fn-Params: {"id": "00000000-0000-0000-0000-000000000001"}',
        b'Fn-Connection: {"SCRIPT_NAME": "/thumb", "SERVER_NAME": "s"}',
        b"",
        b"",
    ]


def test_request_has_the_headers_of_an_agent():
    request = CallRequest(
        "POST",
        "/64",
        "a=b",
        "/thumb",
        (("Host", "example.org"), ("Content-Type", "image/png"), ("Cookie", "a=\xfc")),
        {"width": 64, "name": "M\xfcller\ud800"},
        {"REMOTE_ADDR": "::1"},
    )
    method, target, headers = read_by_h11(encoded(request, 5))
    assert (method, target) == ("POST", "/64?a=b")
    assert json.loads(headers.pop("fn-params")) == {"width": 64, "name": "M\xfcller\ud800"}
    assert json.loads(headers.pop("fn-connection")) == {"SCRIPT_NAME": "/thumb", "REMOTE_ADDR": "::1"}
    assert headers == {
        "host": "example.org",
        "content-type": "image/png",
        "cookie": "a=\xfc",
        "content-length": "5",
        "fn-call-id": "0af1",
        "fn-deadline": "2023-11-14T22:13:20.250Z",
        "fn-attempt": "2",
    }


@pytest.mark.parametrize(
    "name",
    ["Fn-Call-Id", "fn-params", "FN-ANYTHING", "Connection", "Upgrade", "TE", "Content-Length", "Expect", "Keep-Alive"],
)
def test_header_of_a_client_that_a_function_trusts_is_dropped(name):
    head = encoded(CallRequest("GET", "/", headers=((name, "forged"), ("X-Fn-Own", "1"))))
    assert b"forged" not in head
    assert b"X-Fn-Own: 1" in head


@pytest.mark.parametrize(
    ("method", "length", "sent"),
    [
        ("GET", None, None),
        ("POST", None, "0"),
        ("PUT", None, "0"),
        ("PATCH", None, "0"),
        ("DELETE", None, None),
        ("DELETE", 3, "3"),
        ("QUERY", 0, "0"),
    ],
)
def test_length_is_sent_where_content_is_expected(method, length, sent):
    _, _, headers = read_by_h11(encoded(CallRequest(method, "/"), length))
    assert headers.get("content-length") == sent
    assert headers["host"] == "localhost"


def test_host_without_a_header_is_the_name_of_the_server():
    assert (
        read_by_h11(encoded(CallRequest("GET", "/", connection={"SERVER_NAME": "example.org"})))[2]["host"]
        == "example.org"
    )


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/", "", "/"),
        ("", "", "/"),
        ("/a b\r\nX: y", "", "/a%20b%0D%0AX:%20y"),
        ("/", "a b\r\nX: y\x00\xfc", "/?a%20b%0D%0AX:%20y%00%FC"),
        ("/?#%", "?", "/%3F%23%25??"),
    ],
)
def test_target_has_no_byte_that_ends_it(path, query, target):
    assert read_by_h11(encoded(CallRequest("GET", path, query)))[1] == target


@pytest.mark.parametrize(
    "pair", [("X", "a\r\nFn-Call-Id: 1"), ("X", "a\x00"), ("X\r\nY", "a"), ("X Y", "a"), ("", "a"), ("X", "\u20ac")]
)
def test_header_that_cannot_be_sent_is_refused(pair):
    with pytest.raises(Refused, match=r"^The request has a header that a function cannot be given\.$"):
        encoded(CallRequest("GET", "/", headers=(pair,)))


def test_head_of_a_request_has_a_limit():
    size = LONGEST_HEAD - len(encoded(CallRequest("GET", "/", headers=(("X", ""),))))
    assert len(encoded(CallRequest("GET", "/", headers=(("X", "a" * size),)))) == LONGEST_HEAD
    with pytest.raises(Refused, match=r"^The request has more headers than a function is given\.$"):
        encoded(CallRequest("GET", "/", headers=(("X", "a" * (size + 1)),)))


texts = st.text(st.characters(max_codepoint=255))


@given(texts, texts, st.dictionaries(st.text(), st.text()))
def test_any_path_query_and_params_arrive(path, query, params):
    _, target, headers = read_by_h11(encoded(CallRequest("GET", f"/{path}", query, params=params)))
    assert target.partition("?")[0].isascii()
    assert json.loads(headers["fn-params"]) == params
