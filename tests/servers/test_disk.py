"""An upload that does not fit on the disk, under gunicorn: on a small disk, and with a limit on file sizes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .process import Gunicorn

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts open files in /proc"),
]

MEGABYTE = 1024 * 1024
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=6m none "$TMPDIR" && exec "$@"'
HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'


@pytest.fixture(params=["File too large", "No space left on device"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Gunicorn, str]]:
    """Yield a gunicorn that can store uploads of one megabyte but not of three, and the error that explains it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    environ, prefix = {"TMPDIR": str(folder)}, []
    if request.param == "File too large":
        environ["MICROFN_TEST_LARGEST_FILE"] = str(2 * MEGABYTE)
    else:
        prefix = ["unshare", "--map-root-user", "--mount", "sh", "-c", ON_A_SMALL_DISK, "sh"]
        tried = subprocess.run([*prefix[:3], "true"], capture_output=True, check=False, encoding="utf-8")
        if tried.returncode:
            pytest.skip(f"no disk can be mounted here: {tried.stderr.strip()}")
    gunicorn = Gunicorn("gthread", tmp_path, workers=1, app="tests.servers.disk:app", prefix=prefix, **environ)
    try:
        yield gunicorn, request.param
    finally:
        gunicorn.stop()


def upload(gunicorn: Gunicorn, size: int, *, is_chunked: bool = False) -> tuple[int, Any]:
    body = HEAD + bytes(size) + b"\r\n--b--\r\n"
    length = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(body)}"
    sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if is_chunked else body
    with gunicorn.connect() as wire:
        wire.request("POST", "/upload", "Content-Type: multipart/form-data; boundary=b", length, body=sent)
        answer = wire.answer()
        if answer.status != 200:
            assert wire.rest() == b""  # gunicorn closes a connection if so much is unread
            assert b"Errno" not in answer.body
    return answer.status, answer.json


def ask(gunicorn: Gunicorn, method: str, target: str) -> Any:
    with gunicorn.connect() as wire:
        wire.request(method, target)
        answer = wire.answer()
    assert answer.status == 200
    return answer.json


def held(gunicorn: Gunicorn) -> Any:
    """Return the worker's resources after it has closed earlier connections."""
    return min((ask(gunicorn, "GET", "/held") for _ in range(10)), key=lambda seen: seen["descriptors"])


def test_an_upload_that_finds_no_room_leaves_nothing_behind(server: tuple[Gunicorn, str]) -> None:
    gunicorn, why = server
    if why == "No space left on device":
        ask(gunicorn, "POST", f"/fill/{4 * MEGABYTE}")
    assert upload(gunicorn, MEGABYTE) == (200, {"size": MEGABYTE})
    before = held(gunicorn)
    for number in range(6):
        status, told = upload(gunicorn, 3 * MEGABYTE, is_chunked=bool(number % 2))
        assert (status, told["title"]) == (500, "Internal Server Error")
    after = held(gunicorn)
    assert {name: max(after[name], before[name]) for name in before} == before
    assert upload(gunicorn, MEGABYTE) == (200, {"size": MEGABYTE})
    ask(gunicorn, "POST", "/make-room")
    assert upload(gunicorn, 3 * MEGABYTE) == (200, {"size": 3 * MEGABYTE})
    errors = gunicorn.errors()
    assert errors.count("POST /upload [/upload] raised OSError\n") == errors.count(why) == 6
    assert gunicorn.accesses().count("POST /upload 500") == 6
