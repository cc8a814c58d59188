"""Calls of an application by schemathesis, as its document says."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

# Not negative_data_rejection: pydantic takes 0 for a date, and msgspec the text "null" for None.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "positive_data_acceptance",
    "unsupported_method",
    "ignored_auth",
)


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Silent(WSGIRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def serving(app):
    with make_server("127.0.0.1", 0, app, Server, Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/openapi.json"
        finally:
            server.shutdown()
            thread.join()


def called(app, directory, examples, *options):
    """The exit code and the output of schemathesis, which has five minutes at most."""
    with serving(app) as url:
        command = [sys.executable, "-m", "schemathesis.cli", "run", url, "--checks", ",".join(CHECKS)]
        command += ["--max-examples", str(examples), "--phases", "coverage,fuzzing", "--seed", "7"]
        command += ["--no-color", "--no-shrink", *options]
        done = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False
        )
    return done.returncode, done.stdout + done.stderr
