"""The application of `tests.servers.hot`, whose agent had a call before a server forks (`gunicorn --preload`)."""

from __future__ import annotations

from .hot import agent, app, tell

agent.submit(agent.get_call("POST", function=tell, body=b"before"))

__all__ = ["app"]
