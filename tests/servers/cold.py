"""An application whose functions misbehave. Its processes share the memory if `MICROFN_TEST_TOKENS` is a directory."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from microfn import Request, Router
from microfn.agent import Agent, Call
from microfn.agent.wsgi.application import FunctionApp

from .app import Params, record

KEY = os.environ["MICROFN_TEST_KEY"]
PROGRAM = Path(__file__).with_name("misbehaving.py")
RAM = 256
SOON, LATER = 1.0, 20.0
CGI = {"protocol": "cgi"}
AT_ONCE: dict[str, dict[str, Any]] = {
    "tell": {},
    "killed": {},
    "killed_midway": {},
    "killed_in_a_slow_group": {},
    "silent": CGI,
    "failing": {},
    "keeping_the_pipe": {},
    "keeping_the_pipe_in_silence": CGI,
    "escaping": {},
    "escaping_twice": {},
    "escaping_unnamed": {},
    "escaping_and_waiting": {},
    "flooding": {},
    "flooding_the_log": {},
    "answering_first": {},
    "answering_twice": CGI,
    "answering_twice_later": CGI,
    "answering_less": CGI,
    "talking_nonsense": CGI,
    "talking_http": CGI,
    "splitting_headers": CGI,
    "inventing_a_status": CGI,
    "never_ending_its_head": CGI,
    "greedy": {"addresses": 64},
    "greedy_alone": {},
    "greedy_together": {},
    "forking": {"processes": 16},
    "making_threads": {"processes": 16},
    "opening": {"descriptors": 32},
    "filling_the_pipe": {},
    "ticking": {},
    "forking_and_waiting": {},
    "scattering": {},
}
"""Functions whose responses come long before their deadlines."""
IN_TIME = ["idle", "deaf", "spinning", "stopped", "dripping", "writing_for_ever", "not_reading"]

logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
app = Router()
agent = Agent(ram=f"{RAM}M", directory=os.environ.get("MICROFN_TEST_TOKENS"))


def command(name: str) -> list[str]:
    return [sys.executable, "-I", "-S", str(PROGRAM), name, KEY]


def cold(command: list[str], *, memory: int = 64, timeout: float = LATER, **options: Any) -> FunctionApp:
    return agent.cold(command, memory=memory, timeout=timeout, env={"MICROFN_TEST_FUNCTION": KEY}, **options)


for name, options in AT_ONCE.items():
    app.mount(f"/{name}", cold(command(name), **options))
for name in IN_TIME:
    app.mount(f"/{name}", cold(command(name), timeout=SOON))
for name in "exploding", "fleeing":
    app.mount(f"/{name}", cold(command(name), memory=RAM, timeout=SOON, processes=1000))
whole = cold(command("tell"), memory=RAM, timeout=5)
app.mount("/whole", whole)
app.mount("/holding", cold(command("tell"), memory=RAM))
app.mount("/brief", cold(command("tell"), memory=RAM, timeout=SOON))
app.mount("/half", cold(command("tell"), memory=RAM // 2, timeout=5))
app.mount("/impossible", cold(command("tell"), memory=RAM + 1))
app.mount("/true", cold(["true"], memory=16))
app.mount("/program", cold([os.environ["MICROFN_TEST_PROGRAM"]]))


@app.get("/echo/*rest")
def echo(request: Request, params: Params) -> Params:
    return params


@app.get("/running")
def running(request: Request, params: Params) -> str:
    return str(agent.running)


@app.get("/warm/:key")
def warm(request: Request, params: Params) -> str:
    """Start a launcher, and wait until the requested number of processes have one."""
    agent.submit(agent.get_call("POST", "/", function=whole, body=b"warm"))
    record(f"warm {params['key']} {os.getpid()}")
    end = time.monotonic() + 60
    while len(warmed(params["key"])) < int(request.args["count"]) and time.monotonic() < end:
        time.sleep(0.01)
    return "warm"


def warmed(key: str) -> set[str]:
    with open(os.environ["MICROFN_TEST_RECORD"], encoding="utf-8") as file:
        return {line for line in file if line.startswith(f"warm {key} ")}


@agent.before_call
def tell_the_beginning(call: Call) -> None:
    record(f"began {call.id}")


@agent.after_call
def tell_the_end(call: Call) -> None:
    if call.started_at is not None:
        record(f"started {call.id}")
    record(f"ended {call.id} {type(call.error).__name__}")
