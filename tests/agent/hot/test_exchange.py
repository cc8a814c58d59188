"""Exchanges with functions that respond well and badly: each is a thread at the other end of a socket."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from microfn.agent.deadline import Deadline
from microfn.agent.errors import ClientLeft, Failed, TimedOut
from microfn.agent.hot.exchange import Exchange, is_quiet
from microfn.agent.hot.protocol import ResponseParser
from microfn.agent.limits import Limits

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Function:
    """The other end: the process's stdin, stdout and stderr."""

    def __init__(self):
        self.ours, self.theirs = socket.socketpair()
        self.err, self.stderr = os.pipe()
        os.set_blocking(self.err, False)
        self.thread = None
        self.failures = []

    def begin(self, act):
        def run():
            try:
                act(self)
            except BaseException as error:
                self.failures.append(error)

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def exchange(self, body=None, *, method="GET", timeout=60.0, client=None, **limits):
        return Exchange(
            self.ours,
            self.err,
            request=b"head\r\n",
            body=None if body is None else io.BytesIO(body),
            parser=ResponseParser(method, "0af1"),
            deadline=Deadline(time.monotonic(), timeout),
            limits=Limits(**limits),
            client=client,
        )

    def read(self, size):
        data = b""
        while len(data) < size:
            data += self.theirs.recv(size - len(data))
        return data

    def close(self):
        self.ours.close()
        if self.thread is not None:
            self.thread.join(60)
        self.theirs.close()
        os.close(self.err)
        os.close(self.stderr)


@contextmanager
def function(act=None):
    made = Function()
    try:
        if act is not None:
            made.begin(act)
        yield made
    finally:
        made.close()


def answers(data, size=6):
    def act(self):
        self.read(size)
        self.theirs.sendall(data)

    return act


def read_all(exchange):
    return b"".join(iter(exchange.read, b""))


def whole(exchange):
    head = exchange.read_head()
    return head.status, read_all(exchange)


def test_call_after_call_has_its_own_response():
    with function() as peer:
        for number in range(20):
            body = b"%d" % number
            peer.begin(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % (number % 10), 6 + len(body)))
            exchange = peer.exchange(body)
            assert whole(exchange) == ("200 OK", b"%d" % (number % 10))
            peer.thread.join(60)
            assert exchange.has_ended
            assert exchange.can_reuse


def test_large_body_is_answered_while_it_is_sent():
    """Neither side waits for the other, although no socket holds the whole body."""
    size = 20_000_000

    def echo(self):
        self.read(6)
        self.theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        left = size
        while left:
            data = self.theirs.recv(65536)
            self.theirs.sendall(data)
            left -= len(data)

    with function(echo) as peer:
        body = os.urandom(1000) * (size // 1000)
        exchange = peer.exchange(body)
        assert whole(exchange) == ("200 OK", body)
        peer.thread.join(60)
        assert exchange.can_reuse


def test_pieces_come_as_they_are_written():
    steps = [threading.Event() for _ in range(3)]

    def act(self):
        self.read(6)
        self.theirs.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for step, data in zip(steps, [b"1\r\na\r\n", b"1\r\nb\r\n", b"0\r\n\r\n"], strict=True):
            step.wait(60)
            self.theirs.sendall(data)

    with function(act) as peer:
        exchange = peer.exchange()
        assert exchange.read_head().status == "200 OK"
        for step, piece in zip(steps, [b"a", b"b", b""], strict=True):
            assert not exchange.has_ended
            step.set()
            assert exchange.read() == piece
        assert exchange.has_ended
        assert exchange.read() == b""


def test_log_is_kept_up_to_its_limit_and_never_blocks():
    def act(self):
        self.read(6)
        for _ in range(100):
            os.write(self.stderr, b"x" * 10_000)
        self.theirs.sendall(OK)

    with function(act) as peer:
        exchange = peer.exchange(log=1000)
        assert whole(exchange) == ("200 OK", b"hi")
        exchange.drain_log()
        assert exchange.log == b"x" * 1000


def test_log_of_a_call_ends_with_its_response():
    def act(self):
        self.read(6)
        os.write(self.stderr, b"before\n")
        self.theirs.sendall(OK)

    with function(act) as peer:
        exchange = peer.exchange()
        assert whole(exchange) == ("200 OK", b"hi")
        exchange.drain_log()
        assert exchange.log == b"before\n"
        os.write(peer.stderr, b"after\n")
        other = peer.exchange()
        other.drain_log()
        assert (exchange.log, other.log) == (b"before\n", b"after\n")


def test_function_without_stderr_is_not_watched_for_it():
    def act(self):
        with open(os.devnull, "wb") as devnull:
            os.dup2(devnull.fileno(), self.stderr)
        self.read(6)
        time.sleep(0.1)
        self.theirs.sendall(OK)

    with function(act) as peer:
        began = time.process_time()
        assert whole(peer.exchange()) == ("200 OK", b"hi")
        assert time.process_time() - began < 0.09


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ended without a response"),
        (b"HTTP/1.1 200", "ended without a response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", "less than it announced"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", "less than it announced"),
        (b"garbage\r\n\r\n", "not HTTP"),
        (b"a" * 1_000_000, "head is too long"),
        (OK + OK, "more than it announced"),
    ],
)
def test_function_that_answers_badly_has_failed(data, words):
    def act(self):
        self.read(6)
        try:
            self.theirs.sendall(data)
        finally:
            self.theirs.shutdown(socket.SHUT_RDWR)

    with function(act) as peer:
        exchange = peer.exchange()
        with pytest.raises(Failed, match=words):
            whole(exchange)
        assert not exchange.can_reuse


def test_function_that_dies_while_it_is_sent_to_has_failed():
    def act(self):
        self.read(6)
        self.theirs.close()

    with function(act) as peer:
        exchange = peer.exchange(b"x" * 10_000_000)
        with pytest.raises(Failed, match="ended without a response"):
            exchange.read_head()
        assert not exchange.can_reuse


def test_response_to_half_a_request_is_none():
    """If the process were kept, it could read the rest and take it for the next request."""
    with function(answers(OK)) as peer, pytest.raises(Failed, match="before it had read the request"):
        whole(peer.exchange(b"x" * 10_000_000))


def test_response_is_whole_after_the_function_reads_no_more():
    def act(self):
        self.read(6)
        self.theirs.shutdown(socket.SHUT_RD)
        time.sleep(0.05)
        self.theirs.sendall(OK)

    with function(act) as peer, pytest.raises(Failed, match="before it had read the request"):
        whole(peer.exchange(b"x" * 10_000_000))


def test_process_that_left_some_of_the_request_is_not_reused():
    """If the function has not read its body, a client's bytes would become the next request."""
    with function(answers(OK, 7)) as peer:
        exchange = peer.exchange(b"GET /forged HTTP/1.1\r\n\r\n")
        assert whole(exchange) == ("200 OK", b"hi")
        assert not exchange.can_reuse
        peer.thread.join(60)
        peer.read(23)
        assert exchange.can_reuse


@pytest.mark.parametrize("data", [b"x", OK, None])
def test_process_that_speaks_or_ends_when_idle_is_not_reused(data):
    with function(answers(OK)) as peer:
        exchange = peer.exchange()
        assert whole(exchange) == ("200 OK", b"hi")
        assert exchange.can_reuse
        assert is_quiet(peer.ours)
        if data is None:
            peer.theirs.shutdown(socket.SHUT_WR)
        else:
            peer.theirs.sendall(data)
        assert not exchange.can_reuse
        assert not is_quiet(peer.ours)


def test_function_that_ended_with_unread_input_is_not_quiet():
    with function() as peer:
        peer.ours.send(b"unread")
        peer.theirs.close()
        assert not is_quiet(peer.ours)


def test_client_that_leaves_ends_the_call():
    client, server = socket.socketpair()
    with server, function() as peer:
        exchange = peer.exchange(client=server.fileno())
        client.close()
        with pytest.raises(ClientLeft):
            exchange.read_head()
        assert not exchange.can_reuse


def test_client_that_stays_gets_its_response():
    client, server = socket.socketpair()
    with client, server, function(answers(OK)) as peer:
        client.send(b"the next request")
        assert whole(peer.exchange(client=server.fileno())) == ("200 OK", b"hi")


def test_call_that_waits_for_a_response_ends_in_time():
    with function() as peer:
        exchange = peer.exchange(timeout=0.2)
        began = time.monotonic()
        with pytest.raises(TimedOut):
            exchange.read_head()
        assert 0.19 < time.monotonic() - began < 30
        assert not exchange.can_reuse


def test_function_that_never_reads_a_large_body_is_ended_in_time():
    with function() as peer, pytest.raises(TimedOut):
        peer.exchange(b"x" * 64_000_000, timeout=0.2).read_head()


@pytest.mark.parametrize("is_log", [False, True])
def test_byte_after_byte_does_not_put_the_deadline_off(is_log):
    over = threading.Event()

    def act(self):
        self.read(6)
        self.theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not over.wait(0.002):
            os.write(self.stderr, b"x") if is_log else self.theirs.sendall(b"x")

    with function(act) as peer:
        exchange = peer.exchange(timeout=0.3)
        assert exchange.read_head().status == "200 OK"
        began = time.monotonic()
        with pytest.raises(TimedOut):
            read_all(exchange)
        over.set()
        assert time.monotonic() - began < 30


def test_response_beyond_the_limit_is_cut():
    def act(self):
        self.read(6)
        self.theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100_000)

    with function(act) as peer:
        exchange = peer.exchange(output=1000)
        with pytest.raises(Failed, match="too long"):
            whole(exchange)


def test_response_of_just_the_limit_is_whole():
    with function(answers(OK)) as peer:
        assert whole(peer.exchange(output=2)) == ("200 OK", b"hi")


def test_request_waits_for_room_in_a_full_socket():
    with function() as peer:
        full = 0
        with suppress(BlockingIOError):
            while True:
                full += peer.ours.send(b"x" * 1000, socket.MSG_DONTWAIT)

        def act(self):
            time.sleep(0.1)
            for _ in range(0, full + 100_006, 1000):
                self.read(1000)
                time.sleep(0.0001)
            self.read(6)
            self.theirs.sendall(OK)

        peer.begin(act)
        assert whole(peer.exchange(b"x" * 101_000)) == ("200 OK", b"hi")


def test_request_goes_through_a_small_socket_in_parts():
    with function(answers(OK, 500_006)) as peer:
        peer.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
        exchange = peer.exchange(b"x" * 500_000)
        assert whole(exchange) == ("200 OK", b"hi")
        assert exchange.can_reuse


def test_log_that_another_process_took_is_no_end_of_it(monkeypatch):
    taken = []

    def read(file, size):
        if not taken:
            taken.append(file)
            raise BlockingIOError
        return os_read(file, size)

    def act(self):
        self.read(6)
        os.write(self.stderr, b"x")
        while not taken:
            time.sleep(0.001)
        os.write(self.stderr, b"y")
        self.theirs.sendall(OK)

    os_read = os.read
    with function() as peer:
        monkeypatch.setattr(os, "read", read)
        peer.begin(act)
        exchange = peer.exchange()
        assert whole(exchange) == ("200 OK", b"hi")
        exchange.drain_log()
        assert exchange.log == b"xy"
