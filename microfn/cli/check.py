"""`microfn check`: what can be found out without a request."""

from __future__ import annotations

import click

from .app_name import APP
from .findings import notes, warnings
from .loading import load, router_in

__all__ = ["command"]


@click.command("check")
@APP
@click.pass_context
def command(ctx: click.Context, app: str | None) -> None:
    """Import an application, build it, and look for what is probably not meant.

    \b
    microfn check
    microfn check shop.app:app

    Conflicts, names that are used twice, patterns and handles that cannot be are errors of the import. The exit code is
    1 where something is found; notes, which are marked so, do not count.
    """  # noqa: D301 - click wants the character
    name, application = load(app)
    router = router_in(name, application)
    try:
        router.build()
    except TypeError as error:
        raise click.ClickException(str(error)) from None
    count = len(router.routes) + len(router.mounts)
    click.echo(f"{name}: {count} route{'' if count == 1 else 's'}")
    found = warnings(router)
    for warning in found:
        click.secho(f"warning: {warning}", fg="yellow")
    for note in notes(router, application):
        click.echo(f"note: {note}")
    if found:
        ctx.exit(1)
    click.secho("nothing is wrong", fg="green")
