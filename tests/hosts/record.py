"""Environs of hosts, recorded for machines without these hosts.

    python -m tests.hosts.record

starts the hosts, and writes tests/data/environs.jsonl.gz again.
"""

from __future__ import annotations

import gzip
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..documents import ROOT
from .cases import CASES, observed
from .hosts import HOSTS, Host

DATA = ROOT / "tests/data/environs.jsonl.gz"
RECORDED = ("Passenger", "cheroot", "granian", "uvicorn, a2wsgi")
# These cases depend on the server's handling of a response, on a slow response, on the time, or on many requests.
NOT_REPLAYED = {
    "the prefix without a slash",
    "HEAD of a stream",
    "204",
    "a file that grows while it is sent",
    "a file that is replaced while it is sent",
    "a file that becomes shorter while it is sent",
    "a handle in a hot process",
    "POST of 40 MB",
    "a stream",
    "close() after a stream",
    "close() when the client leaves",
    "a call that waited too long",
    "a function that takes too long",
    "a function's stream",
    "a function when the client leaves",
}
REPLAYED = [case for case in CASES if case.name not in NOT_REPLAYED]
PORT = 8000
_KEPT = re.compile(
    r"(REQUEST_METHOD|SCRIPT_NAME|PATH_INFO|QUERY_STRING|CONTENT_\w+|SERVER_(NAME|PORT|PROTOCOL)|REMOTE_ADDR|HTTP_\w+"
    r"|REQUEST_URI|RAW_URI|wsgi\.\w+)"
)
# Behind the application, in its file.
_RECORDER = """

import json

served = app


def app(environ, start_response):
    plain = {name: value for name, value in environ.items() if isinstance(value, (str, bool))}
    if "wsgi.file_wrapper" in environ:
        plain["wsgi.file_wrapper"] = True
    with open(RECORD, "a", encoding="utf-8") as file:
        file.write(json.dumps(plain) + "\\n")
    return served(environ, start_response)
"""


def recorded(host: Host, prefix: str) -> Iterator[dict[str, Any]]:
    with (
        tempfile.TemporaryDirectory(prefix="microfn-hosts-") as directory,
        host.serving(Path(directory), prefix, _RECORDER) as site,
    ):
        file = Path(directory) / "record"
        for case in REPLAYED:
            seen = len(file.read_text("utf-8").splitlines())
            observed(case, site)
            for line in file.read_text("utf-8").splitlines()[seen:]:
                assert line.startswith("{")
                environ = json.loads(line.replace(str(site.port), str(PORT)))
                kept = {name: value for name, value in sorted(environ.items()) if _KEPT.fullmatch(name)}
                yield {"host": host.name, "prefix": prefix, "case": case.name, "environ": kept}


if __name__ == "__main__":
    lines = [
        json.dumps(one)
        for host in HOSTS
        if host.name in RECORDED
        for prefix in host.prefixes
        for one in recorded(host, prefix)
    ]
    DATA.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
