"""An application behind an agent; `MICROFN_TEST_TOKENS` is a directory that its processes share."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from microfn import Request, Router
from microfn.agent import Agent

from .app import Params, record

app = Router()
directory = os.environ.get("MICROFN_TEST_TOKENS")
agent = Agent(tokens=2, host_tokens=3 if directory else None, directory=directory, start_header="X-Request-Start")


@app.get("/echo/*rest")
def echo(request: Request, params: Params) -> Params:
    return params


@app.get("/work/:key", use=[agent.inline(timeout=10)])
def work(request: Request, params: Params) -> str:
    record(f"began {params['key']} {time.monotonic()} {os.getpid()}")
    time.sleep(float(request.args.get("seconds", "0.1")))
    record(f"ended {params['key']} {time.monotonic()} {os.getpid()}")
    return params["key"]


@app.get("/brief", use=[agent.inline(timeout=0.4, tokens=2)])
def brief(request: Request, params: Params) -> str:
    return f"{request.deadline.left():.1f}"


@app.post("/body", use=[agent.inline(timeout=10)])
def body(request: Request, params: Params) -> str:
    return str(len(request.get_data()))


@app.get("/stream", use=[agent.inline(timeout=1)])
def stream(request: Request, params: Params) -> Iterator[bytes]:
    """Stream more than the buffers of a client and a server hold."""
    return (b"x" * 65536 for _ in range(1000))
