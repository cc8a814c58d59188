"""`microfn work`: start workers, which execute queued calls."""

from __future__ import annotations

import logging

import click

from .agent_name import AGENT, load_agent, store_of

__all__ = ["command"]


@click.command("work")
@click.argument("agent", metavar=AGENT)
@click.option("--processes", type=click.IntRange(1, 1000), default=1, show_default=True, help="Number of workers.")
@click.option("--list", "is_list", is_flag=True, help="Print the slots of all workers, on all hosts.")
@click.option("--parent", type=int, hidden=True)
def command(agent: str, processes: int, is_list: bool, parent: int | None) -> None:
    """Execute the queued calls of an agent.

    \b
    microfn work shop.app:agent --processes 4
    microfn work shop.app:agent --list

    Each worker executes up to 16 calls at once. If a worker dies, it is replaced, and its calls are executed again. On
    SIGTERM, workers take no more calls. Running calls have 30 seconds to end. Then they are queued again.
    """  # noqa: D301 - click reads the \b
    logging.basicConfig(format="%(asctime)s %(levelname)s %(process)d %(message)s", level=logging.INFO)
    loaded = load_agent(agent)
    store = store_of(loaded, agent)
    from ..agent.queue import child  # noqa: PLC0415 - the engine takes half a second
    from ..agent.queue.record import StoreError  # noqa: PLC0415
    from ..agent.queue.supervisor import Supervisor, command_for  # noqa: PLC0415

    if parent is not None:
        raise SystemExit(child.work(loaded, parent))
    if is_list:
        try:
            for line in child.slot_lines(store):
                click.echo(line)
        except StoreError as error:
            raise click.ClickException(str(error)) from None
        finally:
            store.close()
        return
    Supervisor(store, command_for(agent), processes, grace=child.GRACE).run()
