"""An application with a function that writes nothing for a long time."""

from __future__ import annotations

from microfn import Request, Router
from microfn.agent import Agent, Call

from .app import Params, record

app = Router()
agent = Agent(ram="64M")
app.mount("/silent", agent.cold(["sleep", "60"], memory=32, timeout=60))
app.mount("/whole", agent.cold(["echo", "whole"], memory=32, timeout=60))


@app.get("/echo/*rest")
def echo(request: Request, params: Params) -> Params:
    return params


@agent.before_call
def begin(call: Call) -> None:
    record(f"began {call.path}")


@agent.after_call
def end(call: Call) -> None:
    record(f"ended {call.path} {type(call.error).__name__}")
