"""Handles that run in their own processes."""

from __future__ import annotations

import os
import sys
import threading
import time

from microfn import Response, abort


def echo(request, params):
    sys.stdout.write("printed\n")
    sys.stderr.write("said\n")
    return {
        "method": request.method,
        "path": request.path,
        "query": request.args.get("q"),
        "params": dict(params),
        "body": request.get_data(as_text=True),
        "left": request.deadline.left(),
        "id": request.environ["microfn.call_id"],
        "host": request.environ.get("HTTP_HOST"),
        "x": request.headers.get("X-Name"),
    }


def not_here(request, params):
    abort(404, "It is not here.")


def broken(request, params):
    return 1 / 0


def stream(request, params):
    return Response((f"{number}\n" for number in range(3)), mimetype="text/plain")


def break_off(request, params):
    def pieces():
        yield "some of it"
        raise RuntimeError("no more of it")

    return Response(pieces(), mimetype="text/plain")


def leave_midway(request, params):
    def pieces():
        yield "half\n"
        time.sleep(0.3)
        os._exit(0)

    return Response(pieces(), mimetype="text/plain")


def answer_and_stay(request, params):
    """Respond, and keep a thread running for a while."""
    threading.Thread(target=time.sleep, args=(1,)).start()
    return Response((f"{number}\n" for number in range(3)), mimetype="text/plain")


def leave(request, params):
    sys.exit(0)


def hang(request, params):
    sys.stdout.write("printed\n")
    time.sleep(60)


class Functions:
    @staticmethod
    def inner(request, params):
        return "inner"


def tell_query(request, params):
    return request.args["a"]
