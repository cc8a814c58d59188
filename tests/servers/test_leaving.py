"""If a client leaves, its call ends, even if no failing write reveals it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .process import Gunicorn, wait_until

pytestmark = [pytest.mark.server, pytest.mark.faults]
NEXT = b"GET /whole HTTP/1.1\r\nHost: a.example\r\n\r\n"


@pytest.fixture(params=["sync", "gthread", "gevent"])
def gunicorn(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gunicorn]:
    gunicorn = Gunicorn(request.param, tmp_path, workers=1, app="tests.servers.leaving:app")
    yield gunicorn
    gunicorn.ensure_ended()


def leave(gunicorn: Gunicorn, *, is_reset: bool = False, next_request: bytes = b"") -> None:
    """Leave a call that writes nothing. Assert that the call ends soon, and that the server goes on."""
    wire = gunicorn.connect()
    wire.request("POST", "/silent", "Content-Length: 4", body=b"body")
    wait_until(lambda: "began /" in "".join(gunicorn.recorded()), "it did not begin")
    wire.send(next_request)
    wire.reset() if is_reset else wire.leave()
    wait_until(lambda: "ended / ClientLeft" in "".join(gunicorn.recorded()), "it goes on", 60)
    with gunicorn.connect() as other:
        other.request("GET", "/whole", "Connection: close")
        assert other.answer().body == b"whole\n"


@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
def test_client_that_leaves_ends_a_silent_call(gunicorn: Gunicorn, is_reset: bool) -> None:
    leave(gunicorn, is_reset=is_reset)


@pytest.mark.parametrize("gunicorn", ["sync", "gthread"], indirect=True)
def test_client_that_leaves_behind_its_next_request_is_noticed(gunicorn: Gunicorn) -> None:
    """gevent only reports that a connection is readable, which is also true if the next request is there."""
    leave(gunicorn, next_request=NEXT)


def test_client_that_sends_its_next_request_has_not_left(gunicorn: Gunicorn) -> None:
    with gunicorn.connect() as wire:
        wire.request("GET", "/whole")
        wire.send(NEXT)
        assert wire.answer().body == b"whole\n"
