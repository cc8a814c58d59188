"""The application with recorded environs of hosts, which need not be installed."""

from __future__ import annotations

import gzip
import io
import json
from collections import defaultdict
from http.client import HTTPMessage
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper

import pytest

from . import app
from .cases import Case, observed
from .differences import expectations
from .record import DATA, PORT, RECORDED, REPLAYED
from .site import Answer, Site

ENVIRONS: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
for line in gzip.decompress(DATA.read_bytes()).decode().splitlines():
    one = json.loads(line)
    ENVIRONS[one["host"], one["prefix"]][one["case"]].append(one["environ"])
# Refused by the host itself, so nothing was handed over.
REFUSED = {("cheroot", "", "`//docs`")}
CALLS = [
    pytest.param(host, prefix, case, id=f"{host} {prefix or '/'} {case.name}")
    for host, prefix in ENVIRONS
    for case in REPLAYED
    if (host, prefix, case.name) not in REFUSED
]


class Replay(Site):
    """Answers with the application, from the environs of a case in order."""

    def __init__(self, environs: list[dict[str, Any]], prefix: str) -> None:
        super().__init__(PORT, prefix, Path())
        self._environs = iter(environs)

    def ask(self, method: str, target: str, *lines: str, body: bytes = b"") -> Answer:
        data = b"hello world" if "Transfer-Encoding: chunked" in lines else body
        environ = next(self._environs) | {"wsgi.input": io.BytesIO(data), "wsgi.errors": io.StringIO()}
        if "wsgi.file_wrapper" in environ:
            environ["wsgi.file_wrapper"] = FileWrapper
        headers, started = HTTPMessage(), []

        def start_response(status, pairs, exc_info=None):
            started.append(int(status[:3]))
            for name, value in pairs:
                headers[name] = value

        iterable = app.app(environ, start_response)
        try:
            return Answer(started[-1], headers, b"".join(iterable))
        finally:
            getattr(iterable, "close", lambda: None)()


def test_all_are_there():
    assert {host for host, _ in ENVIRONS} == set(RECORDED)
    assert ("Passenger", "/svc") in ENVIRONS


@pytest.mark.parametrize(("host", "prefix", "case"), CALLS)
def test_what_was_handed_over_is_answered_as_it_was(host: str, prefix: str, case: Case) -> None:
    site = Replay(ENVIRONS[host, prefix][case.name], prefix)
    assert observed(case, site) == expectations(host, prefix)[case.name]
