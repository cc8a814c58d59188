"""Routes that change while threads or greenlets serve: each response comes from one snapshot."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import changing
from .process import Gunicorn
from .wire import Wire

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(params=[("gthread", ()), ("gevent", ()), ("gevent", ("--preload",))])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gunicorn]:
    """Yield a gunicorn. With --preload, the application exists before the fork, and before gevent patches threads."""
    worker_class, options = request.param
    gunicorn = Gunicorn(worker_class, tmp_path, *options, workers=1, app="tests.servers.changing:app")
    try:
        yield gunicorn
    finally:
        gunicorn.stop()


def ask(wire: Wire, path: str, status: int = 200) -> tuple[dict[str, Any], str | None]:
    wire.request("GET", path)
    answer = wire.answer()
    assert answer.status == status, (path, answer)
    return answer.json, answer.headers["X-Number"]


def follow(gunicorn: Gunicorn, counts: list[int]) -> None:
    """Request the current routes and all others of the same change; assert that numbers never decrease."""
    count = number = 0
    with gunicorn.connect() as wire:
        while number < changing.CHANGES - 1:
            before, (now, _) = number, ask(wire, "/now")
            number = now["number"]
            assert number >= before
            whole = {"number": number, "is_whole": True}
            assert now == whole
            assert ask(wire, f"/v{number}/x") == (whole, str(number))
            assert ask(wire, f"/v{number}/none", 404) == (whole, str(number))
            assert ask(wire, f"/g{number}/7") == ({**whole, "id": "7"}, str(number))
            later, _ = ask(wire, "/now/7")
            assert later["number"] >= number
            assert later == {**whole, "number": later["number"], "id": "7"}
            count += 1
    counts.append(count)


def test_every_answer_is_wholly_of_one_state_while_routes_change(server: Gunicorn) -> None:
    counts: list[int] = []
    threads = [threading.Thread(target=follow, args=(server, counts)) for _ in range(8)]
    with server.connect() as wire:
        for thread in threads:
            thread.start()
        wire.request("POST", "/start", "Content-Length: 0")
        assert wire.answer().status == 200
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert len(counts) == 8, server.errors()
    assert min(counts) > 3
