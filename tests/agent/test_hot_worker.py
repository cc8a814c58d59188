"""Handles that serve one call after another: in a thread of this process, and in their own process."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from microfn.agent.call_request import CallRequest
from microfn.agent.deadline import Deadline
from microfn.agent.errors import Failed
from microfn.agent.hot.exchange import Exchange
from microfn.agent.hot.protocol import ResponseParser, encode_request
from microfn.agent.hot_worker import application, serve
from microfn.agent.limits import Limits

from . import hot_handles

MAIN = "import sys; from microfn.agent.hot_worker import main; main(sys.argv[1])"


class Peer:
    """The agent's side: a connection, and the pipe of the log."""

    def __init__(self):
        self.talk, self.theirs = socket.socketpair()
        self.err, self.stderr = os.pipe()
        os.set_blocking(self.err, False)
        self.calls = 0

    def call(self, method="GET", body=None, **options):
        """Return the status, the headers, the body and the log of a call; `exchange` has made it."""
        self.calls += 1
        call_id = f"{self.calls:032x}"
        length = None if body is None else len(body)
        request = CallRequest(method, **({"path": "/"} | options))
        self.exchange = Exchange(
            self.talk,
            self.err,
            request=encode_request(request, call_id=call_id, end=time.time() + 30, attempt=1, length=length),
            body=None if body is None else io.BytesIO(body),
            parser=ResponseParser(method, call_id),
            deadline=Deadline(time.monotonic(), 30),
            limits=Limits(),
        )
        status, headers = self.exchange.read_head()
        data = b"".join(iter(self.exchange.read, b""))
        self.exchange.drain_log()
        return status, dict(headers), data, bytes(self.exchange.log).decode()

    def close_theirs(self):
        self.theirs.close()
        os.close(self.stderr)

    def close(self):
        self.talk.close()
        os.close(self.err)


@pytest.fixture
def here(capsys):
    """Yield a function that starts a handle in a thread and returns its peer."""
    peer, threads, ends = Peer(), [], []

    def run(handle, make):
        try:
            serve(peer.theirs, make(handle), "tests:handle")
        except (SystemExit, ConnectionResetError) as error:
            ends.append(error)
        finally:
            peer.theirs.shutdown(socket.SHUT_RDWR)

    def begin(handle, make=application):
        threads.append(threading.Thread(target=run, args=(handle, make)))
        threads[0].start()
        peer.ends, peer.thread = ends, threads[0]
        return peer

    yield begin
    peer.talk.close()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    peer.close_theirs()
    peer.close()


@pytest.fixture
def apart():
    """Yield a function that starts a handle of `hot_handles` in a process, and returns the peer and the process."""
    peer = Peer()

    def begin(name):
        peer.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, f"tests.agent.hot_handles:{name}"],
            stdin=peer.theirs.fileno(),
            stdout=peer.theirs.fileno(),
            stderr=peer.stderr,
        )
        peer.close_theirs()
        assert peer.talk.recv(2) == b"\r\n"
        return peer

    yield begin
    peer.close()
    assert peer.process.wait(60) is not None


def test_requests_come_one_after_the_other(here):
    peer = here(hot_handles.count)
    for number in range(1, 6):
        status, headers, body, _ = peer.call()
        assert (status, headers["Content-Length"]) == ("200 OK", str(len(body)))
        assert body.split()[1] == b"%d" % len(hot_handles.calls)
        assert peer.exchange.can_reuse
        assert peer.calls == number


def test_handle_has_what_a_cold_one_has(here):
    peer = here(hot_handles.tell)
    status, _, body, _ = peer.call(
        "POST",
        "Grüße".encode(),
        path="/a b\xc3\xbc",
        query="q=1",
        script_name="/mounted",
        headers=(("Host", "example.org"), ("Content-Type", "text/plain"), ("Fn-Attempt", "77")),
        params={"width": 64},
        connection={"REMOTE_ADDR": "192.0.2.1", "HTTPS": "on", "SERVER_NAME": "s", "SERVER_PORT": "443"},
    )
    told = json.loads(body)
    assert status == "200 OK"
    assert 0 < told.pop("left") < 31
    assert told == {
        "method": "POST",
        "url": "https://example.org/mounted/a%20bü?q=1",
        "params": {"width": 64},
        "body": "Grüße",
        "id": f"{1:032x}",
        "attempt": "1",
        "address": "192.0.2.1",
        "type": "text/plain",
        "path": False,
    }


def test_deadline_that_is_no_time_is_none(here):
    peer = here(lambda request, params: str(hasattr(request, "deadline")))
    peer.talk.sendall(b"GET / HTTP/1.1\r\nFn-Deadline: soon\r\nX: a\r\nX: b\r\n\r\n")
    assert peer.talk.recv(65536).endswith(b"\r\n\r\nFalse")


def test_large_bodies_stream_both_ways(here):
    peer = here(hot_handles.echo)
    body = os.urandom(1000) * 5000
    for _ in range(2):
        status, headers, data, _ = peer.call("POST", body)
        assert (status, data == body, "Content-Length" in headers) == ("200 OK", True, False)
        assert peer.exchange.can_reuse


@pytest.mark.parametrize("size", [0, 10, 5_000_000])
def test_body_that_the_handle_left_is_no_next_request(here, size):
    peer = here(hot_handles.unread)
    for _ in range(3):
        assert peer.call("POST", b"x" * size)[0] == "413 Request Entity Too Large"
        assert peer.exchange.can_reuse


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("name", "status"), [("nothing", "204 NO CONTENT"), ("not_modified", "304 NOT MODIFIED"), ("count", "200 OK")]
)
def test_response_without_content_is_whole(here, method, name, status):
    peer = here(getattr(hot_handles, name))
    for _ in range(3):
        told, _, body, _ = peer.call(method)
        assert told == status
        assert bool(body) is (method == "GET" and name == "count")
        assert peer.exchange.can_reuse


def test_response_of_no_pieces_has_the_length_0(here):
    status, headers, body, _ = here(lambda request, params: "").call()
    assert (status, headers["Content-Length"], body) == ("200 OK", "0", b"")


def test_error_of_a_handle_is_its_response(here):
    peer = here(hot_handles.broken)
    for _ in range(2):
        assert peer.call()[0] == "500 Internal Server Error"
        assert peer.exchange.can_reuse


@pytest.mark.parametrize("name", ["break_off", "reset", "too_long", "too_short"])
def test_half_a_response_is_never_whole(here, name, capsys):
    peer = here(getattr(hot_handles, name))
    with pytest.raises(Failed, match="less than it announced"):
        peer.call()
    peer.thread.join(60)
    assert isinstance(peer.ends[0], SystemExit)
    assert not peer.exchange.can_reuse


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\nno header\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: aaaaaaa\r\n" * 10_000]
)
def test_request_that_is_none_ends_the_worker(here, head):
    peer = here(hot_handles.count)
    peer.talk.sendall(head)
    peer.thread.join(60)
    assert isinstance(peer.ends[0], SystemExit)
    assert peer.talk.recv(1) == b""


@pytest.mark.parametrize("pieces", [[b"x"], [b"x", b"yz"]])
def test_application_that_breaks_its_length_ends_the_worker(here, pieces, capsys):
    """The router checks lengths too; other WSGI applications do not."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "2")])
        return pieces

    peer = here(app, make=lambda app: app)
    with pytest.raises(Failed, match="less than it announced"):
        peer.call()
    peer.thread.join(60)
    assert isinstance(peer.ends[0], SystemExit)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_application_may_write_and_return_nothing(here, method):
    def app(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"a")
        write(b"")
        write(b"b")
        return []

    peer = here(app, make=lambda app: app)
    for _ in range(2):
        assert peer.call(method)[2] == (b"ab" if method == "GET" else b"")
        assert peer.exchange.can_reuse


def test_agent_that_leaves_in_a_request_ends_the_worker(here):
    peer = here(hot_handles.tell)
    peer.talk.sendall(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab")
    peer.talk.shutdown(socket.SHUT_WR)
    peer.thread.join(60)
    assert len(peer.ends) == 1
    assert b" 200 " not in peer.talk.recv(65536)


def test_module_lives_on_between_calls(apart):
    peer = apart("count")
    answers = [peer.call()[2].decode().split() for _ in range(5)]
    assert answers == [[str(peer.process.pid), str(number)] for number in range(1, 6)]
    peer.talk.close()
    assert peer.process.wait(60) == 0


def test_what_is_printed_is_the_log_of_its_call(apart):
    """Neither the handle nor a program that it starts can write into a response, or read a request."""
    peer = apart("noisy")
    for _ in range(3):
        status, _, body, log = peer.call("POST", b"a body")
        assert (status, body) == ("200 OK", b"read .")
        assert all(log.count(text) == 1 for text in ("printed", "said", "written to 1", "from a program\n"))
        assert peer.exchange.can_reuse


def test_response_ends_when_it_is_closed(apart):
    peer = apart("closing")
    for _ in range(20):
        assert peer.call()[2:] == (b"x", "closed\n")


def test_process_that_is_killed_in_a_call_has_failed(apart):
    peer = apart("count")
    peer.call()
    peer.process.send_signal(signal.SIGSTOP)
    threading.Timer(0.2, peer.process.kill).start()
    with pytest.raises(Failed, match="ended without a response"):
        peer.call()


@pytest.mark.parametrize("name", ["leave", "break_off"])
def test_process_that_ends_in_a_call_says_why(apart, name):
    peer = apart(name)
    with pytest.raises(Failed):
        peer.call()
    assert peer.process.wait(60) == 1
    peer.exchange.drain_log()
    assert {"leave": b"seen enough", "break_off": b"no more of it"}[name] in peer.exchange.log


def test_fork_of_a_handle_does_not_answer(apart):
    peer = apart("fork")
    for _ in range(3):
        assert peer.call()[2] == b"%d" % peer.process.pid
        time.sleep(0.05)
        assert peer.exchange.can_reuse
