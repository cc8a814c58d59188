"""`microfn check`: what can be found out without a request."""

from __future__ import annotations

import click

from ..route import Route
from ..router import Router
from .application import APP, load_router

__all__ = ["command"]


@click.command("check")
@APP
@click.pass_context
def command(ctx: click.Context, app: str | None) -> None:
    """Import an application, build it, and look for what is probably not meant.

    \b
    microfn check
    microfn check shop.app:app

    Conflicts, patterns and handles that cannot be are errors of the import. The exit code is 1 where something is
    found; notes, which are marked so, do not count.
    """  # noqa: D301 - click wants the character
    name, router = load_router(app)
    try:
        router.build()
    except TypeError as error:
        raise click.ClickException(str(error)) from None
    count = len(router.routes) + len(router.mounts)
    click.echo(f"{name}: {count} route{'' if count == 1 else 's'}")
    warnings = _warnings(router)
    for warning in warnings:
        click.secho(f"warning: {warning}", fg="yellow")
    for note in _notes(router):
        click.echo(f"note: {note}")
    if warnings:
        ctx.exit(1)
    click.secho("nothing is wrong", fg="green")


def _warnings(router: Router) -> list[str]:
    found = [] if router.routes or router.mounts else ["there are no routes"]
    return found + [
        f"{mount} takes paths that {route} would match"
        for mount in router.mounts
        for route in router.routes
        if mount.may_meet(route.pattern)
    ]


def _notes(router: Router) -> list[str]:
    """What is as it was asked for, and may surprise."""
    return [
        f"{other} goes before {route}"
        for route in router.routes
        if route.parsed.names
        for other in router.routes
        if other.method == route.method and other is not route and _hides(other, route)
    ]


def _hides(first: Route, second: Route) -> bool:
    """Whether a path of literal text in `first` would match `second` too, which has wildcards there."""
    ours, theirs = first.pattern.split("/"), second.pattern.split("/")
    for own, other in zip(ours, theirs, strict=False):
        if other.startswith("*"):
            return True
        text, colon, _ = other.partition(":")
        if colon and not (own.startswith(text) and own != text):
            return False
        if not colon and own != other:
            return False
    return len(ours) == len(theirs)
