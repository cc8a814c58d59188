"""`microfn calls`: the queued calls of an agent."""

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
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="List calls of this state alone.")
@click.option("--most", type=click.IntRange(1), default=100, show_default=True, help="List so many calls.")
@click.option("--older", help="Purge calls that ended longer ago: 90s, 30m, 12h, 7d.  [default: as each is kept]")
def command(  # noqa: PLR0917 - click names them all
    agent: str, action: str, call_id: str | None, is_json: bool, states: tuple[str, ...], most: int, older: str | None
) -> None:
    """List the queued calls of an agent, show one, execute one again, or delete those that ended.

    \b
    microfn calls shop.app:agent
    microfn calls shop.app:agent list --state dead --json
    microfn calls shop.app:agent show ID
    microfn calls shop.app:agent retry ID
    microfn calls shop.app:agent purge --older 7d

    A call can be retried if it ended as error, timeout, expired or dead. It keeps its id, and has all its retries
    again.
    """  # noqa: D301 - click wants the character
    if (call_id is None) == (action in _WITH_ID):
        raise click.UsageError(f"{action} {'needs the ID of a call' if call_id is None else 'takes no ID'}")
    if older is not None and action != "purge":
        raise click.UsageError("--older is for purge")
    seconds = None if older is None else _seconds(older)
    store = store_of(load_agent(agent), agent)
    with _failing():
        if action == "list":
            _list(store.entries(most=most, states=states), is_json)
        elif action == "purge":
            count = store.purge(older=seconds)
            click.echo(json.dumps({"purged": count}) if is_json else f"{count} calls were deleted.")
        else:
            assert call_id is not None  # noqa: S101  # nosec B101
            if action == "retry":
                _retry(store, call_id)
            entry = store.status(call_id)
            if entry is None:
                raise click.ClickException(f"There is no call {call_id!r:.100}.")
            _show(entry, is_json)


def _seconds(text: str) -> float:
    found = re.fullmatch("([0-9]{1,9})([smhd])", text)
    if found is None:
        raise click.UsageError(f"--older must be a number and s, m, h or d, as 7d, got {text!r:.100}")
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
        told = _described(entry)
        error = f"  {entry.error}" if entry.error else ""
        click.echo(f"{entry.id}  {entry.state:<8}{entry.executions:>3}  {told['enqueued_at']}  {entry.function}{error}")


def _show(entry: Entry, is_json: bool) -> None:
    told = _described(entry)
    if is_json:
        click.echo(json.dumps(told))
        return
    width = max(map(len, told))
    for name, value in told.items():
        if value not in (None, ""):
            click.echo(f"{name:<{width}}  {value}")


def _retry(store: Any, call_id: str) -> None:
    """Put a call back that ended without a response."""
    entry, call = store.status(call_id), store.stored(call_id)
    if entry is None or call is None:
        raise click.ClickException(f"There is no call {call_id!r:.100}.")
    if entry.state not in ("error", "timeout", "expired", "dead"):
        raise click.ClickException(f"The call {call_id} is {entry.state}; only one without a response can be retried.")
    now = time.time()
    changes = {"failures": 0, "losses": 0, "executions": entry.executions, "error": None, "state": "queued"}
    # Somebody else may have done it at the same time.
    store.put(call.again(**changes, expires_at=now + call.expires_at - call.enqueued_at, enqueued_at=now))
