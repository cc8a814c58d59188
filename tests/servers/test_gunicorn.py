"""An application under gunicorn as clients see it, with each worker class."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from . import app
from .conftest import StartGunicorn
from .process import Gunicorn, wait_until
from .wire import TIMEOUT, Answer, Wire

pytestmark = pytest.mark.server

keeps_alive = pytest.mark.parametrize("server", ["gthread", "gevent"], indirect=True)
closes = pytest.mark.parametrize("server", ["sync"], indirect=True)
CHUNKED = "Transfer-Encoding: chunked"


def ask(
    server: Gunicorn,
    method: str,
    target: str,
    body: bytes | Iterable[bytes] | None = None,
    **headers: str,
) -> Answer:
    """Send a request like an ordinary client; if the body is not bytes, send it in chunks."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
    with contextlib.closing(connection):
        connection.request(method, target, body, headers, encode_chunked=True)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def assert_nothing_follows(server: Gunicorn, wire: Wire) -> None:
    """Assert that no byte follows the last response: the next one is in step, or the connection is at its end."""
    if server.keeps_alive:
        wire.request("GET", "/echo/next")
        assert wire.answer().json["path"] == "/echo/next"
    else:
        assert wire.rest() == b""


def assert_clean_500(answer: Answer) -> None:
    assert answer.status == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Transfer-Encoding" not in answer.headers
    assert answer.json["title"] == "Internal Server Error"
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body


# Connections


@keeps_alive
def test_connection_serves_one_request_after_the_other(server: Gunicorn) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
    with contextlib.closing(connection):
        connection.connect()
        first_socket = connection.sock
        for number in range(3):
            connection.request("GET", f"/echo/{number}")
            assert connection.getresponse().read().startswith(b'{"method":"GET","path":"/echo/%d"' % number)
        assert connection.sock is first_socket


@closes
def test_sync_worker_closes_the_connection_after_each_answer(server: Gunicorn) -> None:
    with server.connect() as wire:
        wire.request("GET", "/docs")
        answer = wire.answer()
        assert (answer.headers["Connection"], answer.body) == ("close", b"the docs\n")
        assert wire.rest() == b""


@keeps_alive
def test_pipelined_requests_are_answered_in_order(server: Gunicorn) -> None:
    with server.connect() as wire:
        wire.send(
            b"GET /echo/1 HTTP/1.1\r\nHost: a.example\r\n\r\n"
            b"POST /upload/2 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello"
            b"HEAD /echo/3 HTTP/1.1\r\nHost: a.example\r\n\r\n"
            b"GET /echo/4 HTTP/1.1\r\nHost: a.example\r\n\r\n"
        )
        assert wire.answer().json["path"] == "/echo/1"
        assert wire.answer().json["length"] == 5
        assert wire.answer("HEAD").status == 200
        assert wire.answer().json["path"] == "/echo/4"


@closes
def test_sync_worker_answers_the_first_of_pipelined_requests(server: Gunicorn) -> None:
    with server.connect() as wire:
        wire.send(b"GET /docs HTTP/1.1\r\nHost: a.example\r\n\r\n" * 2)
        assert wire.answer().body == b"the docs\n"
        assert wire.rest() == b""


@keeps_alive
def test_two_clients_are_served_at_once(server: Gunicorn, key: str) -> None:
    with server.connect() as one, server.connect() as other:
        one.request("GET", f"/meet/{key}")
        other.request("GET", f"/meet/{key}")
        assert [one.answer().body, other.answer().body] == [b"met\n", b"met\n"]


# HEAD, 204 and sizes


@pytest.mark.parametrize("target", ["/docs", "/big", "/docs/?q=1", "/nowhere", "/file"])
def test_head_has_the_headers_of_get_and_no_body(server: Gunicorn, target: str) -> None:
    with server.connect() as wire:
        wire.request("HEAD", target)
        head = wire.answer("HEAD")
        assert_nothing_follows(server, wire)
    get = ask(server, "GET", target)
    assert head.status == get.status
    assert int(head.headers["Content-Length"]) == len(get.body) > 0
    del head.headers["Date"], get.headers["Date"]
    assert head.headers.items() == get.headers.items()


def test_head_of_a_stream_closes_it_unread(server: Gunicorn, key: str) -> None:
    with server.connect() as wire:
        wire.request("HEAD", f"/stream/{key}")
        head = wire.answer("HEAD")
        assert (head.status, head.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
        assert server.count_recorded(f"closed {key}") == 1
        assert_nothing_follows(server, wire)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_204_has_neither_body_nor_length(server: Gunicorn, method: str) -> None:
    with server.connect() as wire:
        wire.request(method, "/nothing", *(["Content-Length: 6"] if method == "POST" else []))
        if method == "POST":
            wire.send(b"unread")
        answer = wire.answer(method)
        assert answer.status == 204
        assert not {"content-length", "content-type", "transfer-encoding"} & {name.lower() for name in answer.headers}
        assert_nothing_follows(server, wire)


def test_big_body_arrives_whole(server: Gunicorn) -> None:
    answer = ask(server, "GET", "/big")
    assert int(answer.headers["Content-Length"]) == len(app.BIG)
    assert answer.body == app.BIG


def test_file_is_sent_by_the_server(server: Gunicorn) -> None:
    answer = ask(server, "GET", "/file")
    assert answer.body == Path(app.__file__).read_bytes()
    assert answer.headers["Content-Length"] == str(len(answer.body))


# Request bodies


def test_body_with_a_length_is_read_whole(server: Gunicorn, key: str) -> None:
    body = bytes(range(256)) * 16
    answer = ask(server, "POST", f"/upload/{key}", body)
    assert answer.json == {"length": 4096, "sha256": hashlib.sha256(body).hexdigest()}


def test_chunked_body_is_read_whole(server: Gunicorn, key: str) -> None:
    chunks = [b"a", b"bc" * 1000, b"\r\n0\r\n\r\n", b"d" * (app.MAX_UPLOAD - 2008)]
    answer = ask(server, "POST", f"/upload/{key}", iter(chunks))
    assert answer.json == {"length": app.MAX_UPLOAD, "sha256": hashlib.sha256(b"".join(chunks)).hexdigest()}


def test_chunked_body_may_have_extensions_and_trailers(server: Gunicorn, key: str) -> None:
    with server.connect() as wire:
        wire.request("POST", f"/upload/{key}", CHUNKED, body=b'5;a="b"\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n')
        assert wire.answer().json["length"] == 5
        assert_nothing_follows(server, wire)


def test_request_without_length_and_chunks_has_an_empty_body(server: Gunicorn, key: str) -> None:
    with server.connect() as wire:
        wire.request("POST", f"/upload/{key}")
        assert wire.answer().json["length"] == 0
        assert_nothing_follows(server, wire)


def test_body_of_one_byte_too_many_is_413(server: Gunicorn, key: str) -> None:
    body = b"GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n".ljust(app.MAX_UPLOAD + 1)
    with server.connect() as wire:
        wire.request("POST", f"/upload/{key}", f"Content-Length: {len(body)}", body=body)
        assert wire.answer().status == 413
        assert_nothing_follows(server, wire)
    assert server.count_recorded(f"uploaded {key}") == 0


def test_chunked_body_of_one_byte_too_many_is_413(server: Gunicorn, key: str) -> None:
    halves = [b"a" * (app.MAX_UPLOAD // 2)] * 2
    with server.connect() as wire:
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*halves, b"b", b""])
        wire.request("POST", f"/upload/{key}", CHUNKED, body=body)
        assert wire.answer().status == 413
        assert_nothing_follows(server, wire)
    assert server.count_recorded(f"uploaded {key}") == 0


def test_promise_over_the_limit_is_413_before_a_byte_of_it_comes(server: Gunicorn, key: str) -> None:
    with server.connect() as wire:
        wire.request("POST", f"/upload/{key}", "Content-Length: 1000000000")
        assert wire.answer().status == 413
    assert server.count_recorded(f"uploaded {key}") == 0


CUT_SHORT = {
    "length": ("Content-Length: 100", b"0123456789"),
    "nothing of a length": ("Content-Length: 100", b""),
    "within a chunk": (CHUNKED, b"64\r\n0123456789"),
    "between chunks": (CHUNKED, b"a\r\n0123456789\r\n"),
    "within the size of a chunk": (CHUNKED, b"a\r\n0123456789\r\n6"),
    "before the first chunk": (CHUNKED, b""),
    "behind a chunk": (CHUNKED, b"5\r\nhello"),
    "before the last line": (CHUNKED, b"5\r\nhello\r\n0\r\n"),
    "without a size": (CHUNKED, b"zz\r\nhello\r\n0\r\n\r\n"),
}
cut_short = pytest.mark.parametrize(("line", "body"), CUT_SHORT.values(), ids=CUT_SHORT)


@cut_short
def test_body_cut_short_is_400(server: Gunicorn, key: str, line: str, body: bytes) -> None:
    with server.connect() as wire:
        wire.request("POST", f"/upload/{key}", line, body=body)
        wire.end()
        assert wire.answer().status == 400
        assert wire.rest() == b""
    assert server.count_recorded(f"uploaded {key}") == 0


@cut_short
def test_client_that_leaves_within_a_body_leaves_no_part_of_it(
    server: Gunicorn, key: str, line: str, body: bytes
) -> None:
    with server.connect() as wire:
        wire.request("POST", f"/upload/{key}", line, body=body)
    wait_until(lambda: f"POST /upload/{key} 400" in server.accesses(), "the request is not in the access log")
    assert server.count_recorded(f"uploaded {key}") == 0


@cut_short
def test_reset_within_a_body_leaves_no_part_of_it(server: Gunicorn, key: str, line: str, body: bytes) -> None:
    with server.connect() as wire:
        wire.request("POST", f"/upload/{key}", "Expect: 100-continue", line)
        assert wire.head().status == 100
        wire.send(body)
        wire.reset()
    wait_until(lambda: f"POST /upload/{key} 400" in server.accesses(), "the request is not in the access log")
    assert server.count_recorded(f"uploaded {key}") == 0


@pytest.mark.parametrize("line", ["Content-Length: 5", CHUNKED])
def test_client_that_expects_100_gets_it_and_then_the_answer(server: Gunicorn, key: str, line: str) -> None:
    with server.connect() as wire:
        wire.request("POST", f"/upload/{key}", "Expect: 100-continue", line)
        assert wire.head().status == 100
        assert server.count_recorded(f"uploaded {key}") == 0
        wire.send(b"5\r\nhello\r\n0\r\n\r\n" if line == CHUNKED else b"hello")
        assert wire.answer().json["length"] == 5
        assert_nothing_follows(server, wire)


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: abc"],
        ["Content-Length: +5"],
        ["Content-Length: -5"],
        ["Content-Length: 5, 5"],
        ["Content-Length: 5", "Content-Length: 5"],
        ["Content-Length: 5", CHUNKED],
        ["Content-Length: \xb2"],
    ],
)
def test_doubtful_length_is_refused_by_the_server(server: Gunicorn, key: str, lines: list[str]) -> None:
    with server.connect() as wire:
        wire.request("POST", f"/upload/{key}", *lines, body=b"hello")
        answer = wire.answer()
        assert (answer.status, answer.headers["Content-Type"]) == (400, "text/html")
        assert wire.rest() == b""
    assert server.count_recorded(f"uploaded {key}") == 0


# Paths and redirects


def test_path_and_query_are_utf_8(server: Gunicorn) -> None:
    assert ask(server, "GET", "/echo/caf%C3%A9/%e2%98%83?q=%C3%BC+x&q=2").json == {
        "method": "GET",
        "path": "/echo/café/☃",
        "params": {"rest": "/café/☃"},
        "query": {"q": ["ü x", "2"]},
    }


def test_path_is_decoded_once(server: Gunicorn) -> None:
    assert ask(server, "GET", "/echo/a%252Fb%2Fc%20d").json["params"] == {"rest": "/a%2Fb/c d"}


@pytest.mark.parametrize("target", ["/echo/%FF", "/echo/caf%E9", "/echo/%C3", "/ec%FFho/", "/echo/%ED%A0%80"])
def test_path_that_is_not_utf_8_is_400(server: Gunicorn, target: str) -> None:
    with server.connect() as wire:
        wire.request("GET", target)
        answer = wire.answer()
        assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
        assert_nothing_follows(server, wire)


@pytest.mark.parametrize(("method", "status"), [("GET", 301), ("HEAD", 301), ("POST", 308)])
def test_redirect_keeps_the_query_as_it_came(server: Gunicorn, method: str, status: int) -> None:
    answer = ask(server, method, "/docs/?q=caf%C3%A9&next=%2F%2f&r=<'>|100%&&")
    assert answer.status == status
    assert answer.headers.get_all("Location") == ["/docs?q=caf%C3%A9&next=%2F%2f&r=%3C'%3E%7C100%25&&"]


def test_redirect_mends_case_and_slashes(server: Gunicorn) -> None:
    assert ask(server, "GET", "/x/..//DOCS/").headers["Location"] == "/docs"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "target",
    [
        "//evil.example/",
        "///evil.example/",
        "//evil.example/docs/",
        "//evil.example//docs/",
        "//evil.example/%2e%2e/",
        "//evil.example/..//DOCS/",
        r"/\evil.example/",
        "/%5Cevil.example/",
        "/%5Cevil.example/x/",
        "/%2Fevil.example/",
        "/%2Fevil.example/x/",
        "/%2F/evil.example/",
        "/.//evil.example/",
        "/x/..//evil.example/",
        "/%09/evil.example/",
        "/%0d%0a/evil.example/",
        "http://here.example//evil.example/",
        "//docs/",
    ],
)
def test_no_path_is_redirected_off_the_site(server: Gunicorn, method: str, target: str) -> None:
    with server.connect() as wire:
        wire.request(method, target)
        answer = wire.answer()
        assert_nothing_follows(server, wire)
    assert answer.status in (200, 301, 308, 404, 405)
    as_browsers_read_it = answer.headers.get("Location", "/").replace("\\", "/").replace("\t", "")
    assert urlsplit(urljoin("http://here.example/", as_browsers_read_it)).netloc == "here.example"


@pytest.mark.parametrize("target", ["/header?value=a%0d%0aX-Evil:%201", "/header?value=a%0aX-Evil:%201"])
def test_header_that_would_split_the_response_is_500(server: Gunicorn, target: str) -> None:
    with server.connect() as wire:
        wire.request("GET", target)
        answer = wire.answer()
        assert_clean_500(answer)
        assert "X-Evil" not in answer.headers
        assert_nothing_follows(server, wire)


def test_line_break_in_a_redirected_query_stays_escaped(server: Gunicorn) -> None:
    answer = ask(server, "GET", "/docs/?a=%0d%0aX-Evil:%201")
    assert answer.headers["Location"] == "/docs?a=%0d%0aX-Evil:%201"
    assert "X-Evil" not in answer.headers


# Responses without a route


def test_options_of_the_server_lists_all_methods(server: Gunicorn) -> None:
    with server.connect() as wire:
        wire.request("OPTIONS", "*")
        answer = wire.answer()
        assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST, PUT")
        assert_nothing_follows(server, wire)


def test_options_of_a_path_lists_its_methods(server: Gunicorn) -> None:
    answer = ask(server, "OPTIONS", "/docs")
    assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize(("method", "target", "status"), [("GET", "/nowhere", 404), ("DELETE", "/docs", 405)])
@pytest.mark.parametrize(
    ("accept", "content_type", "begin"),
    [
        ("text/html,*/*;q=0.8", "text/html; charset=utf-8", b"<!doctype html>"),
        ("text/plain", "text/plain; charset=utf-8", b"40"),
        ("*/*", "application/problem+json", b'{"type":"about:blank"'),
    ],
)
def test_error_page_is_of_the_type_that_the_client_prefers(
    server: Gunicorn, method: str, target: str, status: int, accept: str, content_type: str, begin: bytes
) -> None:
    answer = ask(server, method, target, Accept=accept)
    assert answer.status == status
    assert (answer.headers["Content-Type"], answer.headers["Vary"]) == (content_type, "Accept")
    assert answer.body.startswith(begin)
    assert answer.headers.get("Allow") == ("GET, HEAD, OPTIONS, POST" if status == 405 else None)


# Streams and exceptions


def test_stream_is_sent_as_it_comes(server: Gunicorn, key: str) -> None:
    with server.connect() as wire:
        wire.request("GET", f"/stream/{key}")
        head = wire.head()
        assert (head.status, head.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
        assert (head.headers["Transfer-Encoding"], head.headers["Content-Length"]) == ("chunked", None)
        assert wire.chunk() == b"first\n"
        assert server.count_recorded(f"closed {key}") == 0
        server.tell(f"go on {key}")
        assert list(iter(wire.chunk, b"")) == ["zweitens: ☃\n".encode(), b"third\n"]
        assert_nothing_follows(server, wire)
    server.wait_for_record(f"closed {key}")


def test_stream_for_http_1_0_ends_with_the_connection(server: Gunicorn, key: str) -> None:
    server.tell(f"go on {key}")
    with server.connect() as wire:
        wire.send(f"GET /stream/{key} HTTP/1.0\r\n\r\n".encode())
        head, _, body = wire.rest().partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body.decode() == "first\nzweitens: ☃\nthird\n"


def test_stream_is_closed_once_when_the_client_leaves(server: Gunicorn, key: str) -> None:
    with server.connect() as wire:
        wire.request("GET", f"/ticks/{key}")
        wire.head()
        assert wire.chunk() == b"tick" * 4096
    server.wait_for_record(f"closed {key}")
    assert ask(server, "GET", "/docs").status == 200
    assert server.count_recorded(f"closed {key}") == 1


def test_stream_that_fails_before_its_first_chunk_is_a_clean_500(server: Gunicorn, key: str) -> None:
    with server.connect() as wire:
        wire.request("GET", f"/stumbles/{key}")
        assert_clean_500(wire.answer())
        assert_nothing_follows(server, wire)
    assert server.count_recorded(f"closed {key}") == 1
    assert server.errors().count(f"GET /stumbles/{key} [/stumbles/:key] raised OnPurpose\n") == 1


def test_stream_that_fails_later_is_cut_off(server: Gunicorn, key: str) -> None:
    with server.connect() as wire:
        wire.request("GET", f"/breaks/{key}")
        head = wire.head()
        assert (head.status, head.headers["Transfer-Encoding"]) == (200, "chunked")
        assert wire.chunk() == b"first\n"
        assert wire.rest() == b""
    assert server.count_recorded(f"closed {key}") == 1


def test_clients_notice_that_a_stream_was_cut_off(server: Gunicorn, key: str) -> None:
    with pytest.raises(http.client.IncompleteRead):
        ask(server, "GET", f"/breaks/{key}")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_exception_of_a_handle_is_a_clean_500_and_logged_once(server: Gunicorn, key: str, method: str) -> None:
    with server.connect() as wire:
        wire.request(method, f"/raises/{key}")
        answer = wire.answer(method)
        if method == "GET":
            assert_clean_500(answer)
        assert answer.status == 500
        assert_nothing_follows(server, wire)
    assert server.errors().count(f"{method} /raises/{key} [/raises/:key] raised OnPurpose\n") == 1


# The life of the server


@pytest.mark.slow
def test_request_in_flight_is_answered_after_sigterm(start_gunicorn: StartGunicorn, key: str) -> None:
    gunicorn = start_gunicorn()
    with gunicorn.connect() as wire:
        wire.request("GET", f"/sleep/{key}")
        gunicorn.wait_for_record(f"sleeping {key}")
        gunicorn.terminate()
        wait_until(lambda: "Handling signal: term" in gunicorn.errors(), "the signal is not in the log")
        answer = wire.answer()
        assert (answer.status, answer.body) == (200, b"slept\n")
    gunicorn.stop()


@pytest.mark.slow
def test_application_is_built_before_the_workers_fork(start_gunicorn: StartGunicorn) -> None:
    gunicorn = start_gunicorn("--preload", workers=2, app="tests.servers.preloaded:app")
    for _ in range(4):
        process = ask(gunicorn, "GET", "/process").json
        assert process == {"imported_by": gunicorn.pid, "parent": gunicorn.pid}
        assert ask(gunicorn, "GET", "/site").json == {"is_built_one": True}
    gunicorn.stop()
