"""Handles for hot processes. One identifies its process, and the other misbehaves as its route requests."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

from microfn import Request, Response

_calls: list[str] = []


def tell(request: Request, params: dict[str, Any]) -> str:
    """Return the process id, the number of its calls, and the id and body of this call."""
    call_id = request.environ["FN_CALL_ID"]
    _calls.append(call_id)
    sys.stderr.write(f"said by {call_id}\n")
    return f"{os.getpid()} {len(_calls)} {call_id} {request.get_data(as_text=True)}"


def misbehave(request: Request, params: dict[str, Any]) -> Any:
    how = params["how"]
    if how in ("sleeping", "deaf"):
        if how == "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    if how in ("killed", "stopped"):
        os.kill(os.getpid(), signal.SIGKILL if how == "killed" else signal.SIGSTOP)
    if how == "leaving":
        os._exit(0)
    if how == "greedy":
        held = [bytearray(1_000_000) for _ in range(200)]
        time.sleep(60)
        return str(len(held))
    if how == "flooding":
        return Response(iter(lambda: b"." * 65536, b""), mimetype="text/plain")
    if how in ("killed_midway", "dripping"):
        return Response(_pieces(how), mimetype="text/plain")
    if how == "flooding_the_log":
        for _ in range(200):
            os.write(2, b"." * 65536)
    return f"{how} by {os.getpid()}"


def _pieces(how: str) -> Iterator[bytes]:
    yield b"half"
    if how == "killed_midway":
        os.kill(os.getpid(), signal.SIGKILL)
    while True:
        time.sleep(0.1)
        yield b"."
