"""Clients that ask without a pause, and count what becomes of each request."""

from __future__ import annotations

import itertools
import json
import os
import threading
from dataclasses import dataclass, field

from .wire import Answer, Wire

BODY = 20_000


@dataclass
class Count:
    """What became of the requests: each is answered, wrongly answered, or lost."""

    answered: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class Load:
    """So many clients, each with one request at a time and a connection for each, until told to stop.

    Every answer is checked against what was asked. A request is lost where its connection ends without an answer.
    """

    def __init__(self, port: int, clients: int) -> None:
        self._port = port
        self._counts = [Count() for _ in range(clients)]
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()

    @property
    def answered(self) -> int:
        return sum(count.answered for count in self._counts)

    @property
    def wrong(self) -> list[str]:
        return [one for count in self._counts for one in count.wrong]

    @property
    def lost(self) -> list[str]:
        return [one for count in self._counts for one in count.lost]

    def _ask(self, client: int) -> None:
        count = self._counts[client]
        for number in itertools.count():
            if self._is_over.is_set():
                return
            token = f"{client}-{number}"
            try:
                self._one(count, token, number % 5)
            except (OSError, ValueError, AssertionError) as error:
                count.lost.append(f"{token}: {error!r}")

    def _one(self, count: Count, token: str, kind: int) -> None:
        body = token.encode().ljust(BODY, b".") if kind == 3 else b""
        asked = [
            ("GET", f"/echo/{token}", 200),
            ("GET", f"/echo/{token}?x={token}", 200),
            ("GET", f"/nothing-{token}", 404),
            ("POST", f"/measure/{token}", 200),
            ("GET", f"/DOCS?x={token}", 301),
        ]
        method, target, status = asked[kind]
        with Wire(self._port) as wire:
            wire.request(method, target, "Connection: close", f"Content-Length: {len(body)}", body=body)
            answer = wire.answer()
        if (answer.status, _said(answer)) == (status, _expected(token, kind)):
            count.answered += 1
        else:
            count.wrong.append(f"{method} {target}: {answer}")


def _said(answer: Answer) -> object:
    if answer.status == 301:
        return answer.headers["Location"]
    value = json.loads(answer.body)
    return value["length"] if "length" in value else value.get("params", value.get("status"))


def _expected(token: str, kind: int) -> object:
    return [{"rest": f"/{token}"}, {"rest": f"/{token}"}, 404, BODY, f"/docs?x={token}"][kind]


def resident(pid: int) -> int:
    """The bytes of memory that a process has for itself."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        lines = dict(line.split(":", 1) for line in file if ":" in line)
    return sum(int(lines[name].split()[0]) * 1024 for name in ("Private_Clean", "Private_Dirty"))


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
