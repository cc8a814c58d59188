"""A client that leaves is noticed even if nothing is written to it."""

from __future__ import annotations

import select
import socket

import pytest

from microfn.agent.functions.client import ClientWatch


@pytest.fixture
def connection():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def events(poll):
    return dict(poll.poll(0))


@pytest.mark.parametrize("how", ["close", "shutdown"])
def test_client_has_left_if_its_connection_ends(connection, how):
    ours, theirs = connection
    poll = select.poll()
    watch = ClientWatch(ours.fileno(), poll)
    assert events(poll) == {}
    theirs.close() if how == "close" else theirs.shutdown(socket.SHUT_WR)
    assert watch.has_left(events(poll)[watch.file])


def test_next_request_is_no_end_and_hides_none(connection):
    ours, theirs = connection
    poll = select.poll()
    watch = ClientWatch(ours.fileno(), poll)
    theirs.send(b"GET / HTTP/1.1")
    assert not watch.has_left(events(poll)[watch.file])
    assert events(poll) == {}
    theirs.close()
    assert watch.has_left(events(poll)[watch.file])
    watch.stop()
    watch.stop()
    assert events(poll) == {}


class PollOfGreenlets:
    """A poll object that knows POLLIN alone, such as gevent's."""

    def __init__(self):
        self.masks = {}

    def register(self, file, mask):
        assert mask & select.POLLIN
        self.masks[file] = mask

    def unregister(self, file):
        del self.masks[file]


def test_poll_without_other_events_is_told_of_the_end_by_reading(connection):
    ours, theirs = connection
    poll = PollOfGreenlets()
    watch = ClientWatch(ours.fileno(), poll)
    theirs.send(b"x")
    assert not watch.has_left(select.POLLIN)
    assert poll.masks == {}
    ours.recv(1)
    theirs.close()
    assert ClientWatch(ours.fileno(), poll).has_left(select.POLLIN)
