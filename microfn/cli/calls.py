"""`microfn calls`: list, show, retry and purge the queued calls of an agent."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from .agent_name import AGENT, load_agent, store_of

if TYPE_CHECKING:
    from ..agent.queue.record import Entry

__all__ = ["command"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WITH_ID = ("show", "retry")
_STATES = ("queued", "running", "success", "error", "timeout", "expired", "dead")


@click.command("calls")
@click.argument("agent", metavar=AGENT)
@click.argument("action", type=click.Choice(["list", "show", "retry", "purge"]), default="list", metavar="[ACTION]")
@click.argument("call_id", required=False, metavar="[ID]")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="List only calls in this state.")
@click.option("--most", type=click.IntRange(1), default=100, show_default=True, help="Maximum number of calls to list.")
@click.option("--older", help="Purge calls that ended longer ago, for example 90s, 30m, 12h or 7d.")
def command(  # noqa: PLR0917 - click passes them by name
    agent: str, action: str, call_id: str | None, is_json: bool, states: tuple[str, ...], most: int, older: str | None
) -> None:
    """List, show, retry or purge the queued calls of an agent.

    \b
    microfn calls shop.app:agent
    microfn calls shop.app:agent list --state dead --json
    microfn calls shop.app:agent show ID
    microfn calls shop.app:agent retry ID
    microfn calls shop.app:agent purge --older 7d

    The action is list by default. You can retry a call in the state error, timeout, expired or dead. It keeps its id,
    and has all its retries again. Without --older, purge deletes the calls that have exceeded their keep=.
    """  # noqa: D301 - click reads the \b
    if (call_id is None) == (action in _WITH_ID):
        raise click.UsageError(f"{action} must be used {'with' if call_id is None else 'without'} the ID of a call.")
    if older is not None and action != "purge":
        raise click.UsageError(f"--older must be used with purge, got {action}.")
    seconds = None if older is None else _seconds(older)
    store = store_of(load_agent(agent), agent)
    with _failing():
        if action == "list":
            _list(store.entries(most=most, states=states), is_json)
        elif action == "purge":
            count = store.purge(older=seconds)
            click.echo(json.dumps({"purged": count}) if is_json else f"Deleted calls: {count}.")
        else:
            assert call_id is not None  # noqa: S101  # nosec B101
            if action == "retry":
                _retry(store, call_id)
            entry = store.status(call_id)
            if entry is None:
                raise click.ClickException(f"No call has the ID {call_id!r:.100}.")
            _show(entry, is_json)


def _seconds(text: str) -> float:
    found = re.fullmatch("([0-9]{1,9})([smhd])", text)
    if found is None:
        raise click.UsageError(f"--older must be a number with the unit s, m, h or d, such as 7d, got {text!r:.100}.")
    return int(found[1]) * _UNITS[found[2]]


@contextmanager
def _failing() -> Iterator[None]:
    from ..agent.queue.record import StoreError  # noqa: PLC0415 - only if it is needed

    try:
        yield
    except StoreError as error:
        raise click.ClickException(str(error)) from None


def _described(entry: Entry) -> dict[str, Any]:
    from ..agent.queue.calls import described  # noqa: PLC0415 - only if it is needed

    return described(entry)


def _list(entries: list[Entry], is_json: bool) -> None:
    if is_json:
        click.echo(json.dumps([_described(entry) for entry in entries]))
        return
    for entry in entries:
        description = _described(entry)
        error = f"  {entry.error}" if entry.error else ""
        click.echo(
            f"{entry.id}  {entry.state:<8}{entry.executions:>3}  {description['enqueued_at']}  {entry.function}{error}"
        )


def _show(entry: Entry, is_json: bool) -> None:
    description = _described(entry)
    if is_json:
        click.echo(json.dumps(description))
        return
    width = max(map(len, description))
    for name, value in description.items():
        if value not in (None, ""):
            click.echo(f"{name:<{width}}  {value}")


def _retry(store: Any, call_id: str) -> None:
    """Queue a call again that ended without a response."""
    entry, call = store.status(call_id), store.stored(call_id)
    if entry is None or call is None:
        raise click.ClickException(f"No call has the ID {call_id!r:.100}.")
    if entry.state not in ("error", "timeout", "expired", "dead"):
        raise click.ClickException(
            f"The state must be error, timeout, expired or dead to retry a call, got {entry.state}."
        )
    now = time.time()
    changes = {"failures": 0, "losses": 0, "executions": entry.executions, "error": None, "state": "queued"}
    changes |= {"started_at": None}  # it is queued anew
    # `put` ignores the record if another process has retried the call at the same time.
    store.put(call.again(**changes, expires_at=now + call.expires_at - call.enqueued_at, enqueued_at=now))
