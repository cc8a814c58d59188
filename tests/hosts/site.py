"""A site on a host, and requests to it."""

from __future__ import annotations

import http.client
import io
import json
import re
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from ..servers.wire import Wire


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(joined(self))


class Site:
    """The application at `prefix` of 127.0.0.1, and the file by which it and the tests talk."""

    def __init__(self, port: int, prefix: str, record: Path) -> None:
        self.port = port
        self.prefix = prefix
        self._record = record

    def ask(self, method: str, target: str, *lines: str, body: bytes = b"") -> Answer:
        """One request on a connection of its own, and all that comes back until its end."""
        with self.connect() as wire:
            wire.request(method, self.prefix + target, "Connection: close", *lines, body=body)
            return parse(wire.rest())

    def connect(self) -> Wire:
        return Wire(self.port, f"a.example:{self.port}")

    def begin(self, target: str) -> Wire:
        wire = self.connect()
        wire.request("GET", self.prefix + target, "Connection: close")
        return wire

    def below(self, location: str) -> str:
        """Return a path without the prefix, or `outside …` if it is not below the prefix."""
        return location.removeprefix(self.prefix) if location.startswith(self.prefix) else f"outside {location}"

    @property
    def directory(self) -> Path:
        """Return the directory of the application."""
        return self._record.parent

    def tell(self, line: str) -> None:
        with self._record.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def has_recorded(self, line: str) -> bool:
        return line in self._record.read_text("utf-8").splitlines()

    def value_of(self, name: str) -> str:
        """Return the value after this name in the record."""
        (found,) = re.findall(f"^{name} (.*)$", self._record.read_text("utf-8"), re.MULTILINE)
        return str(found)


def new_key() -> str:
    return uuid.uuid4().hex


def parse(data: bytes) -> Answer:
    """Parse a response up to the end of the connection. Raises ValueError if it is malformed."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise ValueError("no answer")
    first, _, rest = head.partition(b"\r\n")
    status = int(first.split(b" ", 2)[1])
    headers = http.client.parse_headers(io.BytesIO(rest + b"\r\n\r\n"))
    if status == 100:
        return parse(body)
    return Answer(status, headers, body)


def joined(answer: Answer) -> bytes:
    """Return the body without chunked coding. Raises ValueError if the last chunk is missing."""
    if (answer.headers.get("Transfer-Encoding") or "").lower() != "chunked":
        return answer.body
    data, rest = b"", answer.body
    while True:
        size, separator, rest = rest.partition(b"\r\n")
        if not separator:
            raise ValueError("it is cut off")
        length = int(size, 16)
        if not length:
            return data
        data, rest = data + rest[:length], rest[length + 2 :]
