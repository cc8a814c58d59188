r"""Count words in one process for all calls, without microfn: HTTP/1.1 on stdin and stdout.

printf 'POST / HTTP/1.1\r\nContent-Length: 7\r\n\r\none two' | python words.py
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler
from typing import Any


class Words(BaseHTTPRequestHandler):
    """Answers requests until stdin ends."""

    protocol_version = "HTTP/1.1"
    calls = 0

    rfile: Any = sys.stdin.buffer
    wfile: Any = sys.stdout.buffer

    def setup(self) -> None:
        """Do nothing, since stdin and stdout are open already."""

    def finish(self) -> None:
        """Leave both files open."""

    def do_POST(self) -> None:
        """Respond with the number of words in the body, and the number of calls so far."""
        Words.calls += 1
        text = self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8", "replace")
        content = json.dumps({"words": len(text.split()), "calls": Words.calls}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_request(self, code: object = "-", size: object = "-") -> None:  # noqa: ARG002
        """Write a line to stderr, which is the log of the call."""
        sys.stderr.write(f"call {self.headers['Fn-Call-Id']}: {code}\n")


if __name__ == "__main__":
    Words(None, ("", 0), None)  # type: ignore[arg-type]  # it needs neither an address nor a server
