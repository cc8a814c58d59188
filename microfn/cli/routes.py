"""`microfn routes`, which lists the routes."""

from __future__ import annotations

import json

import click

from ..errors import name_of
from ..router import Router
from ..routing.route import Route
from .app_name import APP
from .loading import load_router, router_of, routers_below

__all__ = ["command"]


@click.command("routes")
@APP
@click.option(
    "--tree", is_flag=True, help="Print the radix tree of each method, with the number of patterns below each node."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(app: str | None, tree: bool, as_json: bool) -> None:
    """List the routes of an application.

    The list includes the routes of mounted Routers, with the prefix of the mount.

    \b
    microfn routes
    microfn routes shop.app:app --tree
    microfn routes --json | jq '.[].pattern'
    """  # noqa: D301 - click wants the character
    _, router = load_router(app)
    routers = list(routers_below(router))
    if as_json:
        routes = [_described(route, prefix) for prefix, one in routers for route in one.routes]
        click.echo(json.dumps(routes, indent=1))
    elif tree:
        for prefix, one in routers:
            for method, drawn in one._ensure_snapshot().table.trees.items():
                click.secho(f"{method} {prefix}".rstrip(), bold=True)
                click.echo(str(drawn))
    else:
        _print_table(routers)


def _described(route: Route, prefix: str) -> dict[str, object]:
    return {
        "method": route.method,
        "pattern": prefix + route.pattern,
        "mount": prefix,
        "name": route.name,
        "handle": name_of(route.handle),
        "file": route.where and route.where[0],
        "line": route.where and route.where[1],
    }


def _print_table(routers: list[tuple[str, Router]]) -> None:
    rows = []
    for prefix, router in routers:
        rows += [(r.method, prefix + r.pattern, r.name or "", name_of(r.handle), r.place) for r in router.routes]
        rows += [
            ("*", f"{prefix}{mount.prefix}/…", "", name_of(mount.application), mount.where)
            for mount in router.mounts
            if router_of(mount) is None
        ]
    if not rows:
        click.echo("There are no routes.")
        return
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for method, pattern, name, handle, where in rows:
        line = [
            click.style(method.ljust(widths[0]), fg="cyan"),
            click.style(pattern.ljust(widths[1]), bold=True),
            *([name.ljust(widths[2])] if widths[2] else []),
            handle.ljust(widths[3]),
            click.style(where, dim=True),
        ]
        click.echo("  ".join(line).rstrip())
