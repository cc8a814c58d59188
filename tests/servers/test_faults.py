"""A server under load: reloads, killed workers, and clients that are slow or leave."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .load import MIXED, WELL_BEHAVED, Echo, Load, RegularEcho, Unlucky
from .process import Gunicorn, wait_until

pytestmark = [pytest.mark.server, pytest.mark.slow]
CLIENTS = 6


def start(directory: Path, **options: Any) -> Gunicorn:
    directory.mkdir()
    return Gunicorn("gthread", directory, workers=2, **options)


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[Gunicorn]:
    gunicorn = Gunicorn("gthread", tmp_path, workers=2)
    yield gunicorn
    gunicorn.ensure_ended()


def go_on(load: Load, count: int = 200) -> None:
    """Wait until the given number of further requests have responses."""
    before = load.answered
    wait_until(lambda: load.answered >= before + count, f"{count} more answers", 20)


def test_no_request_is_lost_when_the_workers_are_replaced(gunicorn: Gunicorn) -> None:
    with Load(gunicorn.port, CLIENTS) as load:
        for _ in range(3):
            go_on(load)
            gunicorn.reload()
        go_on(load)
    assert (load.wrong, load.lost) == ([], [])
    gunicorn.stop()


def test_killed_worker_loses_only_its_own_requests(gunicorn: Gunicorn) -> None:
    killed = []
    with Load(gunicorn.port, CLIENTS) as load:
        for _ in range(2):
            go_on(load)
            killed.append(next(pid for pid in gunicorn.workers() if pid not in killed))
            os.kill(killed[-1], signal.SIGKILL)
            wait_until(lambda: len(set(gunicorn.workers()) - set(killed)) == 2, "no worker took its place", 20)
        go_on(load)
    assert load.wrong == []
    assert len(load.lost) <= 2 * CLIENTS
    gunicorn.stop(killed)


def test_bad_clients_take_nothing_from_others(gunicorn: Gunicorn) -> None:
    """Bad clients leave, dawdle, or send half of a request."""
    with Load(gunicorn.port, MIXED) as load:
        go_on(load)
        gunicorn.reload()
        go_on(load)
        wait_until(lambda: all(load.count(kind).sent > 5 for kind in MIXED), "some of each kind", 20)
    assert (load.wrong, load.lost) == ([], [])
    count = load.count()
    assert count.sent == count.answered + count.left
    gunicorn.stop()


def test_failed_streams_are_cut_closed_and_logged_once(gunicorn: Gunicorn) -> None:
    with Load(gunicorn.port, {**MIXED, Unlucky: 2}) as load:
        wait_until(lambda: load.count(Unlucky).sent > 10, "some streams", 20)
    assert (load.wrong, load.lost) == ([], [])
    streams = load.count(Unlucky).answered
    # microfn logs the route, and gunicorn logs the error that makes it break the connection.
    assert gunicorn.errors().count("raised OnPurpose\n") == streams
    assert gunicorn.errors().count("OnPurpose: secret of a stream") == 2 * streams
    assert sum(line.startswith("closed ") for line in gunicorn.recorded()) == streams
    gunicorn.stop()


@pytest.mark.parametrize("app", ["tests.servers.app:app", "tests.servers.bare:app"])
def test_failed_streams_cost_others_at_most_a_kept_connection(tmp_path: Path, app: str) -> None:
    """A connection is lost only if workers are replaced, with any application.

    If gunicorn 27 cuts off a connection, it counts that one twice. Then it waits for one less before it ends.
    """
    gunicorn = start(tmp_path / "0", app=app)
    try:
        with Load(gunicorn.port, {Echo: 3, RegularEcho: 3, Unlucky: 2}) as load:
            go_on(load)
            gunicorn.reload()
            go_on(load)
        assert load.wrong == load.count(Echo).lost == load.count(Unlucky).lost == []
        assert all(len(client.count.lost) <= 2 for client in load.clients)  # two workers are replaced
        assert all("later on its connection" in lost for lost in load.lost)
        gunicorn.stop()
    finally:
        gunicorn.ensure_ended()


def test_bodies_that_do_not_come_hold_a_thread_and_no_more(gunicorn: Gunicorn) -> None:
    """Three of eight threads wait for the bodies. The others serve requests, and all are free in the end."""
    slow = [gunicorn.connect() for _ in range(3)]
    for wire in slow:
        wire.request("POST", "/measure/slow", "Content-Length: 100", body=b"slow.")
    with Load(gunicorn.port, CLIENTS) as load:
        go_on(load)
    for wire in slow:
        wire.send(b"." * 95)
        assert wire.answer().json == {"length": 100}
        wire.leave()
    assert (load.wrong, load.lost) == ([], [])
    gunicorn.stop()


def test_no_request_is_lost_if_the_socket_outlives_the_server(tmp_path: Path) -> None:
    """Stop a server with SIGTERM, and start another on a socket that the test keeps open, as systemd does."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        port = listener.getsockname()[1]
        servers = [start(tmp_path / "0", listener=listener)]
        try:
            with Load(port, dict.fromkeys(WELL_BEHAVED, CLIENTS)) as load:
                for number in range(1, 4):
                    go_on(load)
                    servers[-1].stop()
                    servers.append(start(tmp_path / str(number), listener=listener))
                go_on(load)
            assert (load.wrong, load.lost, load.count().unsent) == ([], [], 0)
            servers[-1].stop()
        finally:
            servers[-1].ensure_ended()


@pytest.mark.parametrize("app", ["tests.servers.app:app", "tests.servers.bare:app"])
def test_server_that_ends_loses_only_requests_it_never_took(tmp_path: Path, app: str) -> None:
    """After SIGTERM, gunicorn accepts no connection, but its socket stays open for a moment, with any application.

    A client can lose one request there. If gunicorn had accepted the connection, each request on it gets its response.
    """
    gunicorn = start(tmp_path / "0", app=app)
    try:
        with Load(gunicorn.port, {Echo: CLIENTS, RegularEcho: CLIENTS}) as load:
            go_on(load)
            gunicorn.stop()
        assert load.wrong == []
        for client in load.clients:
            assert len(client.count.lost) <= 1
            assert all("first of its connection" in lost for lost in client.count.lost)
    finally:
        gunicorn.ensure_ended()
