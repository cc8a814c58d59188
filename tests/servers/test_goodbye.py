"""The end of a server, as the how-to on streams describes it."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.documents import ROOT, blocks, named_file

from .process import wait_until

pytestmark = pytest.mark.server


@pytest.fixture(params=["sync", "gthread"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Yield a gunicorn with the page's application and configuration, and its port."""
    pieces = [text for language, text in blocks(ROOT / "docs/howto/streaming.md") if language == "python"]
    (tmp_path / "app.py").write_text("\n\n".join(text for text in pieces if named_file(text) is None), "utf-8")
    (tmp_path / "gunicorn.conf.py").write_text(next(text for text in pieces if named_file(text) is not None), "utf-8")
    log = tmp_path / "log"
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0"]
    kept = {name: value for name, value in os.environ.items() if name not in ("GUNICORN_CMD_ARGS", "SCRIPT_NAME")}
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*command, "--worker-class", request.param, "--threads", "2", "--graceful-timeout", "30", "app:app"],
            cwd=tmp_path,
            env=kept,
            stdout=errors,
            stderr=errors,
            start_new_session=True,
        )
    try:
        wait_until(lambda: b"Booting worker" in log.read_bytes(), "gunicorn does not start")
        found = re.search(r"Listening at: http://127\.0\.0\.1:(\d+) ", log.read_text("utf-8"))
        assert found is not None
        yield process, int(found[1])
    finally:
        with suppress(ProcessLookupError):  # gunicorn has ended with all its workers
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_listeners_hear_goodbye_when_the_server_is_told_to_end(server):
    process, port = server
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/events")
    reply = connection.getresponse()
    assert reply.read(3) == b":\n\n"
    process.send_signal(signal.SIGTERM)
    assert reply.read() == b""  # the last chunk; if it were cut off, this would raise IncompleteRead
    connection.close()
    assert process.wait(60) == 0
