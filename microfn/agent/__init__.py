"""Deadlines, admission and processes for calls, after Fn's agent. `import microfn` imports nothing of it.

>>> from microfn import Router
>>> from microfn.agent import Agent
>>> app, agent = Router(), Agent(tokens=1)
>>> _ = app.use(agent.inline(timeout=2))
>>> app.test_client().get("/nothing").headers["Fn-Call-Id"] > ""
True
"""

from .agent import Agent
from .call import Call
from .deadline import Deadline
from .errors import Busy, CallError, ClientLeft, Closed, Failed, Refused, Stopped, TimedOut, TooLarge
from .functions.function import Function
from .log import CallIdFilter
from .queue.calls import Calls
from .queue.queued import Queued
from .wsgi.application import FunctionApp

__all__ = [
    "Agent",
    "Busy",
    "Call",
    "CallError",
    "CallIdFilter",
    "Calls",
    "ClientLeft",
    "Closed",
    "Deadline",
    "Failed",
    "Function",
    "FunctionApp",
    "Queued",
    "Refused",
    "Stopped",
    "TimedOut",
    "TooLarge",
]
