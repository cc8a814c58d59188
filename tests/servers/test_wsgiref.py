"""The same application under the server of the standard library, checked by its validator."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import pytest

from .app import app
from .wire import TIMEOUT

pytestmark = pytest.mark.server


class Quiet(WSGIRequestHandler):
    timeout = TIMEOUT

    def log_message(self, *_: object) -> None:
        """Log nothing: otherwise pytest would show each request."""


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "record"
    path.touch()
    monkeypatch.setenv("MICROFN_TEST_RECORD", str(path))
    return path


@pytest.fixture
def client(record: Path) -> Iterator[http.client.HTTPConnection]:
    with make_server("127.0.0.1", 0, validator(app), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=TIMEOUT)
        try:
            yield connection
        finally:
            connection.close()
            server.shutdown()
            thread.join(TIMEOUT)
            assert not thread.is_alive()


def ask(
    client: http.client.HTTPConnection, method: str, target: str, body: bytes | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    client.request(method, target, body)
    response = client.getresponse()
    return response.status, response.headers, response.read()


def test_get(client: http.client.HTTPConnection) -> None:
    status, headers, body = ask(client, "GET", "/docs")
    assert (status, headers["Content-Type"], body) == (200, "text/plain; charset=utf-8", b"the docs\n")


def test_head_has_the_length_and_no_body(client: http.client.HTTPConnection) -> None:
    status, headers, body = ask(client, "HEAD", "/docs")
    assert (status, headers["Content-Length"], body) == (200, "9", b"")


def test_post_is_read_whole(client: http.client.HTTPConnection, record: Path) -> None:
    status, _, body = ask(client, "POST", "/upload/k", b"hello")
    assert (status, body[:12]) == (200, b'{"length":5,')
    assert record.read_text("utf-8") == "uploaded k\n"


def test_post_without_a_length_is_empty(client: http.client.HTTPConnection) -> None:
    client.putrequest("POST", "/upload/k")
    client.endheaders()
    response = client.getresponse()
    assert (response.status, response.read()[:12]) == (200, b'{"length":0,')


def test_post_over_the_limit_is_413(client: http.client.HTTPConnection, record: Path) -> None:
    assert ask(client, "POST", "/upload/k", bytes(4097))[0] == 413
    assert record.read_text("utf-8") == ""


def test_stream_ends_with_the_connection_and_is_closed_once(client: http.client.HTTPConnection, record: Path) -> None:
    record.write_text("go on k\n", "utf-8")
    status, headers, body = ask(client, "GET", "/stream/k")
    assert (status, headers["Content-Length"]) == (200, None)
    assert body.decode() == "first\nzweitens: ☃\nthird\n"
    assert record.read_text("utf-8") == "go on k\nclosed k\n"


def test_path_is_utf_8(client: http.client.HTTPConnection) -> None:
    _, _, body = ask(client, "GET", "/echo/caf%C3%A9")
    assert '"path":"/echo/café"' in body.decode()


def test_redirect(client: http.client.HTTPConnection) -> None:
    status, headers, _ = ask(client, "GET", "/docs/?q=%2F")
    assert (status, headers["Location"]) == (301, "/docs?q=%2F")


def test_unknown_path_is_404(client: http.client.HTTPConnection) -> None:
    status, headers, _ = ask(client, "GET", "/nowhere")
    assert (status, headers["Content-Type"]) == (404, "application/problem+json")
