"""The application of `tests.servers.hot`, with a call before the server forks (`gunicorn --preload`)."""

from __future__ import annotations

from .hot import agent, app, tell

agent.submit(agent.get_call("POST", function=tell, body=b"before"))

__all__ = ["app"]
