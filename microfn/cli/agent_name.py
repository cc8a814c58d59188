"""Load the agent that a command names."""

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
"""The metavar of an agent's name in the help of a command."""


def load_agent(given: str) -> Agent:
    """Return the agent with the name that the user typed. Raise ClickException if it cannot be loaded."""
    name = AppName.parse(given)
    if not name.name or name.call is not None:
        raise click.UsageError(f"The agent must be given as MODULE:NAME, got {given!r}.")
    module = imported(name.module)
    found = getattr(module, name.name, None)
    if not isinstance(found, Agent):
        agents = [key for key, value in vars(module).items() if isinstance(value, Agent)]
        hint = f"; did you mean {name.module}:{agents[0]}?" if agents else "."
        raise click.ClickException(f"{given} must be an Agent, got {found!r:.200}{hint}")
    return found


def store_of(agent: Agent, given: str) -> Store:
    """Return the store of an agent. Raise ClickException if it has no queue, or if DBOS is not installed."""
    try:
        return agent.queue.store
    except RuntimeError as error:
        raise click.ClickException(f"{given}: {error}") from None
