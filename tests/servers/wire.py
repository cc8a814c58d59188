"""HTTP/1.1 as raw bytes, for requests and responses that `http.client` does not send or show."""

from __future__ import annotations

import http.client
import json
import select
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

TIMEOUT = 10.0


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """A connection to 127.0.0.1 whose every byte is checked."""

    def __init__(self, port: int, host: str = "a.example") -> None:
        self._host = host
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self._file = self._socket.makefile("rb")
        self.is_ended = False
        """True if an unbuffered read has met the end."""
        self.is_to_be_closed = False
        """True if the server has announced that it closes the connection."""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        self._file.close()
        self._socket.close()

    def reset(self) -> None:
        """Close the connection abruptly: the server gets a RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.leave()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def request(self, method: str, target: str, *lines: str, body: bytes = b"") -> None:
        """Send a request with exactly these header lines besides Host."""
        head = "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {self._host}", *lines, "", ""])
        self.send(head.encode("latin-1") + body)

    def end(self) -> None:
        """Shut down the sending side; the server's data can still be read."""
        self._socket.shutdown(socket.SHUT_WR)

    def head(self) -> Answer:
        version, status, *_ = self._file.readline().decode("latin-1").split(" ", 2)
        assert version == "HTTP/1.1"
        headers = http.client.parse_headers(self._file)
        self.is_to_be_closed = headers.get("Connection") == "close"
        return Answer(int(status), headers)

    def chunk(self) -> bytes:
        """Return the next chunk; the last one is empty (RFC 9112, section 7.1)."""
        size = int(self._file.readline(), 16)
        data = self._file.read(size)
        assert len(data) == size
        assert self._file.readline() == b"\r\n"
        return data

    def answer(self, method: str = "GET") -> Answer:
        """Return the next response, and not one byte more. A response without a length or chunks is rejected."""
        answer = self.head()
        if method == "HEAD" or answer.status in (204, 304) or answer.status < 200:
            return answer
        if answer.headers.get("Transfer-Encoding") == "chunked":
            return answer._replace(body=b"".join(iter(self.chunk, b"")))
        size = int(answer.headers["Content-Length"])
        body = self._file.read(size)
        assert len(body) == size
        return answer._replace(body=body)

    def skip(self, size: int) -> bytes:
        """Read past this many bytes of a body, and return the three bytes after them."""
        buffer = memoryview(bytearray(1024 * 1024))
        while size:
            read = self._file.readinto(buffer[: min(size, len(buffer))])
            assert read
            size -= read
        return self._file.read(3)

    def pieces(self, size: int, piece: int, pause: float) -> Iterator[bytes]:
        """Yield this many bytes of a body slowly; yield fewer if the connection ends."""
        while size:
            data = self._file.read(min(size, piece))
            if not data:
                return
            size -= len(data)
            yield data
            time.sleep(pause)

    def until(self, text: bytes) -> bytes:
        """Return the bytes up to this text; further bytes of the same read are included."""
        seen = b""
        while text not in seen:
            data = self._file.read1(65536)
            if not data:
                break
            seen += data
        return seen

    def at_least(self, size: int) -> bytes:
        """Return at least this many bytes; return fewer if the connection ends."""
        pieces = []
        while size > 0 and (data := self._read()):
            pieces.append(data)
            size -= len(data)
        return b"".join(pieces)

    def until_silent(self, seconds: float) -> bytes:
        """Return the bytes until the connection is silent for this long, or until its end."""
        pieces = []
        while not self.is_ended and not self.is_silent(seconds):
            pieces.append(self._read())
        return b"".join(pieces)

    def is_silent(self, seconds: float) -> bool:
        """Return True if neither data nor the end comes within this time. Call it only after unbuffered reads."""
        return not select.select([self._socket], [], [], seconds)[0]

    def _read(self) -> bytes:
        try:
            data = self._file.read1(65536)
        except ConnectionError:
            data = b""
        self.is_ended = not data
        return data

    def rest(self) -> bytes:
        """Return everything up to the end of the connection."""
        return self._file.read()
