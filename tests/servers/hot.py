"""An application with hot functions. `MICROFN_TEST_KEY` marks their processes."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from microfn import Request, Router
from microfn.agent import Agent, Call
from microfn.agent.wsgi.application import FunctionApp

from . import hot_handles
from .app import Params, record

KEY = os.environ["MICROFN_TEST_KEY"]
RAM = 256
SOON, LATER = 1.0, 60.0

logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
app = Router()
agent = Agent(ram=f"{RAM}M")


def hot(handle: Any, *, memory: int = 64, timeout: float = LATER, **options: Any) -> FunctionApp:
    return agent.hot(handle, memory=memory, timeout=timeout, env={"MICROFN_TEST_FUNCTION": KEY}, **options)


tell = hot(hot_handles.tell, max_processes=2)
app.mount("/tell", tell)
app.get("/at_once/:how")(hot(hot_handles.misbehave))
app.get("/in_time/:how")(hot(hot_handles.misbehave, timeout=SOON, name="in time"))
app.mount("/whole", agent.cold(["cat"], memory=RAM, timeout=LATER))


@app.get("/echo/*rest")
def echo(request: Request, params: Params) -> Params:
    return params


@app.get("/free")
def free(request: Request, params: Params) -> Params:
    """Return the counts of this process's keeper."""
    return agent._hot_driver().keeper.counts | {"running": agent.running}


@agent.after_call
def tell_the_end(call: Call) -> None:
    record(f"ended {call.id} {type(call.error).__name__}")
