"""The agent of a command, by the name that was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..agent import Agent
from .app_name import AppName
from .loading import imported

if TYPE_CHECKING:
    from ..agent.queue.store import Store

__all__ = ["AGENT", "load_agent", "store_of"]

AGENT = "MODULE:NAME"
"""How the argument of every command that works with an agent is shown."""


def load_agent(given: str) -> Agent:
    """Return the agent that was typed. Raise ClickException that says what is wrong."""
    name = AppName.parse(given)
    if not name.name or name.call is not None:
        raise click.UsageError(f"the agent must be MODULE:NAME, got {given!r}")
    module = imported(name.module)
    found = getattr(module, name.name, None)
    if not isinstance(found, Agent):
        agents = [key for key, value in vars(module).items() if isinstance(value, Agent)]
        hint = f"; did you mean {name.module}:{agents[0]}?" if agents else ""
        raise click.ClickException(f"{given} must be an Agent, got {found!r:.200}{hint}")
    return found


def store_of(agent: Agent, given: str) -> Store:
    """Return the store of an agent. Raise ClickException if it has none."""
    try:
        return agent.queue.store
    except RuntimeError as error:
        raise click.ClickException(f"{given}: {error}") from None
