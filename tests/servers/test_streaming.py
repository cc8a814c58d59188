"""Slow transfers under gunicorn: events until the client leaves, a gigabyte, an upload."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from .process import Gunicorn, wait_until

pytestmark = [pytest.mark.server, pytest.mark.slow]

GIGABYTE = 1024 * 1024 * 1024
LARGE = 32 * 1024 * 1024


@pytest.fixture(params=["sync", "gthread", "gevent"])
def server(request, tmp_path, monkeypatch) -> Iterator[Gunicorn]:
    files = tmp_path / "files"
    files.mkdir()
    with (files / "big").open("wb") as file:
        file.truncate(GIGABYTE)
        file.seek(GIGABYTE - 3)
        file.write(b"end")
    monkeypatch.setenv("MICROFN_TEST_FILES", str(files))
    gunicorn = Gunicorn(request.param, tmp_path, workers=1, app="tests.servers.streaming:app")
    try:
        yield gunicorn
    finally:
        gunicorn.stop()


def test_events_end_and_are_cleaned_up_when_the_client_leaves(server, key):
    for number, leave in enumerate(("leave", "reset")):
        name = f"{key}{number}"
        with server.connect() as wire:
            wire.request("GET", f"/events/{name}")
            head = wire.head()
            assert (head.status, head.headers["Content-Type"]) == (200, "text/event-stream")
            assert wire.chunk() == b":\n\n"
            assert json.loads(wire.chunk()[6:])["pid"]
            assert server.count_recorded(f"ended {name}") == 0
            getattr(wire, leave)()
        server.wait_for_record(f"ended {name}")
        server.wait_for_record(f"closed {name}")
        wait_until(lambda: any(name in line for line in logged(server)), "no line in the access log")  # noqa: B023


def logged(server: Gunicorn) -> list[str]:
    return [line for line in server._record.read_text("utf-8").splitlines() if line.startswith("{")]


def peak(server: Gunicorn) -> int:
    with server.connect() as wire:
        wire.request("GET", "/memory")
        memory: int = wire.answer().json["peak"]
        return memory


def test_a_gigabyte_is_sent_in_constant_memory(server):
    before = peak(server)
    with server.connect() as wire:
        wire.request("GET", "/files/big")
        head = wire.head()
        assert head.headers["Content-Length"] == str(GIGABYTE)
        assert wire.skip(GIGABYTE - 3) == b"end"
    assert peak(server) - before < 32 * 1024 * 1024


def test_a_file_that_changes_never_passes_for_a_whole_one(server, tmp_path):
    """If bytes are appended, they are not sent; if bytes are missing, the connection breaks."""
    path = tmp_path / "files" / "changing"
    for change, size in [
        (lambda: path.write_bytes(path.read_bytes() + b"HTTP/1.1 200 OK\r\n" * 99), LARGE),
        (lambda: os.truncate(path, LARGE // 2), LARGE // 2),
    ]:
        path.write_bytes(b"a" * LARGE)
        with server.connect() as wire:
            wire.request("GET", "/files/changing")
            assert wire.head().headers["Content-Length"] == str(LARGE)
            change()
            assert sum(map(len, wire.pieces(LARGE, LARGE, 0))) == size
            if size == LARGE and server.keeps_alive:
                wire.request("GET", "/echo/x")
                assert wire.answer().body == b"x"
            else:
                assert wire.rest() == b""


def test_an_upload_is_spooled_to_disk(server):
    before = peak(server)
    data = b"x" * (40 * 1024 * 1024)
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + data + b"\r\n--b--\r\n"
    with server.connect() as wire:
        content_type = "Content-Type: multipart/form-data; boundary=b"
        wire.request("POST", "/upload", content_type, f"Content-Length: {len(body)}", body=body)
        assert wire.answer().json == {"size": len(data), "is_on_disk": True}
    assert peak(server) - before < 20 * 1024 * 1024
    with server.connect() as wire:
        wire.request("POST", "/upload", content_type, f"Content-Length: {100 * 1024 * 1024}")
        assert wire.head().status == 413
