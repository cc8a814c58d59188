"""Handles that one process calls repeatedly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

from microfn import Response, abort

calls = []


def count(request, params):
    calls.append(request)
    return f"{os.getpid()} {len(calls)}"


def tell(request, params):
    return {
        "method": request.method,
        "url": request.url,
        "params": params,
        "body": request.get_data(as_text=True),
        "id": request.environ["FN_CALL_ID"],
        "attempt": request.environ["FN_ATTEMPT"],
        "address": request.remote_addr,
        "left": request.deadline.left(),
        "type": request.content_type,
        "path": "PATH" in request.environ,
    }


def die_twice(request, params):
    if int(request.headers["Fn-Attempt"]) < 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def noisy(request, params):
    sys.stdout.write("printed")
    sys.stderr.write("said")
    os.write(1, b"written to 1")
    subprocess.run(["sh", "-c", "echo from a program; cat"], check=True)
    return Response(["read " + sys.stdin.read() + "."], mimetype="text/plain")


def closing(request, params):
    def pieces():
        try:
            yield b"x"
        finally:
            sys.stdout.write("closed\n")

    return Response(pieces(), mimetype="text/plain", headers={"Content-Length": "1"})


def echo(request, params):
    return Response(iter(lambda: request.stream.read(65536), b""), mimetype="text/plain")


def unread(request, params):
    abort(413)


def nothing(request, params):
    return Response(status=204)


def not_modified(request, params):
    return Response(status=304, headers={"ETag": '"1"'})


def broken(request, params):
    return 1 / 0


def break_off(request, params):
    def pieces():
        yield b"some of it"
        raise RuntimeError("no more of it")

    return Response(pieces(), mimetype="text/plain")


def reset(request, params):
    def pieces():
        yield b"some of it"
        raise ConnectionResetError("a database left")

    return Response(pieces(), mimetype="text/plain")


def too_long(request, params):
    return Response(iter([b"x", b"yz"]), mimetype="text/plain", headers={"Content-Length": "2"})


def too_short(request, params):
    return Response(iter([b"x"]), mimetype="text/plain", headers={"Content-Length": "2"})


def leave(request, params):
    sys.exit("it has seen enough")


def fork(request, params):
    os.fork()
    return str(os.getpid())


def sleep(request, params):
    if not request.args:
        time.sleep(60)
    return "awake"


def mutter(request, params):
    """Write to stderr after the response was sent."""
    threading.Timer(0.05, os.write, (2, b"afterwards\n")).start()
    return str(os.getpid())


def half(request, params):
    def pieces():
        yield b"half"
        os.kill(os.getpid(), signal.SIGKILL)

    return Response(pieces(), mimetype="text/plain")
