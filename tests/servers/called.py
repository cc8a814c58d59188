"""The application of `tests.servers.cold`, whose agent had a call before a server forks (`gunicorn --preload`)."""

from __future__ import annotations

from .cold import agent, app, whole

agent.submit(agent.get_call("GET", function=whole))

__all__ = ["app"]
