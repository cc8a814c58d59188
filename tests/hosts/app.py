"""The application for each host. Its responses show the environ of the host.

The module is independent, in a separate directory, and appends lines to the file `record` beside it.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator

from werkzeug.utils import send_file

from microfn import Response, Router
from microfn.agent import Agent

HERE = os.path.dirname(os.path.abspath(__file__))
RECORD = os.path.join(HERE, "record")
LONGEST_WAIT = 3.0
CALL_TIMEOUT = 4.0
PROGRAM = 'printf "%s, below %s: " "$FN_PARAM_name" "$SCRIPT_NAME"; cat'
# A sleep, since a loop that does nothing else is as busy as a test may not be.
PIECES = """
printf 'X-Accel-Buffering: no\\r\\n\\r\\nfirst '
for turn in $(seq 150); do
    if grep -q "^seen $FN_PARAM_key\\$" record; then printf second; exit; fi
    sleep 0.02
done
printf 'all at once'
"""
TICKS = """
echo "ticks $FN_PARAM_key $$" >> record
printf 'X-Accel-Buffering: no\\r\\n\\r\\n'
for turn in $(seq 1000); do
    head -c 16384 /dev/zero | tr '\\0' t
    sleep 0.005
done
"""

app = Router(overlap=True, max_content_length=64 * 1024 * 1024)
agent = Agent(ram="1G", start_header="X-Request-Start")


class OnPurpose(Exception):
    """An intended exception of a handle. The logs of hosts contain its tracebacks."""


def has_recorded(line: str) -> bool:
    with open(RECORD, encoding="utf-8") as file:
        return line in file.read().splitlines()


class Closing:
    """A stream that tells when it is closed."""

    def __init__(self, key: str, chunks: Iterator[bytes]) -> None:
        self._key = key
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        with open(RECORD, "a", encoding="utf-8") as file:
            file.write(f"closed {self._key}\n")


@app.get("/")
def index(request, params):
    environ = request.environ
    return {
        "script_name": environ.get("SCRIPT_NAME"),
        "path_info": environ.get("PATH_INFO"),
        "query": environ.get("QUERY_STRING"),
        "remote_addr": environ.get("REMOTE_ADDR"),
        "host": environ.get("HTTP_HOST"),
        "protocol": environ.get("SERVER_PROTOCOL"),
        "authorization": environ.get("HTTP_AUTHORIZATION"),
        "input_terminated": bool(environ.get("wsgi.input_terminated")),
        "file_wrapper": "wsgi.file_wrapper" in environ,
        "raw": next((name for name in ("RAW_URI", "REQUEST_URI") if name in environ), None),
    }


@app.get("/echo/*rest")
def echo(request, params):
    return {"rest": params["rest"]}


@app.get("/docs")
@app.post("/docs")
def docs(request, params):
    return "the docs\n"


@app.post("/upload")
def upload(request, params):
    size, digest = 0, hashlib.sha256()
    while chunk := request.stream.read(1024 * 1024):
        size += len(chunk)
        digest.update(chunk)
    return {"size": size, "sha256": digest.hexdigest()}


@app.get("/stream/:key")
def stream(request, params):
    """The second chunk comes after the client has confirmed the first, or after a timeout."""

    def chunks() -> Iterator[bytes]:
        yield b"first "
        deadline = time.monotonic() + LONGEST_WAIT
        while not has_recorded(f"seen {params['key']}"):
            if time.monotonic() > deadline:
                yield b"all at once"
                return
            time.sleep(0.02)
        yield b"second"

    return Response(Closing(params["key"], chunks()), headers={"X-Accel-Buffering": "no"})


@app.get("/ticks/:key")
def ticks(request, params):
    """More than any buffer holds, and for longer than the client stays."""

    def chunks() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"tick" * 4096
            time.sleep(0.005)

    return Response(Closing(params["key"], chunks()), headers={"X-Accel-Buffering": "no"})


@app.get("/nothing")
def nothing(request, params):
    return "", 204


@app.get("/raises")
def raises(request, params):
    raise OnPurpose("secret of a handle")


@app.get("/file")
def file(request, params):
    """Send a file through `wsgi.file_wrapper`, if the host has one."""
    return send_file(os.path.abspath(__file__), request.environ, mimetype="text/plain")


@app.get("/sent/:name")
def sent(request, params):
    return send_file(os.path.join(HERE, params["name"]), request.environ, conditional=True)


app.serve_files("/files/*path", ".", precompressed=True)


@app.get("/cookies")
def cookies(request, params):
    response = Response("two\n")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


@app.get("/call", use=[agent.inline(timeout=CALL_TIMEOUT)])
def call(request, params):
    return {"id": request.environ["microfn.call_id"], "left": request.deadline.left()}


def handle(request, params):
    """In a process of its own, which imports this anew."""
    body = request.get_data(as_text=True)
    return {"name": params["name"], "body": body, "prefix": request.environ["SCRIPT_NAME"]}


def hot_handle(request, params):
    """In a process that is kept for the next call."""
    return handle(request, params) | {"process": os.getpid()}


def shell(script: str, **options):
    return agent.cold(["sh", "-c", script], memory=64, cwd=HERE, **options)


app.post("/function/:name")(shell(PROGRAM, timeout=10))
app.post("/handle/:name")(agent.cold(handle, memory=256, timeout=10, cwd=HERE))
app.post("/hot/:name")(agent.hot(hot_handle, memory=256, timeout=10, cwd=HERE))
app.get("/late")(shell("sleep 60 & sleep 60", timeout=0.5))
app.get("/pieces/:key")(shell(PIECES, protocol="cgi", timeout=10))
app.get("/flood/:key")(shell(TICKS, protocol="cgi", timeout=20))
