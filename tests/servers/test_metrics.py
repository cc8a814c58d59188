"""Metrics of several workers are reported as one, from any of them."""

from __future__ import annotations

import re
import time

import pytest

from .process import Gunicorn

pytestmark = pytest.mark.server


def ask(server: Gunicorn, path: str) -> str:
    with server.connect() as wire:
        wire.request("GET", path)
        answer = wire.answer()
        assert answer.status == 200
        return answer.body.decode()


def test_two_workers_tell_what_both_have_counted(tmp_path, monkeypatch):
    folder = tmp_path / "metrics"
    folder.mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    server = Gunicorn("sync", tmp_path, workers=2, app="tests.servers.measured:app")
    try:
        seen, asked = set(), 0
        deadline = time.monotonic() + 20
        while len(seen) < 2:
            assert time.monotonic() < deadline
            seen.add(ask(server, "/pid"))
            asked += 1
        for name in "abc":
            ask(server, f"/echo/{name}")
        for _ in range(4):  # either worker may respond
            text = ask(server, "/metrics")
            counts = dict(
                re.findall(
                    r'^http_requests_total\{method="GET",route="([^"]*)",status="200"\} (\S+)$', text, re.MULTILINE
                )
            )
            assert float(counts["/pid"]) == asked
            assert float(counts["/echo/:name"]) == 4  # one of them is the request that checks if the server is up
        assert len(list(folder.glob("counter_*.db"))) == 2
        assert "/echo/a" not in text
    finally:
        server.stop()
